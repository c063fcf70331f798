/**
 * Writes the pages of `docs/` that speak of several rooms of the house at once: errors and metrics. With `--check` writes
 * nothing, names each file that is stale and exits 1.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { errorsPage } from './errors.ts';
import { metricsPage } from './metrics.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Every generated page, by its path from the root of the repository. */
export const PAGES: Readonly<Record<string, () => string>> = {
  'docs/errors.md': errorsPage,
  'docs/reference/metrics.md': metricsPage,
};

/** Paths of the pages that are missing or not what would be written now. */
export async function stalePages(root = ROOT): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of Object.entries(PAGES)) {
    const found = await readFile(join(root, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== text()) stale.push(path);
  }
  return stale;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  for (const path of await stalePages()) {
    if (values.check) {
      process.stderr.write(`${path} is stale: run npm run generate\n`);
      process.exitCode = 1;
      continue;
    }
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), PAGES[path]?.() ?? '');
    process.stdout.write(`wrote ${path}\n`);
  }
}

if (import.meta.main) await main();
