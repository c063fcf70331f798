// Where `bundle/` has packed a program. Plain JavaScript, for the launcher, whom an old Node may start.
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// See packed.d.mts.
export function packed(name, root = ROOT) {
  try {
    const sources = JSON.parse(readFileSync(join(root, 'dist/sources.json'), 'utf8'));
    for (const [file, [size, mtimeMs]] of Object.entries(sources)) {
      const now = statSync(join(root, file));
      if (now.size !== size || now.mtimeMs !== mtimeMs) return undefined;
    }
    const program = join(root, 'dist', `${name}.mjs`);
    statSync(program);
    return program;
  } catch {
    return undefined;
  }
}
