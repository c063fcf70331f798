/** N requests in flight against one server: what the load loop drives. */
import type { RawAnswer } from '../wires/wire.ts';

export interface Outcome {
  /** Why it is no good answer: `HTTP 503`, `grpc-status 14`, `closed`. */
  failure?: string;
  /** Only of those sent with `keep`, and of failures. */
  answer?: RawAnswer;
}

export interface Transport {
  /**
   * Sends a request; one at a time a slot.
   * @param slot 0 ≤ slot < slots
   * @param keep whether the answer itself is wanted
   */
  send(slot: number, request: Buffer, keep: boolean, done: (outcome: Outcome) => void): void;
  close(): void;
}
