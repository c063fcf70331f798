/** One run that several callers of the same question wait for. */
import { RequestError } from '../errors.ts';
import type { Done, Work } from '../models/runner.ts';
import type { Tensor } from '../protocol/datatypes.ts';

/** Somebody who waits for the answer. */
export interface Wanting {
  since: number;
  /** Ms of the clock. */
  deadline: number;
  /** What it holds while it waits; 0 for the first, whose body the work counts. */
  bytes: number;
  resolve(done: Done): void;
  reject(error: unknown): void;
  stopListening?: (() => void) | undefined;
}

/** The work that all of them share: it lives for as long as any of them wants it. */
export class Flight implements Work {
  readonly key: string;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[];
  readonly bytes: number;
  readonly caller: object;
  /** In the order in which they came. */
  readonly wanted = new Set<Wanting>();
  /** The least deadline of all who ever joined. */
  earliest = Number.POSITIVE_INFINITY;
  #deadline = Number.NEGATIVE_INFINITY;
  #gone: (() => void) | undefined;

  constructor(key: string, { inputs, outputs, bytes, caller }: Work) {
    this.key = key;
    this.inputs = inputs;
    this.outputs = outputs;
    this.bytes = bytes;
    this.caller = caller;
  }

  /** The latest of those who want it: it may move on while it waits. */
  get deadline(): number {
    return this.#deadline;
  }

  onGone(callback: () => void): () => void {
    this.#gone = callback;
    return () => {
      this.#gone = undefined;
    };
  }

  join(wanting: Wanting): void {
    this.wanted.add(wanting);
    this.#deadline = Math.max(this.#deadline, wanting.deadline);
    this.earliest = Math.min(this.earliest, wanting.deadline);
  }

  /** One of them wants it no more. @returns whether it was the last one, so that the work need not be done */
  leave(wanting: Wanting, error: RequestError): boolean {
    this.wanted.delete(wanting);
    wanting.stopListening?.();
    wanting.reject(error);
    if (this.wanted.size > 0) return false;
    this.#gone?.();
    return true;
  }
}

export function gone(): RequestError {
  return new RequestError('CLIENT_GONE', 'the client hung up before the request was run');
}

export function expired({ since }: Wanting, now: number): RequestError {
  const message = `the request waited ${Math.round(now - since)} ms for the run of an identical one and was not answered`;
  return new RequestError('REQUEST_TIMEOUT', message);
}
