/** The memory of a large body is given back as soon as nobody needs it, and not before: every answer is that of its values. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ServingChanges } from '../runtime/harness.ts';
import { identity } from '../runtime/onnx-builder.ts';
import { binaryRequest, LENGTH, readAnswer } from '../runtime/protocol/oip.ts';
import { type Pair, pair, settled } from './mirror-support.ts';
import { MODEL, tableOf, until, writeTable } from './support.ts';

/** 160 kB: some reads of a socket. */
const VALUES = 40_000;

const valuesFrom = (first: number) => Float32Array.from({ length: VALUES }, (_, i) => first + i);

/** Asks for the values themselves. @returns those of the answer */
async function asked(base: string, first: number): Promise<Float32Array> {
  const input = {
    ...{ name: 'x', datatype: 'FP32', shape: [VALUES] },
    parameters: { binary_data_size: 4 * VALUES },
  };
  const head = { inputs: [input], parameters: { binary_data_output: true } };
  const { headers, body } = binaryRequest(head, new Uint8Array(valuesFrom(first).buffer));
  const response = await fetch(`${base}/v2/models/${MODEL}/infer`, { method: 'POST', headers, body: body as never });
  const bytes = Buffer.from(await response.arrayBuffer());
  expect([response.status, response.headers.has(LENGTH)], bytes.toString('latin1', 0, 300)).toEqual([200, true]);
  const raw = readAnswer(response.headers, bytes).raws[0] as Buffer;
  return new Float32Array(Uint8Array.from(raw).buffer);
}

async function agrees(base: string, firsts: readonly number[]): Promise<void> {
  const answers = await Promise.all(firsts.map((first) => asked(base, first)));
  for (const [i, first] of firsts.entries()) expect(answers[i]).toEqual(valuesFrom(first));
}

const models = { v1: identity('FP32'), v2: identity('FP32') };
const start = (serving: ServingChanges, parts = {}): Promise<Pair> => pair({ models, serving, ...parts });

const MANY = [0, 1_000, 2_000, 3_000, 4_000, 5_000];
const batching = { maxBatchSize: 1_000_000, maxDelayMs: 20 };
const PLACES: [string, ServingChanges][] = [
  ['on the thread that serves', { execution: { workers: 0, cores: 1 } }],
  ['in a worker', { execution: { workers: 1, cores: 1 } }],
  ['merged on the thread that serves', { execution: { workers: 0, cores: 1 }, batching }],
  ['merged in a worker', { execution: { workers: 1, cores: 1 }, batching }],
  ['kept', { execution: { workers: 1, cores: 1 }, cache: { sizeBytes: 10_000_000, ttlMs: 60_000 } }],
];

describe.each(PLACES)('%s', (_place, serving) => {
  test('answered, mirrored or not', async () => {
    const both = await start(serving);
    await agrees(both.v2.entry, MANY);
    await agrees(both.v1.entry, [...MANY, ...MANY]);
    await settled(both, 2 * MANY.length);
    expect(both.seen()).toMatchObject({ differing: 0, mirrorFailed: 0 });
    expect(both.seen().compared).toBeGreaterThan(0);
  });

  test('shielded: sent to another version first, which fails, then answered here', async () => {
    // It answers the head, and reads no body.
    const deaf = createServer((_request, response) => void response.writeHead(503).end());
    await new Promise<void>((listening) => deaf.listen(0, '127.0.0.1', listening));
    onTestFinished(() => {
      deaf.closeAllConnections();
      deaf.close();
    });
    const both = await start(serving, { shadow: {} });
    const at = { v2: (deaf.address() as AddressInfo).port };
    await writeTable(both.file, tableOf({ revision: 2, primary: 'v1', shares: { v1: 0, v2: 10_000 }, at }));
    await until(() => both.v1.server.report().table?.revision === 2);
    await agrees(both.v1.entry, MANY);
  });
});
