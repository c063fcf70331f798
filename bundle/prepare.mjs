// After `npm ci`. Where programs cannot be packed, they run from their sources: that is no reason not to install.
import { existsSync } from 'node:fs';

const able = Number.parseInt(process.versions.node, 10) >= 24;
// Left out by `--omit=dev`.
if (able && existsSync(new URL('../node_modules/rolldown', import.meta.url))) {
  try {
    await import('./main.ts');
  } catch (error) {
    process.stderr.write(`programs are not packed, and start slower from their sources: ${error.message}\n`);
  }
}
