/**
 * One attempt to have a version answer: tries its addresses until one takes the request, within a time, for as long as
 * the user waits. Only what provably did nothing is tried again: a connection that was never made, and a 421. A request
 * that a pod may have begun is not sent to the next one, or a request that kills a pod would kill all of them.
 */
import { Readable } from 'node:stream';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { REQUEST_ERRORS } from '../errors.ts';
import type { SplitRequest } from '../split.ts';
import type { HopTrace } from '../tracing/trace.ts';
import { Exchange, type ExchangeResult } from './exchange.ts';
import { headersToAnswer, headersToForward } from './headers.ts';
import type { Endpoint, Target } from './target.ts';

const MOST_ADDRESSES_TRIED = 3;
const { MISDIRECTED } = REQUEST_ERRORS;

export interface Hop {
  request: SplitRequest;
  model: string;
  from: string;
  to: string;
  /** For this attempt, ms. */
  timeoutMs: number;
  /** An answer that was already being passed on was cut short. */
  onCut(): void;
  /** It is a copy: nobody waits for the answer. */
  mirror?: boolean;
  /** Largest answer that is held rather than passed on as it comes, bytes; see `HELD_BYTES`. */
  heldBytes?: number;
  /** Undefined: it is not traced. */
  trace?: HopTrace | undefined;
}

export type Outcome =
  | { kind: 'answer'; answer: Answer }
  | { kind: 'failed'; reason: 'unreachable' | 'timeout'; detail: string }
  /** Not sent: as much is in flight as may be. */
  | { kind: 'full' }
  /** Not sent: its URL is not a path, as in `OPTIONS *`. */
  | { kind: 'unsendable' }
  | { kind: 'gone' };

/** Never rejects. */
export function attempt(target: Target, hop: Hop, clock: Clock): Promise<Outcome> {
  if (!hop.request.url.startsWith('/')) return Promise.resolve({ kind: 'unsendable' });
  return new Promise((resolve) => {
    if (target.retain()) void new Attempt(target, hop, clock, resolve).run();
    else resolve({ kind: 'failed', reason: 'unreachable', detail: 'it has just left' });
  });
}

class Attempt {
  readonly #target: Target;
  readonly #hop: Hop;
  readonly #clock: Clock;
  readonly #resolve: (outcome: Outcome) => void;
  readonly #headers: string[];
  #exchange: Exchange | undefined;
  #settled = false;
  #streaming = false;
  #gone = false;
  #finished = false;
  #cancelTimer: () => void;
  readonly #stopListening: () => void;

  constructor(target: Target, hop: Hop, clock: Clock, resolve: (outcome: Outcome) => void) {
    this.#target = target;
    this.#hop = hop;
    this.#clock = clock;
    this.#resolve = resolve;
    this.#headers = headersToForward(hop.request.headers, {
      ...hop,
      timeoutMs: Math.max(1, Math.floor(hop.timeoutMs)),
    });
    this.#cancelTimer = clock.after(hop.timeoutMs, () => {
      this.#settle({ kind: 'failed', reason: 'timeout', detail: `no answer within ${Math.round(hop.timeoutMs)} ms` });
      this.#exchange?.abort(new Error('out of time'));
    });
    this.#stopListening = hop.request.onGone(() => {
      this.#gone = true;
      this.#settle({ kind: 'gone' });
      this.#exchange?.abort(new Error('the user hung up'));
    });
  }

  async run(): Promise<void> {
    const tried = new Set<Endpoint>();
    let detail = 'it has no address';
    const looking = this.#target.beforeUse();
    if (looking) await looking;
    while (!this.#settled && tried.size < MOST_ADDRESSES_TRIED) {
      let endpoint = this.#target.choose(tried);
      if (endpoint === undefined) {
        await this.#target.refresh();
        if (this.#settled) return;
        endpoint = this.#target.choose(tried);
      }
      if (endpoint === undefined) break;
      if (endpoint === 'full') return this.#settle({ kind: 'full' });
      tried.add(endpoint);
      // Between the choice and this no tick may pass: the pool of an address that is gone closes.
      const result = await this.#send(endpoint);
      if (this.#settled) return;
      if (result.kind === 'answer' && result.status !== MISDIRECTED) return this.#answer(endpoint, result);
      this.#target.suspect(endpoint);
      detail = detailOf(result);
      if (result.kind === 'failed' && result.sent) break;
    }
    this.#settle({ kind: 'failed', reason: 'unreachable', detail });
  }

  #send(endpoint: Endpoint): Promise<ExchangeResult> {
    const { method, url, body } = this.#hop.request;
    return new Promise((resolve) => {
      this.#exchange = new Exchange(
        {
          // In the same tick, since a stream may end in it.
          result: (result) => {
            if (result.kind === 'answer' && result.body instanceof Readable) {
              if (result.status === MISDIRECTED) result.body.destroy();
              else this.#streaming = true;
            }
            resolve(result);
          },
          closed: (cut) => {
            endpoint.inFlight--;
            if (this.#streaming) this.#endStream(cut);
          },
        },
        this.#hop.heldBytes,
      );
      endpoint.inFlight++;
      this.#hop.trace?.sentTo(endpoint.address);
      endpoint.pool.dispatch({ method, path: url, headers: this.#headers, body: body ?? null }, this.#exchange);
    });
  }

  #answer(endpoint: Endpoint, result: ExchangeResult & { kind: 'answer' }): void {
    this.#target.trust(endpoint);
    const headers = headersToAnswer(result.headers, this.#hop.to);
    // Set anew from the body that is held; a stream keeps it, so that a user can tell when it is cut.
    if (!this.#streaming) delete headers['content-length'];
    this.#settle({ kind: 'answer', answer: { status: result.status, headers, body: result.body } });
    if (!this.#streaming || this.#finished) return;
    this.#cancelTimer();
    const left = Math.max(1, this.#hop.request.deadline - this.#clock.now());
    this.#cancelTimer = this.#clock.after(left, () => this.#exchange?.abort(new Error('out of time')));
  }

  #endStream(cut: boolean): void {
    if (cut && !this.#gone) this.#hop.onCut();
    this.#finish();
  }

  #settle(outcome: Outcome): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#resolve(outcome);
    if (!this.#streaming) this.#finish();
  }

  #finish(): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#cancelTimer();
    this.#stopListening();
    this.#target.release();
  }
}

function detailOf(result: ExchangeResult): string {
  if (result.kind === 'answer') return 'another version or model is at its address';
  const { code, message } = result.error as NodeJS.ErrnoException;
  // The code only: messages name addresses inside the cluster.
  return `${result.sent ? 'the connection broke' : 'no connection'} (${code ?? message})`;
}
