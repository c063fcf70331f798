/** What becomes of a request for a version that is not this process's own. */
import type { ShieldReason } from '../../api/pod-report.ts';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { REQUEST_ERRORS, RequestError } from '../errors.ts';
import type { AnswerOwn, SplitRequest } from '../split.ts';
import { attempt, type Outcome } from './attempt.ts';
import type { Ticket } from './circuit.ts';
import type { Route } from './routing.ts';
import type { Target } from './target.ts';

export interface ShieldOptions {
  model: string;
  own: string;
  clock: Clock;
}

/** For a user who hung up: nobody reads it, and it is nobody's failure. */
const NOBODY_LISTENS: Answer = { status: REQUEST_ERRORS.CLIENT_GONE, headers: {}, body: '' };

export class Shield {
  readonly #options: ShieldOptions;

  constructor(options: ShieldOptions) {
    this.#options = options;
  }

  /**
   * A request that drew the version: whatever goes wrong there, the process's own version answers while there is time.
   * The version gets half of the time that is left, so that there is.
   */
  async drawn(route: Route, request: SplitRequest, answerOwn: AnswerOwn): Promise<Answer> {
    const shielded = (reason: ShieldReason) => {
      route.counters.shielded[reason]++;
      return answerOwn(true);
    };
    if (!route.target) return shielded('unreachable');
    const ticket = route.circuit.enter();
    if (ticket === undefined) return shielded('open');
    const left = request.deadline - this.#options.clock.now();
    const outcome = await this.#forward(route, route.target, request, Math.max(left / 2, 1));
    this.#settle(route, ticket, outcome);
    switch (outcome.kind) {
      case 'gone':
        return NOBODY_LISTENS;
      case 'full':
        return shielded('open');
      case 'unsendable':
        return answerOwn(true);
      case 'answer':
        if (outcome.answer.status < 500 || !this.#timeLeft(request)) return outcome.answer;
        discard(outcome.answer);
        // A version that keeps its own time says so itself, a moment before this side would.
        return shielded(outcome.answer.status === REQUEST_ERRORS.REQUEST_TIMEOUT ? 'timeout' : 'error');
      case 'failed':
        if (!this.#timeLeft(request)) throw this.#failure(route, outcome);
        return shielded(outcome.reason);
    }
  }

  /**
   * A request that named the version: its answer as it is, or the reason why there is none.
   * @throws RequestError VERSION_UNAVAILABLE, REQUEST_TIMEOUT, QUEUE_FULL, INVALID_REQUEST
   */
  async pinned(route: Route, request: SplitRequest): Promise<Answer> {
    const left = request.deadline - this.#options.clock.now();
    const outcome = route.target
      ? await this.#forward(route, route.target, request, Math.max(left, 1))
      : { kind: 'failed' as const, reason: 'unreachable' as const, detail: 'it has no address yet' };
    if (outcome.kind === 'answer') return outcome.answer;
    if (outcome.kind === 'gone') return NOBODY_LISTENS;
    throw this.#failure(route, outcome);
  }

  async #forward(route: Route, target: Target, request: SplitRequest, timeoutMs: number): Promise<Outcome> {
    const { counters, version } = route;
    const onCut = () => {
      counters.failed++;
    };
    const trace = request.trace?.hop({ to: version, ...target.at, mirror: false });
    const { model, own: from } = this.#options;
    const hop = { request, model, from, to: version, timeoutMs, onCut, trace };
    const outcome = await attempt(target, hop, this.#options.clock);
    trace?.ended(outcome);
    if (outcome.kind === 'full' || outcome.kind === 'unsendable') return outcome;
    counters.forwarded++;
    if (isFailure(outcome)) counters.failed++;
    return outcome;
  }

  #settle({ circuit }: Route, ticket: Ticket, outcome: Outcome): void {
    if (isFailure(outcome)) circuit.failed(ticket);
    else if (outcome.kind === 'answer') circuit.succeeded(ticket);
    else circuit.abandoned(ticket);
  }

  #timeLeft(request: SplitRequest): boolean {
    return this.#options.clock.now() < request.deadline;
  }

  #failure({ version }: Route, outcome: Exclude<Outcome, { kind: 'answer' | 'gone' }>): RequestError {
    const of = `version '${version}' of model '${this.#options.model}'`;
    const from = { [VERSION_HEADER]: version };
    if (outcome.kind === 'unsendable')
      return new RequestError('INVALID_REQUEST', `${of}: the URL must be a path`, from);
    if (outcome.kind === 'full') {
      const message = `${of} has as many requests under way as it may; try again`;
      return new RequestError('QUEUE_FULL', message, { ...from, 'retry-after': '1' });
    }
    if (outcome.reason === 'timeout') return new RequestError('REQUEST_TIMEOUT', `${of} gave ${outcome.detail}`, from);
    return new RequestError('VERSION_UNAVAILABLE', `${of} cannot be reached: ${outcome.detail}`, from);
  }
}

function isFailure(outcome: Outcome): boolean {
  return outcome.kind === 'failed' || (outcome.kind === 'answer' && outcome.answer.status >= 500);
}

/** Lets go of the connection of an answer that is not used. */
function discard({ body }: Answer): void {
  if (typeof body !== 'string' && !Buffer.isBuffer(body)) body.destroy();
}
