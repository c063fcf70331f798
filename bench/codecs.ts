/**
 * What reading and writing a request costs: CPU of this thread alone, no sockets, no model. `node bench/codecs.ts`.
 * With `--against FILE`, another version of `runtime/protocol/oip-rest.ts` is measured in turn, and the ratio printed.
 * Read the medians and the ratios: machines are noisy.
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Codec, Prepared } from '../runtime/protocol/codec.ts';
import type { Datatype, Tensor, TensorData } from '../runtime/protocol/datatypes.ts';
import { oipRest } from '../runtime/protocol/oip-rest.ts';
import type { Signature } from '../runtime/protocol/signature.ts';

const ROUNDS = 11;
/** Values that a measurement goes through, so that every one takes about as long. */
const VALUES = 400_000;
/** Tensors that take turns: V8 remembers the texts of some thousand numbers, which no real traffic repeats. */
const ALTERNATE = 40_000;

const BY = { model: 'digits', version: 'v1' };

interface Case {
  name: string;
  values: number;
  /** Runs once with a codec. @param turn counts the calls */
  call(codec: Codec, turn: number): unknown;
}

function dataOf(datatype: Datatype, size: number, seed: number): TensorData {
  const value = (i: number) => Math.sin((i + seed * size) * 1.37);
  if (datatype === 'INT64') return BigInt64Array.from({ length: size }, (_, i) => BigInt(Math.trunc(value(i) * 5e4)));
  return Float32Array.from({ length: size }, (_, i) => value(i));
}

function rows<T>(values: T[], width: number): T[][] {
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}

interface Subject {
  datatype: Datatype;
  /** The last dimension of a nested request. */
  width: number;
  size: number;
}

function signatureOf({ datatype, size }: Subject): Signature {
  return {
    inputs: [{ name: 'image', datatype, shape: [-1, size] }],
    outputs: [{ name: 'scores', datatype, shape: [-1, size] }],
  };
}

function tensorsOf({ datatype, size }: Subject): Tensor[] {
  const count = Math.max(1, Math.round(ALTERNATE / size));
  return Array.from({ length: count }, (_, seed) => {
    return { name: 'scores', datatype, shape: [1, size], data: dataOf(datatype, size, seed) };
  });
}

const JSON_TYPE = { 'content-type': 'application/json' };

function casesOf(subject: Subject): Case[] {
  const { datatype, size, width } = subject;
  const signature = signatureOf(subject);
  const tensors = tensorsOf(subject);
  const numbers = tensors.map(({ data }) => Array.from(data as Float32Array, Number));
  const bodyOf = (shape: number[], data: unknown) =>
    Buffer.from(JSON.stringify({ inputs: [{ name: 'image', datatype, shape, data }] }));
  const nestedShape = [1, size / width, width];
  const nested = { ...signature, inputs: [{ name: 'image', datatype, shape: [-1, -1, width] }] };
  const flat = numbers.map((values) => bodyOf([1, size], values));
  const deep = numbers.map((values) => bodyOf(nestedShape, [rows(values, width)]));
  const asks = flat[0] as Buffer;
  const prepared = new Map<Codec, Prepared>();
  const pick = <T>(all: T[], turn: number) => all[turn % all.length] as T;
  const label = `${datatype} × ${size}`;
  return [
    {
      name: `read ${label}`,
      values: size,
      call: (codec, turn) => codec({ body: pick(flat, turn), headers: JSON_TYPE }, signature),
    },
    {
      name: `read ${label}, rows of ${width}`,
      values: size,
      call: (codec, turn) => codec({ body: pick(deep, turn), headers: JSON_TYPE }, nested),
    },
    {
      name: `write ${label}`,
      values: size,
      call(codec, turn) {
        let known = prepared.get(codec);
        if (!known) {
          known = codec({ body: asks, headers: JSON_TYPE }, signature);
          prepared.set(codec, known);
        }
        return known.write([pick(tensors, turn)], BY);
      },
    },
  ];
}

/** The whole of a request to the digits model: 64 whole numbers in, a label and ten probabilities out. */
function digits(): Case {
  const signature: Signature = {
    inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }],
    outputs: [
      { name: 'label', datatype: 'INT64', shape: [-1] },
      { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
    ],
  };
  const data = Array.from({ length: 64 }, (_, i) => (i * 7) % 17);
  const body = Buffer.from(JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }] }));
  const answers = Array.from({ length: 1000 }, (_, seed): Tensor[] => [
    { name: 'label', datatype: 'INT64', shape: [1], data: new BigInt64Array([BigInt(seed % 10)]) },
    { name: 'probabilities', datatype: 'FP32', shape: [1, 10], data: dataOf('FP32', 10, seed) },
  ]);
  return {
    name: 'digits, read and write',
    values: 128,
    call(codec, turn) {
      return codec({ body, headers: JSON_TYPE }, signature).write(answers[turn % answers.length] as Tensor[], BY);
    },
  };
}

/** The same in bytes, both ways. An older version may not offer it, so it is measured alone. */
function binary(size: number): Case {
  const signature = signatureOf({ datatype: 'FP32', size, width: 1 });
  const data = dataOf('FP32', size, 1) as Float32Array;
  const parameters = { binary_data_size: data.byteLength };
  const json = JSON.stringify({
    parameters: { binary_data_output: true },
    inputs: [{ name: 'image', datatype: 'FP32', shape: [1, size], parameters }],
  });
  const head = Buffer.from(json.padEnd(Math.ceil(json.length / 8) * 8));
  const body = Buffer.concat([head, Buffer.from(data.buffer)]);
  const headers = { 'inference-header-content-length': String(head.length) };
  const answer: Tensor[] = [{ name: 'scores', datatype: 'FP32', shape: [1, size], data }];
  return {
    name: `binary FP32 × ${size}, read and write`,
    values: size,
    call: (codec) => codec({ body, headers }, signature).write(answer, BY),
  };
}

/** Microseconds of CPU a call. */
function cpuOf({ call, values }: Case, codec: Codec): number {
  const calls = Math.max(2, Math.round(VALUES / values));
  const before = process.cpuUsage();
  for (let turn = 0; turn < calls; turn++) call(codec, turn);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / calls;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] as number;

function measure(one: Case, codec: Codec, other: Codec | undefined): string {
  const costs: number[] = [];
  const ratios: number[] = [];
  for (let round = -2; round < ROUNDS; round++) {
    const cost = cpuOf(one, codec);
    const against = other && cpuOf(one, other);
    if (round < 0) continue;
    costs.push(cost);
    if (against) ratios.push(cost / against);
  }
  const text = `${one.name.padEnd(36)}${median(costs).toFixed(2).padStart(12)} µs`;
  if (ratios.length === 0) return text;
  const spread = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
  return `${text}  × ${median(ratios).toFixed(2)} of the other (${spread})`;
}

const { values } = parseArgs({ options: { against: { type: 'string' } } });
const other = values.against && ((await import(path.resolve(values.against))) as { oipRest: Codec }).oipRest;

const subjects: Subject[] = [64, 1_024, 150_528].flatMap((size) => [
  { datatype: 'FP32', size, width: size === 150_528 ? 3 : 8 } as const,
  { datatype: 'INT64', size, width: 8 } as const,
]);
process.stdout.write('CPU a request, medians\n');
for (const one of [digits(), ...subjects.flatMap(casesOf)]) {
  process.stdout.write(`${measure(one, oipRest, other || undefined)}\n`);
}
for (const size of [64, 1_024, 150_528]) process.stdout.write(`${measure(binary(size), oipRest, undefined)}\n`);
