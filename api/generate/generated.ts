/** Files of the repository that are made from sources, and committed: written, or compared with what they should be. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const ROOT = join(import.meta.dirname, '..', '..');

/** The text of each, by its path from the root of the repository. */
export type Generated = Readonly<Record<string, string>>;

/** Paths of the files that are missing or not what would be written now. */
export async function staleFiles(files: Generated, root = ROOT): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of Object.entries(files)) {
    const found = await readFile(join(root, path), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (found !== text) stale.push(path);
  }
  return stale;
}

/** The `main` of a generator: writes what is stale; with `--check` writes nothing, names what is stale and exits with 1. */
export async function generate(files: Generated): Promise<void> {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  for (const path of await staleFiles(files)) {
    if (values.check) {
      process.stderr.write(`${path} is stale: run npm run generate\n`);
      process.exitCode = 1;
      continue;
    }
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), files[path] ?? '');
    process.stdout.write(`wrote ${path}\n`);
  }
}
