/** Answers that are kept: least recently used goes first, each for a limited time. Pure. */
import type { Tensor, TensorData } from '../protocol/datatypes.ts';

export interface Answer {
  outputs: Tensor[];
  /** Of the request. */
  items: number;
}

interface Kept extends Answer {
  bytes: number;
  /** Ms of the clock. */
  expires: number;
}

/** What an answer costs beside its values: key, entry and its place in the map; and what one tensor of it does. Measured. */
const ANSWER_BYTES = 384;
const TENSOR_BYTES = 256;
const TEXT_BYTES = 32;

export interface AnswersOptions {
  /** Of all answers together, their overhead included. */
  sizeBytes: number;
  ttlMs: number;
}

export class Answers {
  /** Of all that is kept. */
  bytes = 0;
  /** Answers that had to go for others, so far. */
  evictions = 0;
  readonly #sizeBytes: number;
  readonly #ttlMs: number;
  /** The one used last is last. */
  readonly #kept = new Map<string, Kept>();

  constructor({ sizeBytes, ttlMs }: AnswersOptions) {
    this.#sizeBytes = sizeBytes;
    this.#ttlMs = ttlMs;
  }

  get entries(): number {
    return this.#kept.size;
  }

  /** @returns a copy that the caller may do with as it likes */
  find(key: string, now: number): Answer | undefined {
    const answer = this.#kept.get(key);
    if (!answer) return undefined;
    this.#kept.delete(key);
    if (answer.expires <= now) {
      this.bytes -= answer.bytes;
      return undefined;
    }
    this.#kept.set(key, answer);
    return { outputs: answer.outputs.map(copyOf), items: answer.items };
  }

  /** Keeps a copy, unless it is larger than all that may be kept. */
  keep(key: string, { outputs, items }: Answer, now: number): void {
    this.#drop(key);
    const bytes = bytesOf(outputs);
    if (bytes > this.#sizeBytes) return;
    this.bytes += bytes;
    this.#kept.set(key, { outputs: outputs.map(copyOf), items, bytes, expires: now + this.#ttlMs });
    for (const [oldest, { expires }] of this.#kept) {
      if (this.bytes <= this.#sizeBytes) return;
      this.#drop(oldest);
      if (expires > now) this.evictions++;
    }
  }

  #drop(key: string): void {
    const answer = this.#kept.get(key);
    if (!answer) return;
    this.#kept.delete(key);
    this.bytes -= answer.bytes;
  }
}

/** With its values in memory of their own, not in that of a whole run. */
export function copyOf(tensor: Tensor): Tensor {
  return { ...tensor, shape: tensor.shape.slice(), data: tensor.data.slice() };
}

/** Upper bound of what they take when kept. */
function bytesOf(outputs: readonly Tensor[]): number {
  return outputs.reduce((sum, { shape, data }) => sum + TENSOR_BYTES + 8 * shape.length + sizeOf(data), ANSWER_BYTES);
}

function sizeOf(data: TensorData): number {
  if (!Array.isArray(data)) return data.byteLength;
  return data.reduce((sum, text) => sum + TEXT_BYTES + 2 * text.length, 0);
}
