/** How a run is told: what every way of telling it must know. */
import type { LocalEvent, Snapshot } from '../../local/snapshot.ts';

/** What a user can paste once a model is served. */
export interface Welcome {
  model: string;
  url: string;
  /** `HOST:PORT` of gRPC. */
  grpc?: string;
  /** A shell line that asks it over HTTP. */
  curl: string;
  /** A shell line that asks it with this program. */
  predict: string;
}

export interface Reporter {
  event(event: LocalEvent): void;
  snapshot(snapshot: Snapshot): void;
  /** Everything serves. @param watched files whose edits are applied */
  ready(welcomes: readonly Welcome[], watched: readonly string[]): void;
  /** @param again how often it was asked before */
  stopping(signal: string, again: number): void;
  /** Nothing comes after this. */
  close(last: Snapshot): void;
}
