/** One contract for both places where a model can run. */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Executor } from '../../../runtime/models/executor.ts';
import { openOnMain } from '../../../runtime/models/main-executor.ts';
import type { SessionPlan } from '../../../runtime/models/session-plan.ts';
import { openInWorker } from '../../../runtime/models/worker-executor.ts';
import type { Datatype, TensorData } from '../../../runtime/protocol/datatypes.ts';
import { DIGITS, temporaryFolder } from '../harness.ts';
import { type Element, identity, onnx, writeModel } from '../onnx-builder.ts';
import { heavy, heavyInputs, planOf, SESSION, tensor } from './samples.ts';

const open = {
  main: (plan: SessionPlan) => openOnMain(plan, () => {}),
  worker: (plan: SessionPlan) => openInWorker(plan, { warn: () => {} }),
};

const fileOf = async (model: Buffer) => writeModel(await temporaryFolder(), model);

const VALUES: [Datatype, TensorData][] = [
  ['BOOL', Uint8Array.of(1, 0, 1)],
  ['INT8', Int8Array.of(-128, 0, 127)],
  ['INT16', Int16Array.of(-32768, 0, 32767)],
  ['INT32', Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)],
  ['INT64', BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n)],
  ['UINT8', Uint8Array.of(0, 1, 255)],
  ['UINT16', Uint16Array.of(0, 1, 65535)],
  ['UINT32', Uint32Array.of(0, 1, 2 ** 32 - 1)],
  ['UINT64', BigUint64Array.of(0n, 1n, 2n ** 64n - 1n)],
  ['FP16', Uint16Array.of(0, 0x3c00, 0x7c00)],
  ['FP32', Float32Array.of(0.5, Number.NaN, Number.NEGATIVE_INFINITY)],
  ['FP64', Float64Array.of(0.1, -0, 1e300)],
  ['BYTES', ['', 'ä', '{"a":1}']],
];

/** Takes the value after the last one of x, so every run fails. */
const FAILING = onnx({
  inputs: [{ name: 'x', element: 'INT64', shape: ['n'] }],
  outputs: [{ name: 'y', element: 'INT64', shape: ['m'] }],
  nodes: [
    { op: 'Shape', inputs: ['x'], outputs: ['s'] },
    { op: 'Add', inputs: ['s', 's'], outputs: ['twice'] },
    { op: 'Reshape', inputs: ['x', 'twice'], outputs: ['y'] },
  ],
});

describe.each(['main', 'worker'] as const)('an executor: %s', (place) => {
  /** Closed at the end of the test. */
  const opened = async (model: Buffer | string): Promise<Executor> => {
    const path = typeof model === 'string' ? model : await fileOf(model);
    const executor = await open[place](planOf(path));
    onTestFinished(() => executor.close());
    return executor;
  };

  test('says what the model takes, and where it runs', async () => {
    const { signature, providers, place: where } = await opened(DIGITS);
    expect([where, providers]).toEqual([place, ['cpu']]);
    expect(signature).toEqual({
      inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }],
      outputs: [
        { name: 'label', datatype: 'INT64', shape: [-1] },
        { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
      ],
    });
  });

  test.each(VALUES)('%s goes in and comes out as it was', async (datatype, data) => {
    const executor = await opened(identity(datatype as Element));
    for (const values of [data, data.slice(0, 0) as TensorData]) {
      const [y] = await executor.run([tensor('x', datatype, [values.length], values)], ['y']);
      expect(y).toEqual(tensor('y', datatype, [values.length], values));
    }
  });

  test('gives the outputs that are asked for, in the order asked', async () => {
    const executor = await opened(DIGITS);
    const image = [tensor('image', 'FP32', [2, 64], new Float32Array(128))];
    const [one] = await executor.run(image, ['probabilities']);
    const [probabilities, label] = await executor.run(image, ['probabilities', 'label']);
    expect(one).toEqual(probabilities);
    expect([probabilities?.name, probabilities?.shape]).toEqual(['probabilities', [2, 10]]);
    expect([label?.name, label?.data.length]).toEqual(['label', 2]);
  });

  test('leaves inputs that are views on a larger buffer as they are', async () => {
    const executor = await opened(identity('FP32'));
    const body = Buffer.alloc(64, 1);
    const view = new Float32Array(body.buffer, body.byteOffset + 8, 4);
    const [y] = await executor.run([tensor('x', 'FP32', [4], view)], ['y']);
    expect(y?.data).toEqual(view);
    expect([view.length, body.length, body.every((byte) => byte === 1)]).toEqual([4, 64, true]);
    const raw = await opened(identity('UINT8'));
    const [bytes] = await raw.run([tensor('x', 'UINT8', [64], body)], ['y']);
    expect([bytes?.data.length, body.length]).toEqual([64, 64]);
  });

  test('takes over what is said to be its own, also the same buffer twice', async () => {
    const model = onnx({
      inputs: ['a', 'b'].map((name) => ({ name, element: 'FP32', shape: ['n'] })),
      outputs: [{ name: 'sum', element: 'FP32', shape: ['n'] }],
      nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
    });
    const executor = await opened(model);
    const both = Float32Array.of(1, 2, 3);
    const inputs = [tensor('a', 'FP32', [3], both), tensor('b', 'FP32', [3], both)];
    const [sum] = await executor.run(inputs, ['sum'], true);
    expect(sum?.data).toEqual(Float32Array.of(2, 4, 6));
  });

  test('many at once: each gets its own answer', async () => {
    const executor = await opened(identity('INT32'));
    const answers = Array.from({ length: 50 }, (_, i) =>
      executor.run([tensor('x', 'INT32', [1], Int32Array.of(i))], ['y']),
    );
    expect((await Promise.all(answers)).map(([y]) => y?.data[0])).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  test('a run that fails is a coded error, and the next one is run', async () => {
    const failing = await opened(FAILING);
    for (let i = 0; i < 2; i++) {
      await expect(failing.run([tensor('x', 'INT64', [1], new BigInt64Array(1))], ['y'])).rejects.toMatchObject({
        code: 'INFERENCE_FAILED',
        message: expect.stringContaining('Reshape'),
      });
    }
    const digits = await opened(DIGITS);
    await expect(digits.run([tensor('image', 'FP32', [1, 63], new Float32Array(63))], ['label'])).rejects.toMatchObject(
      { code: 'INPUT_SHAPE' },
    );
    expect(await digits.run([tensor('image', 'FP32', [1, 64], new Float32Array(64))], ['label'])).toHaveLength(1);
  });

  test('closing waits for what runs; what comes later is refused; closing again does nothing', async () => {
    const executor = await opened(heavy(256, 4));
    const runs = [1, 2, 3].map(() => executor.run(heavyInputs(256), ['y']));
    const done: string[] = [];
    const all = [
      ...runs.map((run) => run.then(() => done.push('run'))),
      executor.close().then(() => done.push('closed')),
    ];
    await expect(executor.run(heavyInputs(256), ['y'])).rejects.toMatchObject({ code: 'INFERENCE_FAILED' });
    await Promise.all([...all, executor.close()]);
    expect(done).toEqual(['run', 'run', 'run', 'closed']);
    await executor.close();
  });

  test('what can not be opened is a coded error', async () => {
    const refused = (plan: SessionPlan) =>
      open[place](plan).then(
        () => 'opened',
        ({ code }) => code,
      );
    expect(await refused(planOf(await fileOf(Buffer.from('no model'))))).toBe('MODEL_CORRUPT');
    expect(await refused(planOf('/no/such/file'))).toBe('MODEL_CORRUPT');
    expect(await refused(planOf(await fileOf(identity('BF16'))))).toBe('MODEL_UNSUPPORTED');
    const cuda = planOf(DIGITS, { session: { ...SESSION, executionProviders: ['cuda'] } });
    expect(await refused(cuda)).toBe('PROVIDER_MISSING');
  });

  test('providers that are missing are left out if cpu follows, with a warning', async () => {
    const warnings: string[] = [];
    const session = { ...SESSION, executionProviders: ['tensorrt', 'cuda', 'cpu'] as const };
    const plan = planOf(DIGITS, { session: { ...session, executionProviders: [...session.executionProviders] } });
    const warn = (message: string) => void warnings.push(message);
    const executor = await (place === 'main' ? openOnMain(plan, warn) : openInWorker(plan, { warn }));
    onTestFinished(() => executor.close());
    expect(executor.providers).toEqual(['cpu']);
    expect(warnings.join()).toMatch(/'tensorrt' is not available.*'cuda' is not available/s);
  });
});
