/** Programs packed for real, into folders of these tests. What else they do, all tests of processes show: they start them. */
import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pack } from '../../bundle/pack.ts';
import { packed } from '../../cli/packed.mjs';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

let folder: string;
/** As in the image: beside no sources. */
let image: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-bundle-'));
  image = join(folder, 'image');
  await pack(['operator', 'runtime'], image);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('a packed program', () => {
  it.each([
    ['operator.mjs', ['--help'], /^Usage: modelship-operator/],
    ['operator.mjs', ['--version'], /^\d+\.\d+\.\d+/],
  ])('%s %s runs where there are neither sources nor packages', async (program, args, says) => {
    const { stdout } = await run(process.execPath, [program, ...args], { cwd: image });
    expect(stdout).toMatch(says);
  });

  it('comes with what it starts: other programs and worker threads', () => {
    expect(readdirSync(image)).toEqual(expect.arrayContaining(['runtime.mjs', 'ort-worker.mjs']));
    const text = readdirSync(image).map((file) => readFileSync(join(image, file), 'utf8'));
    expect(text.filter((one) => /new URL\('[^']+\.ts'/.test(one))).toEqual([]);
  });

  it('comes with the licences of the packages in it, of these and no others', () => {
    const titles = [...readFileSync(join(image, 'licences.txt'), 'utf8').matchAll(/^(\S+) (\S+) \(.+\)\n=+$/gm)];
    const names = titles.map(([, name]) => name);
    expect(names).toEqual(expect.arrayContaining(['fastify', 'zod', '@kubernetes/client-node']));
    expect(names.filter((name) => /^(onnxruntime-node|rolldown|vitest|typescript)$/.test(String(name)))).toEqual([]);
    expect(readFileSync(join(image, 'licences.txt'), 'utf8')).toContain('Permission is hereby granted');
  });

  it('names what went wrong as its sources do', async () => {
    const failed = await run(process.execPath, ['operator.mjs', '--kubeconfig', '/nowhere'], { cwd: image }).catch(
      (error: { stderr: string }) => error,
    );
    expect(failed.stderr).toBe('error: there is no kubeconfig at /nowhere\n');
  });
});

describe('packing again', () => {
  it('writes nothing where nothing has changed, and leaves nothing of other programs', async () => {
    const files = readdirSync(image);
    const when = () => files.map((file) => statSync(join(image, file)).mtimeMs);
    const before = when();
    await pack(['operator', 'runtime'], image);
    expect(when()).toEqual(before);
    await pack(['runtime'], image);
    expect(files).toContain('operator.mjs');
    expect(readdirSync(image)).not.toContain('operator.mjs');
  });
});

describe('the launcher', () => {
  /** A checkout whose packed command line says that it is that. */
  function checkout() {
    const root = mkdtempSync(join(folder, 'checkout-'));
    const source = join(root, 'cli/main.ts');
    for (const one of ['cli', 'dist']) mkdirSync(join(root, one));
    cpSync(join(ROOT, 'cli/modelship.mjs'), join(root, 'cli/modelship.mjs'));
    cpSync(join(ROOT, 'cli/packed.mjs'), join(root, 'cli/packed.mjs'));
    writeFileSync(source, "export const main = (): void => void process.stdout.write('sources');");
    writeFileSync(join(root, 'dist/modelship.mjs'), "export const main = () => void process.stdout.write('packed');");
    const { size, mtimeMs } = statSync(source);
    const packedOf = (more: object): void => {
      const sources = { 'cli/main.ts': [size, mtimeMs], ...more };
      writeFileSync(join(root, 'dist/sources.json'), JSON.stringify(sources));
    };
    packedOf({});
    const said = async () => (await run(process.execPath, [join(root, 'cli/modelship.mjs')])).stdout;
    return { root, source, packedOf, said };
  }

  it('takes what was packed, as long as the sources are the same', async () => {
    const { source, said } = checkout();
    expect(await said()).toBe('packed');
    writeFileSync(source, `${readFileSync(source, 'utf8')}\n`);
    expect(await said()).toBe('sources');
  });

  it.each<[string, (at: ReturnType<typeof checkout>) => void]>([
    ['a source has another time', ({ source }) => utimesSync(source, 1, 1)],
    ['a source is gone', ({ packedOf }) => packedOf({ 'cli/gone.ts': [1, 1] })],
    ['nothing was packed', ({ root }) => rmSync(join(root, 'dist'), { recursive: true })],
    ['what was packed is broken', ({ root }) => writeFileSync(join(root, 'dist/sources.json'), '{"cli')],
    ['another program was packed', ({ root }) => rmSync(join(root, 'dist/modelship.mjs'))],
  ])('takes the sources where %s', async (_, change) => {
    const at = checkout();
    change(at);
    expect(await at.said()).toBe('sources');
  });

  it('finds what was packed of this checkout for these tests', () => {
    expect(packed('modelship')).toBe(join(ROOT, 'dist/modelship.mjs'));
  });
});
