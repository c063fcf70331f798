import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ortOptions } from '../../../runtime/models/session-plan.ts';
import { ask, DIGITS, infer, type Running, run, temporaryFolder } from '../harness.ts';
import { planOf, SESSION, withExternalWeights } from './samples.ts';

const DIGIT = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: new Array(64).fill(1) }] };
const execution = ({ server }: Running) => server.own.loaded?.execution;

test('what ONNX Runtime is told', () => {
  const session = { ...SESSION, threads: 3, arena: false, graphOptimization: 'basic' as const, device: 2 };
  expect(ortOptions(planOf('m', { session }), ['tensorrt', 'cuda', 'cpu'])).toMatchObject({
    executionProviders: [{ name: 'tensorrt', deviceId: 2 }, { name: 'cuda', deviceId: 2 }, 'cpu'],
    intraOpNumThreads: 3,
    interOpNumThreads: 1,
    enableCpuMemArena: false,
    graphOptimizationLevel: 'basic',
    extra: { session: { intra_op: { allow_spinning: '0' } } },
  });
  expect(ortOptions(planOf('m', { mapWeights: true }), ['cpu']).extra).toEqual({
    session: { disable_prepacking: '1' },
  });
});

describe('what can not be passed on is refused', () => {
  const load = async (session: object) => {
    const running = await run({ serving: { session }, load: false });
    return running.server.load().then(
      () => 'loaded',
      ({ code, message }) => `${code}: ${message}`,
    );
  };

  test('a memory limit of a GPU, before anything is opened', async () => {
    const said = await load({ executionProviders: ['cuda', 'cpu'], gpuMemoryBytes: 2 ** 30 });
    expect(said).toMatch(/^OPTION_UNSUPPORTED: serving\.session\.gpuMemory .*'cuda'.*leave it out/);
  });

  test('without a GPU it means nothing', async () => {
    expect(await load({ gpuMemoryBytes: 2 ** 30 })).toBe('loaded');
  });

  test('a missing provider: what it needs, and the field to change', async () => {
    const said = await load({ executionProviders: ['tensorrt', 'cuda'] });
    expect(said).toMatch(/^PROVIDER_MISSING: .*'tensorrt'.*libonnxruntime_providers_tensorrt\.so.*TensorRT 10/);
    expect(said).toMatch(/docs\/how-to\/gpu\.md.*'cpu' after 'tensorrt' in serving\.session\.executionProviders/);
  });
});

describe('optimised graphs that are kept', () => {
  const started = (cacheDir: string, serving: object = {}) =>
    run({ launch: { uri: DIGITS, cacheDir }, serving: { session: { keepOptimized: true }, ...serving } });
  const kept = async (folder: string) => (await readdir(folder)).filter((name) => name.endsWith('.onnx'));

  test.each([0, 2])('the first start leaves one, the next opens it; %i workers', async (workers) => {
    const folder = join(await temporaryFolder(), 'not', 'there', 'yet');
    const first = await started(folder, { execution: { workers } });
    const [name, ...more] = await kept(folder);
    expect([name, more]).toEqual([expect.stringMatching(/^[0-9a-f]{32}-[0-9a-f]{64}\.onnx$/), []]);
    const second = await started(folder, { execution: { workers } });
    expect([execution(first)?.optimized, execution(second)?.optimized]).toEqual(['written', 'kept']);
    const answers = await Promise.all([first, second].map((running) => infer(running, DIGIT)));
    expect(answers[1]?.json.outputs).toEqual(answers[0]?.json.outputs);
    expect(second.server.own.digest).toBe(first.server.own.digest);
    expect(await kept(folder)).toEqual([name]);
  });

  test('one for each way of optimising', async () => {
    const folder = await temporaryFolder();
    await started(folder);
    await started(folder, { session: { keepOptimized: true, graphOptimization: 'basic' } });
    expect(await kept(folder)).toHaveLength(2);
  });

  test.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, 100)],
    ['altered', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.of(0xff)])],
    ['empty', () => Buffer.alloc(0)],
  ])('one that is %s is not opened: deleted, warned of, made anew', async (_how, damage) => {
    const folder = await temporaryFolder();
    await started(folder);
    const path = join(folder, (await kept(folder))[0] as string);
    const good = await readFile(path);
    await writeFile(path, damage(good));
    const running = await started(folder);
    expect(running.warnings.join()).toContain('does not hold what was written');
    expect(execution(running)?.optimized).toBe('written');
    expect(await readFile(path)).toEqual(good);
  });

  test('a graph that holds what was written, and that ONNX Runtime does not open all the same', async () => {
    const folder = await temporaryFolder();
    await started(folder);
    const [name] = await kept(folder);
    const { createHash } = await import('node:crypto');
    const junk = Buffer.from('junk');
    const forged = `${name?.slice(0, 32)}-${createHash('sha256').update(junk).digest('hex')}.onnx`;
    await writeFile(join(folder, forged), junk);
    const { unlink } = await import('node:fs/promises');
    await unlink(join(folder, name as string));
    const running = await started(folder);
    expect(running.warnings.join()).toContain('left out and deleted');
    expect(await kept(folder)).toEqual([name]);
  });

  test('four at most, those used last; half-written files of the dead go too', async () => {
    const folder = await temporaryFolder();
    const old = new Date(Date.now() - 2 * 60 * 60_000);
    const names = [1, 2, 3, 4, 5].map((i) => `${String(i).repeat(32)}-${'0'.repeat(64)}.onnx`);
    const half = `${'6'.repeat(32)}.1-x.tmp.onnx`;
    for (const [i, name] of [...names, half].entries()) {
      await writeFile(join(folder, name), 'x');
      await utimes(join(folder, name), old, new Date(old.getTime() + i));
    }
    await writeFile(join(folder, 'mine.txt'), 'not ours');
    await started(folder);
    const left = await readdir(folder);
    expect(left).toHaveLength(5);
    expect(left).toEqual(expect.arrayContaining([...names.slice(2), 'mine.txt']));
  });

  test('a folder that can not be written is a warning', async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'file'), '');
    const running = await started(join(folder, 'file'));
    expect([running.server.own.ready, running.warnings.join()]).toEqual([
      true,
      expect.stringContaining("can't be kept"),
    ]);
  });

  test('without a folder, or with weights beside the model, it does nothing and says so', async () => {
    const folder = await temporaryFolder();
    const uri = await withExternalWeights(folder);
    const session = { session: { keepOptimized: true } };
    const cacheDir = join(folder, 'cache');
    const external = await run({ launch: { uri, cacheDir }, serving: session });
    expect(external.warnings.join()).toContain('weights lie in files beside');
    const nowhere = await run({ serving: session });
    expect(nowhere.warnings.join()).toContain('--cache-dir');
    expect([external, nowhere].map((one) => execution(one)?.optimized)).toEqual(['off', 'off']);
  });
});

describe('weights in files beside the model', () => {
  const request = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 512], data: new Array(512).fill(1) }] };
  const shared = async ({ admin }: Running) =>
    /^modelship_model_weights_shared (\d)/m.exec((await ask(`${admin}/metrics`)).text)?.[1];
  const mapped = async () => (await readFile('/proc/self/maps', 'utf8')).includes('/weights.bin');

  test('are mapped once for all workers', async () => {
    const uri = await withExternalWeights(await temporaryFolder());
    const running = await run({ launch: { uri }, serving: { execution: { workers: 2 } } });
    expect([await mapped(), execution(running)?.weightsShared, await shared(running)]).toEqual([true, true, '1']);
    const { json } = await infer(running, request);
    expect(json.outputs[0].data).toEqual(new Array(512).fill(2));
  });

  test('are packed for the CPU where one session runs the model', async () => {
    const uri = await withExternalWeights(await temporaryFolder());
    const running = await run({ launch: { uri }, serving: { execution: { workers: 1 } } });
    expect([await mapped(), await shared(running)]).toEqual([false, '1']);
  });

  test('weights in the model itself are held by each worker', async () => {
    const running = await run({ serving: { execution: { workers: 2 } } });
    expect(await shared(running)).toBe('0');
  });
});
