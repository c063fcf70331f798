/** A version that requests are copied to, as the mirror of this process sees it: what is under way to it, and what waits. */
import { Readable } from 'node:stream';
import { type CompareRule, comparedOutputs, difference } from '../../api/compare.ts';
import type { VersionCounters } from '../../api/pod-report.ts';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import type { TensorSpec } from '../protocol/signature.ts';
import type { SplitRequest } from '../split.ts';
import type { RequestTrace } from '../tracing/trace.ts';
import { attempt, type Outcome } from './attempt.ts';
import { readCopyAnswer } from './copy-codec.ts';
import type { Target } from './target.ts';

/** One request, in memory of its own. */
export interface Copy {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Buffer;
  inputs: readonly Tensor[];
  /** What the user was answered. */
  stable: readonly Tensor[];
  /** All outputs of the stable version's model. */
  model: readonly TensorSpec[];
  /** The largest answer that is read. */
  heldBytes: number;
  /** What it counts for in the memory that copies may take. */
  bytes: number;
  /** Of the user's request. */
  trace: RequestTrace | undefined;
}

export interface ShadowOptions {
  model: string;
  version: string;
  own: string;
  clock: Clock;
  /** That the version may take, ms. */
  timeoutMs: number;
  counters: VersionCounters;
  rule(): CompareRule;
  /** A copy was answered differently. */
  onDiffering(version: string, reason: string, copy: Copy, canary: readonly Tensor[]): void;
  /** A copy failed there. */
  onFailed(version: string, why: string): void;
  /** A copy is done with. */
  release(bytes: number): void;
  /** How to end what is under way, of all versions: also of those that nothing is copied to any more. */
  ends: Set<() => void>;
}

export class Shadow {
  /** Basis points of requests. */
  share = 0;
  readonly #options: ShadowOptions;
  #target: Target | undefined;
  #mostInFlight = 1;
  #mostWaiting = 0;
  #inFlight = 0;
  #waiting: Copy[] = [];

  constructor(options: ShadowOptions) {
    this.#options = options;
  }

  get counters(): VersionCounters {
    return this.#options.counters;
  }

  use(share: number, target: Target, room: { inFlight: number; waiting: number }): void {
    this.share = share;
    this.#target = target;
    this.#mostInFlight = room.inFlight;
    this.#mostWaiting = room.waiting;
  }

  /** Copies nothing any more: what waits is dropped; what is under way ends by itself. */
  retire(): void {
    this.share = 0;
    for (const { bytes } of this.#waiting.splice(0)) this.#options.release(bytes);
  }

  /** Sends it, now or when an earlier one is done, or drops it. */
  take(copy: Copy): void {
    if (this.#inFlight < this.#mostInFlight) void this.#send(copy);
    else if (this.#waiting.length < this.#mostWaiting) this.#waiting.push(copy);
    else this.#drop(copy);
  }

  #drop({ bytes }: Copy): void {
    this.counters.mirrorDropped++;
    this.#options.release(bytes);
  }

  /** Never rejects. */
  async #send(copy: Copy): Promise<void> {
    const { clock, model, own: from, version: to, timeoutMs, ends } = this.#options;
    this.#inFlight++;
    const request: SplitRequest = {
      ...copy,
      pinned: to,
      deadline: clock.now() + timeoutMs,
      onGone: (end) => {
        ends.add(end);
        return () => ends.delete(end);
      },
    };
    const target = this.#target as Target;
    const trace = copy.trace?.hop({ to, ...target.at, mirror: true });
    const hop = {
      request,
      model,
      from,
      to,
      timeoutMs,
      mirror: true,
      heldBytes: copy.heldBytes,
      onCut: () => {},
      trace,
    };
    const outcome = await attempt(target, hop, clock);
    let differs: boolean | undefined;
    try {
      differs = this.#settle(copy, outcome);
    } catch (error) {
      this.#fail(`its answer is not understood: ${(error as Error).message}`);
    }
    trace?.ended(outcome, differs);
    this.#inFlight--;
    this.#options.release(copy.bytes);
    const next = this.#inFlight < this.#mostInFlight ? this.#waiting.shift() : undefined;
    if (next) void this.#send(next);
  }

  /** @returns whether it was answered differently, if that was compared */
  #settle(copy: Copy, outcome: Outcome): boolean | undefined {
    switch (outcome.kind) {
      case 'answer':
        return this.#hear(copy, outcome.answer);
      case 'failed':
        this.#fail(outcome.detail);
        break;
      case 'full':
      case 'unsendable':
        this.counters.mirrorDropped++;
        break;
      // This process ends.
      case 'gone':
    }
    return undefined;
  }

  #hear(copy: Copy, { status, headers, body }: Answer): boolean | undefined {
    const { counters } = this;
    // Too large to be alike.
    const held = body instanceof Readable ? undefined : Buffer.from(body as Buffer);
    if (body instanceof Readable) body.destroy();
    if (status !== 200) {
      const code = codeOf(held);
      // Its own load, not its answer: it has no room for what nobody waits for.
      if (code === 'QUEUE_FULL') counters.mirrorDropped++;
      else this.#fail(`it answered ${status} ${code}`);
      return undefined;
    }
    const canary = held ? readCopyAnswer(held, headers) : [];
    counters.mirrored++;
    const rule = this.#options.rule();
    const compared = comparedOutputs(copy.stable, copy.model, rule);
    if (compared.length === 0) return undefined;
    counters.compared++;
    const why = held ? difference(compared, canary, rule) : `its answer is larger than ${copy.heldBytes} bytes`;
    if (why === undefined) return false;
    counters.differing++;
    this.#options.onDiffering(this.#options.version, why, copy, canary);
    return true;
  }

  #fail(why: string): void {
    this.counters.mirrored++;
    this.counters.mirrorFailed++;
    this.#options.onFailed(this.#options.version, why);
  }
}

/** Of an error. Its message may hold what a user sent, and is not for a log. */
function codeOf(body: Buffer | undefined): string {
  return /"code":"([A-Z_]{1,40})"/.exec(body?.toString('latin1', 0, 10_000) ?? '')?.[1] ?? 'without a code';
}
