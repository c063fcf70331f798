/** How requests reach a model: what stands between protocols and the sessions that run it. */
import type { Tensor } from '../protocol/datatypes.ts';

export interface Work {
  inputs: readonly Tensor[];
  outputs: readonly string[];
  /** Size of its body: what it holds while it waits. */
  bytes: number;
  /** When it must be answered, ms of the clock. What is still waiting then is dropped, not run. */
  deadline: number;
  /** Who asks, such as a connection: one caller's many requests do not keep another's from their turn. */
  caller: object;
  /** Calls back once when nobody waits for the answer any more. @returns how to stop listening */
  onGone(callback: () => void): () => void;
  /** Nobody waits for it: it is run after all else, has half of the room to wait in, and no part in a cache. */
  background?: boolean;
}

export interface Done {
  outputs: Tensor[];
  /** Milliseconds waited, and run. */
  queued: number;
  computed: number;
  /** Items of the run that it was part of: rows of the first dimension, its own among them; 1 where that means nothing. */
  batch: number;
  /** Items of its own. */
  items: number;
  /** It led its run: what counts runs counts these. */
  first: boolean;
  /** Where the answer comes from. `joined`: from the run of an identical request that was under way. */
  from: 'run' | 'cache' | 'joined';
}

export interface Runner {
  /** @throws RequestError QUEUE_FULL, REQUEST_TIMEOUT, CLIENT_GONE, INFERENCE_FAILED, INPUT_SHAPE */
  submit(work: Work): Promise<Done>;
  /** Requests that wait or run. */
  readonly pending: number;
  /** Resolves once nothing waits and nothing runs. */
  drained(): Promise<void>;
}

/** One run of the model. @throws RequestError INFERENCE_FAILED, INPUT_SHAPE when only the model itself could tell */
export type Run = (inputs: readonly Tensor[], outputs: readonly string[]) => Promise<Tensor[]>;

/** What may wait; what runs is not counted. */
export interface Room {
  requests: number;
  /** Of all that wait together. A request that waits alone may be larger. */
  bytes: number;
}
