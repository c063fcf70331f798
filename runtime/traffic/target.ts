/** A version's direct port as seen from here: its addresses, a bounded pool of connections to each, and which to use next. */
import { isIP } from 'node:net';
import { Pool } from 'undici';
import type { Clock } from '../clock.ts';

/** A pod that would have more neighbours than this calls a random few of them. */
const MOST_ADDRESSES = 64;
/** Also the most requests in flight to one address: nothing waits for a connection. */
export const CONNECTIONS_PER_ADDRESS = 128;
const CONNECT_TIMEOUT_MS = 1_000;
const RESOLVE_EVERY_MS = 5_000;
/** After so long without a request the addresses are too old to be tried first. */
const ADDRESSES_STALE_MS = 30_000;
/** Failures ask for new addresses too, no more often than this. */
const RESOLVE_GAP_MS = 500;
/** An address that failed is left alone 1, 2, 4 … 30 s while there is another. */
const SHORTEST_SUSPICION_MS = 1_000;
const LONGEST_SUSPICION_MS = 30_000;

/** Host name → addresses, none when it has none. Rejects when it cannot tell. */
export type Resolve = (host: string) => Promise<string[]>;

export interface TargetOptions {
  host: string;
  port: number;
  clock: Clock;
  resolve: Resolve;
  random: () => number;
}

export interface Endpoint {
  readonly address: string;
  readonly pool: Pool;
  inFlight: number;
  suspectUntil: number;
  suspicionMs: number;
}

export class Target {
  readonly #options: TargetOptions;
  #endpoints: Endpoint[] = [];
  #turn = 0;
  #users = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;
  #retired: PromiseWithResolvers<void> | undefined;
  /** Pools of addresses that are gone, still finishing what they carry. */
  readonly #closing = new Set<Promise<void>>();

  constructor(options: TargetOptions) {
    this.#options = options;
    if (isIP(options.host)) this.#use([options.host]);
  }

  /** As the traffic table has it. */
  get at(): { host: string; port: number } {
    const { host, port } = this.#options;
    return { host, port };
  }

  get addresses(): string[] {
    return this.#endpoints.map(({ address }) => address);
  }

  /** A request begins to use this target, which from then on stays open until `release`. @returns whether it may */
  retain(): boolean {
    if (this.#retired && this.#users === 0) return false;
    this.#users++;
    return true;
  }

  release(): void {
    this.#users--;
    if (this.#retired && this.#users === 0) void this.#close();
  }

  /** No new requests; closes when those under way are done. */
  retire(): Promise<void> {
    if (!this.#retired) {
      this.#retired = Promise.withResolvers();
      if (this.#users === 0) void this.#close();
    }
    return this.#retired.promise;
  }

  /** What must be awaited before an address is chosen: nothing as a rule, since names are looked up beside the requests. */
  beforeUse(): Promise<void> | undefined {
    const age = this.#options.clock.now() - this.#askedAt;
    if (isIP(this.#options.host) || (age < RESOLVE_EVERY_MS && this.#endpoints.length > 0)) return undefined;
    const asked = this.refresh();
    return this.#endpoints.length === 0 || age > ADDRESSES_STALE_MS ? asked : undefined;
  }

  /** Looks the name up again, unless it was just done; one look-up at a time. */
  refresh(): Promise<void> {
    const { host, clock, resolve } = this.#options;
    if (this.#asking) return this.#asking;
    if (isIP(host) || clock.now() - this.#askedAt < RESOLVE_GAP_MS) return Promise.resolve();
    this.#askedAt = clock.now();
    this.#asking = resolve(host)
      // Old addresses are better than none: what is gone refuses, or says 421.
      .then((addresses) => (addresses.length > 0 && !this.#retired ? this.#use(addresses) : undefined))
      .catch(() => {})
      .finally(() => {
        this.#asking = undefined;
      });
    return this.#asking;
  }

  /**
   * The address with the fewest requests in flight, in turn where they are equal; one that just failed only when all
   * others did or were tried. To be used in the same tick.
   */
  choose(tried: ReadonlySet<Endpoint>): Endpoint | 'full' | undefined {
    const now = this.#options.clock.now();
    const count = this.#endpoints.length;
    let best: Endpoint | undefined;
    let full = false;
    this.#turn++;
    for (let i = 0; i < count; i++) {
      const endpoint = this.#endpoints[(this.#turn + i) % count] as Endpoint;
      if (tried.has(endpoint)) continue;
      if (endpoint.inFlight >= CONNECTIONS_PER_ADDRESS) full = true;
      else if (!best || isBetter(endpoint, best, now)) best = endpoint;
    }
    // One request at a time finds out whether a suspect is back.
    if (best && best.suspicionMs > 0) best.suspectUntil = now + best.suspicionMs;
    return best ?? (full ? 'full' : undefined);
  }

  suspect(endpoint: Endpoint): void {
    const { suspicionMs } = endpoint;
    endpoint.suspicionMs = suspicionMs === 0 ? SHORTEST_SUSPICION_MS : Math.min(suspicionMs * 2, LONGEST_SUSPICION_MS);
    endpoint.suspectUntil = this.#options.clock.now() + endpoint.suspicionMs;
    void this.refresh();
  }

  trust(endpoint: Endpoint): void {
    endpoint.suspicionMs = 0;
    endpoint.suspectUntil = 0;
  }

  #use(addresses: string[]): void {
    const wanted = new Set(addresses);
    const kept = this.#endpoints.filter(({ address }) => wanted.has(address));
    for (const gone of this.#endpoints) if (!wanted.has(gone.address)) this.#closePool(gone.pool);
    for (const { address } of kept) wanted.delete(address);
    const fresh = [...wanted];
    while (fresh.length > 0 && kept.length < MOST_ADDRESSES) {
      const [address] = fresh.splice(Math.floor(this.#options.random() * fresh.length), 1);
      kept.push(this.#open(address as string));
    }
    this.#endpoints = kept;
  }

  #open(address: string): Endpoint {
    const host = address.includes(':') ? `[${address}]` : address;
    const pool = new Pool(`http://${host}:${this.#options.port}`, {
      connections: CONNECTIONS_PER_ADDRESS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      allowH2: false,
      // The attempt's own timer covers these, and shorter.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    return { address, pool, inFlight: 0, suspectUntil: 0, suspicionMs: 0 };
  }

  #closePool(pool: Pool): void {
    const closing = pool.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  async #close(): Promise<void> {
    for (const { pool } of this.#endpoints) this.#closePool(pool);
    this.#endpoints = [];
    await Promise.all(this.#closing);
    this.#retired?.resolve();
  }
}

function isBetter(candidate: Endpoint, best: Endpoint, now: number): boolean {
  const candidateSuspect = candidate.suspectUntil > now;
  const bestSuspect = best.suspectUntil > now;
  if (candidateSuspect !== bestSuspect) return bestSuspect;
  return candidate.inFlight < best.inFlight;
}
