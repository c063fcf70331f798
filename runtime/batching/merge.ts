/** Which requests may be run together, how their tensors are put together, and taken apart again. Pure. */
import { type Datatype, sizeOf, type Tensor, type TensorData } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';
import { unfilled } from '../protocol/tensor-memory.ts';
import type { Waiting } from './waiting.ts';

/**
 * A part of an output from this size on is copied: a slow reader of it would keep the outputs of the whole run alive.
 * A smaller one is a view; its answer fits a socket's buffer, so it is gone at once.
 */
const COPIED_BYTES = 16_384;

const isOpen = ({ shape, anyRank }: TensorSpec): boolean => anyRank !== true && shape[0] === -1;

/** What the signature says of merging. */
export class Merging {
  /** The first dimension counts items: it is free in all inputs and outputs. */
  readonly hasItems: boolean;
  readonly #maxBatchSize: number;
  /** [input, dimension] of inner dimensions that are free: the rest is the same in all requests. */
  readonly #free: readonly (readonly [number, number])[];
  readonly #outputs: readonly string[];

  constructor({ inputs, outputs }: Signature, maxBatchSize: number) {
    this.hasItems = inputs.length > 0 && outputs.length > 0 && inputs.every(isOpen) && outputs.every(isOpen);
    this.#maxBatchSize = maxBatchSize;
    this.#outputs = outputs.map(({ name }) => name);
    const inner = ({ shape }: TensorSpec, input: number) =>
      shape.flatMap((dim, d) => (d > 0 && dim === -1 ? [[input, d] as const] : []));
    this.#free = inputs.flatMap(inner);
  }

  /** Items of a request; −1 where its inputs do not agree or the model has none. */
  itemsOf(inputs: readonly Tensor[]): number {
    if (!this.hasItems) return -1;
    const items = (inputs[0] as Tensor).shape[0] as number;
    for (let i = 1; i < inputs.length; i++) if ((inputs[i] as Tensor).shape[0] !== items) return -1;
    return items;
  }

  /** Requests of the same key may be run together; undefined: with none. A request that fills a run goes alone. */
  keyOf(inputs: readonly Tensor[], outputs: readonly string[], items: number): string | undefined {
    if (items < 1 || items >= this.#maxBatchSize) return undefined;
    let key = '';
    for (const [input, d] of this.#free) key += `${(inputs[input] as Tensor).shape[d]},`;
    return this.#wantsAll(outputs) ? key : outputs.reduce((text, name) => `${text}${name.length}:${name}`, key);
  }

  #wantsAll(outputs: readonly string[]): boolean {
    const all = this.#outputs;
    if (outputs.length !== all.length) return false;
    for (let i = 0; i < all.length; i++) if (outputs[i] !== all[i]) return false;
    return true;
  }
}

/**
 * The inputs of several requests as those of one.
 * @throws Error if a tensor's data is not as long as its shape says: rows must never move between requests
 */
export function join(members: readonly Waiting[], rows: number): Tensor[] {
  const first = (members[0] as Waiting).work.inputs;
  return first.map(({ name, datatype, shape }, input) => {
    const width = sizeOf(shape.slice(1));
    const parts = members.map((member) => dataOf(member, input, width));
    return { name, datatype, shape: [rows, ...shape.slice(1)], data: concatenate(datatype, parts, rows * width) };
  });
}

function dataOf({ work, rows }: Waiting, input: number, width: number): TensorData {
  const { name, data } = work.inputs[input] as Tensor;
  if (data.length !== rows * width) throw new Error(`input '${name}' has ${data.length} values, not ${rows * width}`);
  return data;
}

function concatenate(datatype: Datatype, parts: readonly TensorData[], size: number): TensorData {
  if (datatype === 'BYTES') return (parts as string[][]).flat();
  const joined = unfilled(datatype, size) as Float32Array;
  let offset = 0;
  for (const part of parts) {
    joined.set(part as Float32Array, offset);
    offset += part.length;
  }
  return joined;
}

/** What is wrong with the outputs of a merged run; undefined: each has a row for each item. */
export function misfit(outputs: readonly Tensor[], rows: number): string | undefined {
  const odd = outputs.find(({ shape }) => shape[0] !== rows);
  return odd && `its output '${odd.name}' was of shape [${odd.shape.join(',')}] for ${rows} items`;
}

/** The outputs of a merged run, taken apart: one list for each request, in their order. */
export function split(outputs: readonly Tensor[], members: readonly Waiting[]): Tensor[][] {
  const parts: Tensor[][] = members.map(() => []);
  for (const { name, datatype, shape, data } of outputs) {
    const inner = shape.slice(1);
    const width = sizeOf(inner);
    let from = 0;
    for (let i = 0; i < members.length; i++) {
      const { rows } = members[i] as Waiting;
      const to = from + rows * width;
      (parts[i] as Tensor[]).push({ name, datatype, shape: [rows, ...inner], data: cut(data, from, to) });
      from = to;
    }
  }
  return parts;
}

function cut(data: TensorData, from: number, to: number): TensorData {
  if (Array.isArray(data)) return data.slice(from, to);
  return (to - from) * data.BYTES_PER_ELEMENT < COPIED_BYTES ? data.subarray(from, to) : data.slice(from, to);
}
