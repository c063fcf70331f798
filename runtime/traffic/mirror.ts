/**
 * Copies requests that were answered as the stable version to versions that are to be compared with it. The user's answer
 * is computed and handed over before anything is done here but a draw; see docs/how-to/shadow.md.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type CompareRule, DEFAULT_RULE } from '../../api/compare.ts';
import type { Diff } from '../../api/diffs.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { ALL } from '../../api/units.ts';
import type { Clock } from '../clock.ts';
import { KeptDiffs } from '../compare/kept-diffs.ts';
import type { VersionBook } from '../counters.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import type { Signature } from '../protocol/signature.ts';
import type { RequestTrace } from '../tracing/trace.ts';
import { writeCopy } from './copy-codec.ts';
import { bytesOf, ownOf } from './own-tensors.ts';
import type { Routing } from './routing.ts';
import { type Copy, Shadow } from './shadow.ts';

/** Of all versions together: copies under way, that wait, and their bytes, the answers to them included. */
const MOST_IN_FLIGHT = 16;
const MOST_WAITING = 64;
const MOST_BYTES = 32 * 2 ** 20;
/** An answer may be twice as large as the user's, and so much beside: more is a difference without being read. */
const HEAD_BYTES = 16_384;
/** Under pressure one request in so long is still copied, ms, so that an analysis under load has something to go by. */
const TRICKLE_MS = 50;
/** Failures at a version are logged no more often than this, ms. */
const LOG_EVERY_MS = 60_000;
/** Headers of a request that its copies keep: they are in its trace. */
const KEPT_HEADERS = ['traceparent', 'tracestate', 'baggage'] as const;

export interface MirrorOptions {
  model: string;
  own: string;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  counters: Pick<VersionBook, 'of'>;
  /** That a version may take for a copy, ms. */
  timeoutMs: number;
  /** Whether this process has enough to do already. */
  pressure(): boolean;
  /** Ms since 1970. */
  wallClock(): number;
  warn(details: object, message: string): void;
  /** Calls back in a later turn of the event loop. */
  later?(callback: () => void): void;
}

interface Drawn {
  inputs: readonly Tensor[];
  outputs: readonly Tensor[];
  signature: Signature;
  headers: IncomingHttpHeaders;
  trace: RequestTrace | undefined;
  shadows: readonly Shadow[];
  /** For one of them. */
  bytes: number;
  heldBytes: number;
}

export class Mirror {
  /** Whether anything may have to be copied: what answers a request looks at nothing else. */
  on = false;
  readonly #options: MirrorOptions;
  readonly #later: (callback: () => void) => void;
  readonly #shadows = new Map<string, Shadow>();
  /** Those that something is copied to now. */
  #current: readonly Shadow[] = [];
  readonly #kept = new KeptDiffs();
  #rule: CompareRule = DEFAULT_RULE;
  /** Answered in this turn of the loop or the last few; their tensors are views of what others own. */
  #drawn: Drawn[] = [];
  #due = false;
  #bytes = 0;
  #trickledAt = Number.NEGATIVE_INFINITY;
  readonly #loggedAt = new Map<string, number>();
  readonly #ends = new Set<() => void>();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#later = options.later ?? ((callback) => void setImmediate(callback));
  }

  /** What a table says of mirroring, from now on. */
  use(routing: Pick<Routing, 'table' | 'route'>): void {
    const { own } = this.#options;
    const { table } = routing;
    const copied = own === table.primary ? table.versions.filter(({ name, shadow }) => name !== own && shadow > 0) : [];
    const room = {
      inFlight: Math.max(1, Math.floor(MOST_IN_FLIGHT / copied.length)),
      waiting: Math.floor(MOST_WAITING / copied.length),
    };
    this.#current = copied.flatMap(({ name, shadow: share }) => {
      const target = routing.route(name)?.target;
      if (!target) return [];
      const shadow = this.#shadows.get(name) ?? this.#newShadow(name);
      this.#shadows.set(name, shadow);
      shadow.use(share, target, room);
      return shadow;
    });
    for (const [name, shadow] of this.#shadows) {
      if (this.#current.includes(shadow)) continue;
      shadow.retire();
      this.#shadows.delete(name);
      this.#loggedAt.delete(name);
    }
    this.on = this.#current.length > 0;
    this.#observe(table);
  }

  #observe({ observe, versions }: TrafficTable): void {
    this.#rule = observe ?? DEFAULT_RULE;
    this.#kept.use(observe?.keep ?? 0, new Set(versions.map(({ name }) => name)));
  }

  #newShadow(version: string): Shadow {
    const { model, own, clock, timeoutMs, counters, wallClock } = this.#options;
    return new Shadow({
      model,
      version,
      own,
      clock,
      timeoutMs,
      counters: counters.of(version),
      rule: () => this.#rule,
      ends: this.#ends,
      release: (bytes) => {
        this.#bytes -= bytes;
      },
      onDiffering: (to, reason, { inputs, stable }, canary) =>
        this.#kept.keep({ at: wallClock(), version: to, reason, inputs, stable, canary }),
      onFailed: (to, why) => this.#logFailure(to, why),
    });
  }

  /** A user's request was answered as the stable version. To be called only while `on`; costs a draw for each version. */
  answered(
    inputs: readonly Tensor[],
    outputs: readonly Tensor[],
    signature: Signature,
    headers: IncomingHttpHeaders,
    trace?: RequestTrace,
  ): void {
    const { random } = this.#options;
    let shadows: Shadow[] | undefined;
    for (const shadow of this.#current) {
      if (random() * ALL >= shadow.share) continue;
      shadows ??= [];
      shadows.push(shadow);
    }
    if (!shadows) return;
    const answer = bytesOf(outputs);
    const heldBytes = 2 * answer + HEAD_BYTES;
    // Once as they are sent, and once as they may be kept.
    const bytes = bytesOf(inputs) * (this.#kept.most > 0 ? 2 : 1) + answer + heldBytes;
    if (!this.#hasRoom(bytes * shadows.length)) {
      for (const { counters } of shadows) counters.mirrorDropped++;
      return;
    }
    this.#bytes += bytes * shadows.length;
    this.#drawn.push({ inputs, outputs, signature, headers, trace, shadows, bytes, heldBytes });
    this.#wake();
  }

  /** Kept requests that were answered differently, newest first, and how many are kept. */
  diffs(): { keep: number; diffs: Diff[] } {
    return { keep: this.#kept.most, diffs: this.#kept.list() };
  }

  /** Ends what is under way: nobody waits for it. */
  stop(): void {
    this.on = false;
    this.#current = [];
    this.#drawn = [];
    for (const shadow of this.#shadows.values()) shadow.retire();
    this.#shadows.clear();
    for (const end of this.#ends) end();
  }

  #hasRoom(bytes: number): boolean {
    if (this.#drawn.length >= MOST_WAITING || this.#bytes + bytes > MOST_BYTES) return false;
    const { pressure, clock } = this.#options;
    if (!pressure()) return true;
    const now = clock.now();
    if (now - this.#trickledAt < TRICKLE_MS) return false;
    this.#trickledAt = now;
    return true;
  }

  #wake(): void {
    if (this.#due) return;
    this.#due = true;
    this.#later(this.#begin);
  }

  /** One request in a turn of the loop, so that users' requests come between. */
  readonly #begin = (): void => {
    this.#due = false;
    const drawn = this.#drawn.shift();
    if (!drawn) return;
    if (this.#drawn.length > 0) this.#wake();
    const copy = this.#copyOf(drawn);
    for (const shadow of drawn.shadows) {
      if (shadow.share > 0) shadow.take(copy);
      else this.#bytes -= copy.bytes;
    }
  };

  #copyOf({ inputs, outputs, signature, headers, trace, bytes, heldBytes }: Drawn): Copy {
    const { model } = this.#options;
    const all = outputs.length === signature.outputs.length;
    const written = writeCopy(inputs, all ? undefined : outputs.map(({ name }) => name));
    for (const name of KEPT_HEADERS) {
      const value = headers[name];
      if (typeof value === 'string') written.headers[name] = value;
    }
    return {
      method: 'POST',
      url: `/v2/models/${model}/infer`,
      ...written,
      inputs: this.#kept.most > 0 ? inputs.map(ownOf) : [],
      stable: outputs.map(ownOf),
      model: signature.outputs,
      heldBytes,
      bytes,
      trace,
    };
  }

  #logFailure(version: string, why: string): void {
    const { clock, warn } = this.#options;
    const now = clock.now();
    if (now - (this.#loggedAt.get(version) ?? Number.NEGATIVE_INFINITY) < LOG_EVERY_MS) return;
    this.#loggedAt.set(version, now);
    warn({ version, why }, 'the version fails copies of requests that were answered here');
  }
}
