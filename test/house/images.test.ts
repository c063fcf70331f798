/** The images hold the programs with what these import, and tell of no package that they don't. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXTERNAL, PROGRAMS, type Program } from '../../bundle/pack.ts';
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

describe.each<Program>(['runtime', 'operator'])('Dockerfile.%s', (program) => {
  const text = readFileSync(path.join(ROOT, `Dockerfile.${program}`), 'utf8');
  const left = [...text.matchAll(/\bdependencies\.([@\w/-]+)/g)].map((found) => found[1] as string);
  const { files, packages: imported } = closure(PROGRAMS[program]);

  it('leaves out packages that are dependencies, and none that is imported', () => {
    expect(left.length).toBeGreaterThan(0);
    for (const each of left) expect(Object.keys(packageJson.dependencies)).toContain(each);
    expect(left.filter((each) => imported.has(each))).toEqual([]);
  });

  it('keeps no package that is not imported', () => {
    const kept = Object.keys(packageJson.dependencies).filter((each) => !left.includes(each));
    expect(kept.toSorted()).toEqual([...imported].toSorted());
  });

  it('packs the program with the folders of all files that are loaded', () => {
    expect(text).toContain(`RUN node bundle/main.ts ${program} `);
    const folders = new Set([...files].map((file) => path.relative(ROOT, file).split(path.sep)[0]));
    for (const folder of folders) expect(text).toContain(`COPY ${folder} ./${folder}`);
  });

  it('starts it', () => {
    expect(/^ENTRYPOINT \["node", "([^"]+)"\]$/m.exec(text)?.[1]).toBe(`${program}.mjs`);
  });

  it('keeps as packages those that are not packed, and no others', () => {
    const [, pattern] = /-maxdepth 1 ! -name '([^']+)\*'/.exec(text) ?? [];
    const kept = [...imported].filter((one) => pattern !== undefined && one.startsWith(pattern));
    expect(kept).toEqual([...imported].filter((one) => EXTERNAL.test(one)));
  });
});

describe('of ONNX Runtime the image holds the library of its own platform', () => {
  const [, script = ''] = /node -e "([^"]+)"/.exec(readFileSync(path.join(ROOT, 'Dockerfile.runtime'), 'utf8')) ?? [];

  it.each(['x64', 'arm64'])('linux/%s', (arch) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'modelship-image-'));
    try {
      const libraries = path.join(folder, 'node_modules/onnxruntime-node/bin/napi-v6');
      for (const platform of ['linux/x64', 'linux/arm64', 'darwin/arm64', 'win32/x64']) {
        mkdirSync(path.join(libraries, platform), { recursive: true });
      }
      // What `docker buildx build --platform` makes of it, by an emulated Node.
      const preload = path.join(folder, 'platform.cjs');
      const values = `{arch: {value: '${arch}'}, platform: {value: 'linux'}}`;
      writeFileSync(preload, `Object.defineProperties(process, ${values});`);
      execFileSync(process.execPath, ['--require', preload, '-e', script.replaceAll('\\\n', '')], { cwd: folder });
      expect(readdirSync(libraries)).toEqual(['linux']);
      expect(readdirSync(path.join(libraries, 'linux'))).toEqual([arch]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe.each([
  ['Dockerfile.runtime', '@kubernetes/client-node'],
  ['Dockerfile.operator', 'onnxruntime-node'],
])('the bill of materials in the image of %s', (name, foreign) => {
  const text = readFileSync(path.join(ROOT, name), 'utf8').replaceAll('\\\n', '');
  const [, left = ''] = /npm pkg delete (.+?) &&/.exec(text) ?? [];
  const [, print = ''] = /npm (sbom .+?) >/.exec(text) ?? [];

  let folder: string;
  const npm = (...words: string[]): string =>
    execFileSync('npm', words, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  /** As the image has it, and npm prints it: of the lock file, so that nothing is fetched. */
  const bill = (args: string): unknown => JSON.parse(npm(...args.split(' '), '--package-lock-only'));

  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'modelship-bill-'));
    for (const file of ['package.json', 'package-lock.json']) cpSync(path.join(ROOT, file), path.join(folder, file));
    npm('pkg', 'delete', ...left.trim().split(/\s+/));
    npm('prune', '--omit=dev', '--ignore-scripts', '--package-lock-only', '--offline');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const gone = left.split(/\s+/).map((one) => one.replace(/^dependencies\./, ''));
  const kept = Object.entries(packageJson.dependencies).filter(([one]) => !gone.includes(one));

  it('tells of all packages that are in it, and of none that is not', () => {
    const { components } = bill(print) as { components: { name: string; version: string }[] };
    const versions = Object.fromEntries(components.map((one) => [one.name, one.version]));
    expect(kept.length).toBeGreaterThan(2);
    expect(versions).toMatchObject(Object.fromEntries(kept));
    expect([foreign, 'vitest', 'typescript'].filter((one) => one in versions)).toEqual([]);
  });

  it('is to be had as SPDX, too', () => {
    const { packages } = bill('sbom --sbom-format spdx') as { packages: { name: string; versionInfo: string }[] };
    const versions = Object.fromEntries(packages.map((one) => [one.name, one.versionInfo]));
    expect(versions).toMatchObject(Object.fromEntries(kept));
  });
});
