/**
 * Writes what is made from `api/`: the CRD, the editor schema, the reference page. With `--check` writes nothing, names
 * each file that is stale and exits 1.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { crdYaml } from './crd.ts';
import { editorSchemaText } from './json-schema.ts';
import { reference } from './reference.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Every generated file, by its path from the root of the repository. */
export const GENERATED: Readonly<Record<string, () => string>> = {
  'crds/modelship.dev_modeldeployments.yaml': crdYaml,
  'docs/schema/modeldeployment.json': editorSchemaText,
  'docs/reference/modeldeployment.md': reference,
};

/** Paths of the files that are missing or not what would be written now. */
export async function staleFiles(root = ROOT): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, text] of Object.entries(GENERATED)) {
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
  const stale = await staleFiles();
  for (const path of stale) {
    if (values.check) {
      process.stderr.write(`${path} is stale: run npm run generate\n`);
      process.exitCode = 1;
      continue;
    }
    await mkdir(dirname(join(ROOT, path)), { recursive: true });
    await writeFile(join(ROOT, path), GENERATED[path]?.() ?? '');
    process.stdout.write(`wrote ${path}\n`);
  }
}

if (import.meta.main) await main();
