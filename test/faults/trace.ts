/** What a proxy saw and did, for a test that fails, and the record of what reached the API server. */
import type { FaultKind } from './plan.ts';
import type { ApiRequest } from './request.ts';

export interface TraceEntry {
  request: ApiRequest;
  /** What was done to it; `partition` while the network was cut as a whole. */
  fault: FaultKind | 'partition';
  /** Milliseconds since the proxy started, when the request was there. */
  at: number;
}

/** A write that the API server answered, whether or not the client heard of it. */
export interface WriteSeen {
  request: ApiRequest;
  /** HTTP status. */
  status: number;
  /** Milliseconds since the proxy started, when it was forwarded. */
  at: number;
}

const MOST_ENTRIES = 5_000;
const TAIL = 25;

export class Trace {
  readonly #entries: TraceEntry[] = [];
  readonly #writes: WriteSeen[] = [];
  readonly #counts = new Map<TraceEntry['fault'], number>();

  add(entry: TraceEntry): void {
    keep(this.#entries, entry);
    this.#counts.set(entry.fault, (this.#counts.get(entry.fault) ?? 0) + 1);
  }

  wrote(write: WriteSeen): void {
    keep(this.#writes, write);
  }

  /** The newest 5,000 requests, in the order of arrival. */
  get entries(): readonly TraceEntry[] {
    return this.#entries;
  }

  /** The newest 5,000 writes that reached the API server. */
  get writes(): readonly WriteSeen[] {
    return this.#writes;
  }

  /** Faults so far, by kind. */
  get counts(): ReadonlyMap<TraceEntry['fault'], number> {
    return this.#counts;
  }

  /** Every fault with its number, then the last requests. */
  toString(): string {
    const faults = this.#entries.filter(({ fault }) => fault !== 'pass').map(line);
    const last = this.#entries.slice(-TAIL).map(line);
    return [`faults:`, ...faults, `last requests:`, ...last].join('\n');
  }
}

function keep<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MOST_ENTRIES) list.splice(0, list.length - MOST_ENTRIES);
}

function line({ request, fault, at }: TraceEntry): string {
  const { number, verb, resource, name } = request;
  const place = [verb, resource, name].filter((part) => part !== undefined && part !== '').join(' ');
  return `  #${number} ${(at / 1_000).toFixed(2)} s ${place}${fault === 'pass' ? '' : `: ${fault}`}`;
}
