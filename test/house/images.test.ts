/** The images hold what their programs import, and no package that they don't. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };

const ROOT = path.resolve(import.meta.dirname, '../..');
const IMPORT = /^(?:import|export)\s+(?!type\b)[^;]*?\bfrom\s+'([^']+)'|\bimport\(\s*'([^']+)'|^import\s+'([^']+)'/gm;

/** Files that are loaded from `entry` on, and the packages that they import. */
function closure(entry: string): { files: Set<string>; packages: Set<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const walk = (file: string): void => {
    if (files.has(file) || !existsSync(file) || !file.endsWith('.ts')) return;
    files.add(file);
    for (const found of readFileSync(file, 'utf8').matchAll(IMPORT)) {
      const from = (found[1] ?? found[2] ?? found[3]) as string;
      if (from.startsWith('.')) walk(path.resolve(path.dirname(file), from));
      else if (!from.startsWith('node:')) packages.add(nameOf(from));
    }
  };
  walk(path.join(ROOT, entry));
  return { files, packages };
}

function nameOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe.each([
  ['Dockerfile.runtime', ['runtime/main.ts']],
  ['Dockerfile.operator', ['operator/main.ts']],
])('%s', (name, entries) => {
  const text = readFileSync(path.join(ROOT, name), 'utf8');
  const left = [...text.matchAll(/\bdependencies\.([@\w/-]+)/g)].map((found) => found[1] as string);
  const closures = entries.map(closure);
  const imported = new Set(closures.flatMap(({ packages }) => [...packages]));

  it('leaves out packages that are dependencies, and none that is imported', () => {
    expect(left.length).toBeGreaterThan(0);
    for (const each of left) expect(Object.keys(packageJson.dependencies)).toContain(each);
    expect(left.filter((each) => imported.has(each))).toEqual([]);
  });

  it('keeps no package that is not imported', () => {
    const kept = Object.keys(packageJson.dependencies).filter((each) => !left.includes(each));
    expect(kept.toSorted()).toEqual([...imported].toSorted());
  });

  it('holds the folders of all files that are loaded', () => {
    const folders = new Set(
      closures.flatMap(({ files }) => [...files].map((file) => path.relative(ROOT, file).split(path.sep)[0])),
    );
    for (const folder of folders) expect(text).toContain(`COPY ${folder} ./${folder}`);
  });

  it('starts one of the entries', () => {
    const [, started] = /^ENTRYPOINT \["node", "([^"]+)"\]$/m.exec(text) ?? [];
    expect(entries).toContain(started);
  });
});
