/** The layers of the house: imports point one way, and `core` stays pure. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Which folders each folder may import from, beside itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  api: [],
  core: ['api'],
  runtime: ['api'],
  operator: ['api', 'core'],
  local: ['api', 'core'],
  cli: ['api', 'core', 'local', 'operator'],
  charts: ['api', 'operator'],
  bundle: [],
  docs: ['api', 'runtime', 'operator', 'cli'],
};

interface Import {
  file: string;
  from: string;
}

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mjs)$/.test(name))
    .map((name) => path.join(folder, name));
}

/** Every module specifier of a file: static imports, re-exports, dynamic imports. */
function specifiers(source: string): string[] {
  return [...source.matchAll(/(?:\bfrom\s*|\bimport\s*\(\s*|^\s*import\s+)['"]([^'"]+)['"]/gm)].map(
    (m) => m[1] as string,
  );
}

function importsOf(folder: string): Import[] {
  return sourceFiles(folder).flatMap((file) =>
    specifiers(readFileSync(path.join(ROOT, file), 'utf8')).map((from) => ({ file, from })),
  );
}

/** The top folder that a relative import leads to; undefined for packages, `node:` modules and package.json. */
function folderOf({ file, from }: Import): string | undefined {
  if (!from.startsWith('.') || from.endsWith('/package.json')) return undefined;
  return path.normalize(path.join(path.dirname(file), from)).split(path.sep)[0];
}

const present = Object.keys(MAY_IMPORT).filter((folder) => readdirSync(ROOT).includes(folder));

describe('imports point one way', () => {
  it.each(present)('%s imports only what its layer may', (folder) => {
    const allowed = [folder, ...(MAY_IMPORT[folder] as readonly string[])];
    const imports = importsOf(folder);
    expect(imports.length).toBeGreaterThan(0);
    const wrong = imports.filter((i) => {
      const to = folderOf(i);
      return to !== undefined && !allowed.includes(to);
    });
    expect(wrong).toEqual([]);
  });

  it('core is pure: no packages, no Node modules', () => {
    expect(importsOf('core').filter(({ from }) => !from.startsWith('.'))).toEqual([]);
  });

  it('core asks no clock, no randomness and no process', () => {
    const impure = sourceFiles('core').filter((file) =>
      /\b(Date\.now|new Date\(\)|Math\.random|performance\.now|process\.|setTimeout|setInterval)\b/.test(
        readFileSync(path.join(ROOT, file), 'utf8'),
      ),
    );
    expect(impure).toEqual([]);
  });

  it("the runtime has Node's HTTP module without the fetch that its ES module loads", () => {
    const users = sourceFiles('runtime').filter((file) =>
      /^import (?!type\b).*'node:http'/m.test(readFileSync(path.join(ROOT, file), 'utf8')),
    );
    expect(users).toEqual([]);
  });

  it('onnxruntime is known to one module of the runtime', () => {
    const users = importsOf('runtime').filter(({ from }) => from.startsWith('onnxruntime'));
    expect([...new Set(users.map(({ file }) => file))]).toEqual(['runtime/models/ort.ts']);
  });
});
