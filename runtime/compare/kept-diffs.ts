/** The last few requests that were answered differently: bounded in number and size, and gone when the switch is off. */
import type { Diff, DiffTensor } from '../../api/diffs.ts';
import type { Datatype, NumberData, Tensor } from '../protocol/datatypes.ts';
import { writeValues } from '../protocol/json-numbers.ts';

/** Of one request as JSON, all of its tensors together. */
export const DIFF_BYTES = 64 * 1024;
/** Of these, what is not values: time, version, reason. */
const HEAD_BYTES = 1_024;
/** Of a tensor beside its values: datatype, punctuation. */
const TENSOR_BYTES = 128;
const MOST_REASON = 500;

/** The most characters that a value takes in JSON, its comma included. */
const WIDTH: Record<Exclude<Datatype, 'BYTES'>, number> = {
  BOOL: 6,
  INT8: 5,
  INT16: 7,
  INT32: 12,
  INT64: 23,
  UINT8: 4,
  UINT16: 6,
  UINT32: 11,
  UINT64: 23,
  FP16: 25,
  FP32: 25,
  FP64: 25,
};

/** A tensor with its first values only, in memory of its own. */
interface Kept {
  tensor: Tensor;
  cutFrom: number | undefined;
}

interface KeptDiff {
  /** Ms since 1970. */
  at: number;
  version: string;
  reason: string;
  inputs: Kept[];
  stable: Kept[];
  canary: Kept[];
}

export interface Differing {
  at: number;
  version: string;
  reason: string;
  inputs: readonly Tensor[];
  stable: readonly Tensor[];
  canary: readonly Tensor[];
}

export class KeptDiffs {
  #most = 0;
  #kept: KeptDiff[] = [];

  /** How many are kept. */
  get most(): number {
    return this.#most;
  }

  /**
   * @param most how many to keep; 0 forgets all at once
   * @param versions those of other versions are forgotten
   */
  use(most: number, versions: ReadonlySet<string>): void {
    this.#most = most;
    this.#kept = most === 0 ? [] : this.#kept.filter(({ version }) => versions.has(version)).slice(-most);
  }

  /** Cut and copied here; what is given is not held. Written as JSON only when it is asked for. */
  keep({ at, version, reason, ...given }: Differing): void {
    if (this.#most === 0) return;
    const tensors = [...given.inputs, ...given.stable, ...given.canary];
    const names = tensors.reduce((sum, { name, shape }) => sum + 6 * name.length + 12 * shape.length, 0);
    const each =
      Math.max(0, DIFF_BYTES - HEAD_BYTES - 6 * MOST_REASON - names) / Math.max(1, tensors.length) - TENSOR_BYTES;
    const cut = (list: readonly Tensor[]) => list.map((tensor) => cutTo(tensor, each));
    this.#kept.push({
      at,
      version,
      reason: reason.slice(0, MOST_REASON),
      inputs: cut(given.inputs),
      stable: cut(given.stable),
      canary: cut(given.canary),
    });
    if (this.#kept.length > this.#most) this.#kept.shift();
  }

  /** Newest first. */
  list(): Diff[] {
    return this.#kept.toReversed().map(({ at, version, reason, inputs, stable, canary }) => ({
      at: new Date(at).toISOString(),
      version,
      reason,
      inputs: inputs.map(shown),
      stable: stable.map(shown),
      canary: canary.map(shown),
    }));
  }
}

/** @param bytes that its values may take as JSON */
function cutTo({ name, datatype, shape, data }: Tensor, bytes: number): Kept {
  const head = { name, datatype, shape: [...shape] };
  if (datatype === 'BYTES') return cutTexts(head, data as string[], bytes);
  const most = Math.max(0, Math.floor(bytes / WIDTH[datatype]));
  const numbers = data as NumberData;
  // A Buffer's own `slice` is a view, and it is a Uint8Array to those who made it.
  const values = numbers instanceof Uint8Array ? new Uint8Array(numbers.subarray(0, most)) : numbers.slice(0, most);
  return { tensor: { ...head, data: values }, cutFrom: most < numbers.length ? numbers.length : undefined };
}

function cutTexts(head: Omit<Tensor, 'data'>, texts: readonly string[], bytes: number): Kept {
  const data: string[] = [];
  let left = bytes;
  for (const text of texts) {
    // No character takes more than six, as in \u0000.
    const most = Math.floor(left / 6) - 3;
    if (most < 0) break;
    data.push(text.slice(0, most));
    left -= 18 + 6 * Math.min(text.length, most);
    if (text.length > most) return { tensor: { ...head, data }, cutFrom: texts.length };
  }
  return { tensor: { ...head, data }, cutFrom: data.length < texts.length ? texts.length : undefined };
}

function shown({ tensor, cutFrom }: Kept): DiffTensor {
  const { name, datatype, shape } = tensor;
  const data = valuesOf(tensor);
  return { name, datatype, shape: [...shape], data, ...(cutFrom !== undefined && { cutFrom }) };
}

/** As answers have them, but for integers that no number holds exactly: these are texts. */
function valuesOf(tensor: Tensor): DiffTensor['data'] {
  const { datatype, data } = tensor;
  if (datatype === 'INT64' || datatype === 'UINT64') {
    return Array.from(data as BigInt64Array, (value) => {
      const number = Number(value);
      return Number.isSafeInteger(number) ? number : String(value);
    });
  }
  return JSON.parse(`[${writeValues(tensor)}]`);
}
