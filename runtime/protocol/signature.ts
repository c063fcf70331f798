/** What a model takes and gives. Read from the model, never declared. Pure. */
import type { Datatype } from './datatypes.ts';

export interface TensorSpec {
  name: string;
  datatype: Datatype;
  /** −1 for a dimension that is not fixed. */
  shape: readonly number[];
  /** The model fixes no rank, so `shape` says nothing. */
  anyRank?: boolean;
}

export interface Signature {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

/** `FP32 [-1,64]`, for messages. */
export function describe(spec: TensorSpec): string {
  return `${spec.datatype} ${spec.anyRank ? 'of any shape' : showShape(spec.shape)}`;
}

export function showShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

/** A name that a request gave, for messages: short, whatever was sent. */
export function quoted(name: string): string {
  return name.length > 80 ? `'${name.slice(0, 80)}…'` : `'${name}'`;
}

/** `'a', 'b' and 3 more`, for messages: bounded, however many names a model has. */
export function showNames(names: readonly string[], most = 8): string {
  const shown = names.slice(0, most).map((name) => `'${name}'`);
  const more = names.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

/** Of dimensions that the model leaves free, in a tensor without values. */
const MOST_OF_NOTHING = 65_536;

/**
 * Whether a tensor has no values and yet large dimensions: no byte of a request stands behind them, but a model that sums
 * over the empty one makes an output of the others.
 */
export function isHollow(shape: readonly number[], spec: TensorSpec): boolean {
  if (!shape.includes(0)) return false;
  const free = shape.filter((dim, at) => dim !== 0 && (spec.anyRank || spec.shape[at] === -1));
  return free.reduce((product, dim) => product * dim, 1) > MOST_OF_NOTHING;
}

/** Whether a concrete shape is one that the model takes. */
export function fits(shape: readonly number[], spec: TensorSpec): boolean {
  if (spec.anyRank) return true;
  if (shape.length !== spec.shape.length) return false;
  for (let i = 0; i < shape.length; i++) {
    if (spec.shape[i] !== -1 && spec.shape[i] !== shape[i]) return false;
  }
  return true;
}
