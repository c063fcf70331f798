/** Real models, run by ONNX Runtime: a request's answer is the same, in company or alone. */
import { describe, expect, test } from 'vitest';
import type { Done, Runner, Work } from '../../../runtime/models/runner.ts';
import type { Tensor } from '../../../runtime/protocol/datatypes.ts';
import { infer, run, type ServingChanges } from '../harness.ts';
import { identity, onnx } from '../onnx-builder.ts';
import { type Random, randomOf } from '../random.ts';

const BATCHED: ServingChanges = { batching: { maxBatchSize: 16, maxDelayMs: 0 } };

async function runnerOf(options: { model?: Buffer; serving?: ServingChanges }): Promise<Runner> {
  const { server } = await run(options);
  return server.own.loaded?.runner as Runner;
}

function workOf(inputs: Tensor[], outputs: string[]): Work {
  return { inputs, outputs, bytes: 1, deadline: Number.POSITIVE_INFINITY, caller: {}, onGone: () => () => {} };
}

const digit = ({ below }: Random, rows: number): Tensor => {
  const data = Float32Array.from({ length: rows * 64 }, () => below(17));
  return { name: 'image', datatype: 'FP32', shape: [rows, 64], data };
};

/** Of all answers together, how far their numbers are apart. */
function apart(a: readonly Done[], b: readonly Done[]): number {
  let most = 0;
  for (const [i, { outputs }] of a.entries()) {
    for (const [o, { name, shape, data }] of outputs.entries()) {
      const other = b[i]?.outputs[o] as Tensor;
      expect([other.name, other.shape, other.data.length]).toEqual([name, shape, data.length]);
      for (let v = 0; v < data.length; v++) most = Math.max(most, Math.abs(Number(data[v]) - Number(other.data[v])));
    }
  }
  return most;
}

describe('answers of requests that are run together are those that they get alone', () => {
  test('digits, in batches of all sizes', async () => {
    const { own } = (await run({ serving: BATCHED })).server;
    const [together, alone] = [own.loaded?.runner as Runner, await runnerOf({})];
    const random = randomOf(1);
    const input = own.signature?.inputs[0]?.name as string;
    const outputs = own.signature?.outputs.map(({ name }) => name) as string[];
    const seen = new Set<number>();
    for (const burst of [1, 2, 5, 16, 40]) {
      const inputs = Array.from({ length: burst }, () => [{ ...digit(random, 1 + random.below(3)), name: input }]);
      const merged = await Promise.all(inputs.map((one) => together.submit(workOf(one, outputs))));
      const single: Done[] = [];
      for (const one of inputs) single.push(await alone.submit(workOf(one, outputs)));
      expect(apart(merged, single)).toBeLessThanOrEqual(1e-6);
      for (const { batch } of merged) seen.add(batch);
      expect(single.every(({ batch, items }) => batch === items)).toBe(true);
    }
    expect(Math.max(...seen)).toBeGreaterThan(8);
    expect(Math.max(...seen)).toBeLessThanOrEqual(16);
  });

  test('two inputs of another type, bit for bit', async () => {
    const shape = ['n', 3] as const;
    const model = onnx({
      inputs: [
        { name: 'a', element: 'INT64', shape },
        { name: 'b', element: 'INT64', shape },
      ],
      outputs: [{ name: 'sum', element: 'INT64', shape }],
      nodes: [{ op: 'Add', inputs: ['a', 'b'], outputs: ['sum'] }],
    });
    const runner = await runnerOf({ model, serving: BATCHED });
    const random = randomOf(2);
    const tensor = (name: string, rows: number): Tensor => {
      const data = BigInt64Array.from({ length: rows * 3 }, () => BigInt(random.below(2 ** 31)) * 2n ** 30n);
      return { name, datatype: 'INT64', shape: [rows, 3], data };
    };
    const works = Array.from({ length: 30 }, () => {
      const rows = 1 + random.below(4);
      return workOf([tensor('a', rows), tensor('b', rows)], ['sum']);
    });
    const dones = await Promise.all(works.map((work) => runner.submit(work)));
    for (const [i, { outputs }] of dones.entries()) {
      const [a, b] = (works[i] as Work).inputs.map(({ data }) => data as BigInt64Array);
      expect(outputs[0]?.data).toEqual(a?.map((value, v) => value + (b?.[v] ?? 0n)));
    }
    expect(Math.max(...dones.map(({ batch }) => batch))).toBeGreaterThan(8);
  });

  test('texts', async () => {
    const runner = await runnerOf({ model: identity('BYTES', ['n', 2]), serving: BATCHED });
    const texts = Array.from({ length: 20 }, (_, i) => [`${i}`, 'ü'.repeat(i % 4)]);
    const dones = await Promise.all(
      texts.map((data) => runner.submit(workOf([{ name: 'x', datatype: 'BYTES', shape: [1, 2], data }], ['y']))),
    );
    expect(dones.map(({ outputs }) => outputs[0]?.data)).toEqual(texts);
  });

  test('a model whose rows mix is found out by its first answers, which are right already', async () => {
    const shape = ['n', 2] as const;
    const model = onnx({
      inputs: [{ name: 'x', element: 'FP32', shape }],
      outputs: [{ name: 'y', element: 'FP32', shape }],
      nodes: [{ op: 'Softmax', inputs: ['x'], outputs: ['y'], ints: { axis: 0 } }],
    });
    const running = await run({ model, serving: BATCHED });
    const runner = running.server.own.loaded?.runner as Runner;
    for (let round = 0; round < 2; round++) {
      const works = Array.from({ length: 8 }, (_, i) =>
        workOf([{ name: 'x', datatype: 'FP32', shape: [1, 2], data: Float32Array.of(i, -i) }], ['y']),
      );
      const dones = await Promise.all(works.map((work) => runner.submit(work)));
      for (const { outputs } of dones) expect(outputs[0]?.data).toEqual(Float32Array.of(1, 1));
    }
    expect(running.warnings.filter((line) => line.includes('no longer merged')).length).toBe(1);
  });
});

describe('over HTTP', () => {
  test('many at once get their own answers; a row that is asked for again comes from the cache', async () => {
    const cache = { sizeBytes: 1_000_000, ttlMs: 60_000 };
    const running = await run({ model: identity('FP32', ['n', 2]), serving: { ...BATCHED, cache } });
    const body = (value: number) => ({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [value, -value] }],
    });
    const values = Array.from({ length: 24 }, (_, i) => 1 + (i % 12));
    for (let round = 0; round < 2; round++) {
      const replies = await Promise.all(values.map((value) => infer(running, body(value))));
      expect(replies.map(({ json }) => json.outputs[0].data)).toEqual(values.map((value) => [value, -value]));
    }
    expect(running.server.own.loaded?.cache?.()).toMatchObject({ misses: 12, entries: 12 });
  });
});
