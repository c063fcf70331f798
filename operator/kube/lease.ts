/** Leader election: of all processes that run it over one Lease, one leads at a time. */
import type { KubeClient } from './client.ts';
import type { Clock, Random } from './clock.ts';
import { KubeError } from './error.ts';
import {
  type Claim,
  claimPatch,
  LEASES,
  type LeaseRecord,
  leaseRecord,
  microTime,
  newLease,
  releasePatch,
} from './lease-record.ts';
import { type LeaseTiming, leaseTiming, pause, Rival, stamp, Term } from './lease-timing.ts';
import type { Log } from './log.ts';
import type { ObjectKey, StoredObject } from './object.ts';

export type { LeaseTiming } from './lease-timing.ts';

export interface LeaderElectionOptions {
  /** Not a fenced one. */
  client: KubeClient;
  namespace: string;
  /** Of the Lease. */
  name: string;
  /** Of this process alone, and of no later one: host name and something random. */
  identity: string;
  /** What is left out: 15 s, 8 s, 2 s, 5 s. */
  timing?: Partial<LeaseTiming> | undefined;
  clock: Clock;
  random: Random;
  log: Log;
}

/** Work of the leader. Must settle soon after its signal aborts, and only when its own writes have been answered. */
export type Lead = (signal: AbortSignal) => Promise<void>;

/** Claims whose answers may still be unknown; an older one is taken for a stranger's and waited for. */
const CLAIMS_KEPT = 8;
const RELEASE_ATTEMPTS = 2;

export class LeaderElection {
  readonly #options: LeaderElectionOptions;
  readonly #timing: LeaseTiming;
  readonly #key: ObjectKey;
  /** The longest wait for an answer: a lost one leaves time for another try before the deadline. */
  readonly #answerMs: number;
  #running = false;
  #term: Term | undefined;
  /** acquireTimes of the claims that this object sent. By these, not by the identity alone, it knows its own. */
  #claims: string[] = [];
  /** Whether the Lease may be in our name. */
  #mayHold = false;
  readonly #rival: Rival;
  /** Of the last failure to campaign. */
  #complaint: string | undefined;
  #trouble: string | undefined;

  /** Throws a RangeError for a timing under which two could lead. */
  constructor(options: LeaderElectionOptions) {
    this.#options = options;
    this.#timing = leaseTiming(options.timing);
    this.#key = { namespace: options.namespace, name: options.name };
    this.#rival = new Rival(options.clock, this.#timing.leaseMs);
    const { renewDeadlineMs, retryMs, writeTimeoutMs } = this.#timing;
    this.#answerMs = Math.min(writeTimeoutMs, Math.max((renewDeadlineMs - retryMs) / 2, renewDeadlineMs / 4));
  }

  get leading(): boolean {
    return this.mayWriteFor() > 0;
  }

  /**
   * Milliseconds for which writes may still be sent: until renewDeadlineMs after the last successful renewal was sent. By
   * the clock at this moment, so that a process that was suspended is refused before any timer of it fires.
   */
  mayWriteFor(): number {
    return this.#term?.left ?? 0;
  }

  /** Why the Lease cannot be campaigned for; undefined while it can, whoever has it. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /**
   * Campaigns until the signal ends. Each time that the Lease is won, `lead` is called with a signal that aborts when the
   * Lease is lost or `signal` ends; nothing else happens before it has settled. While it winds down after `signal` has
   * ended, the Lease is still renewed; then it is released, so that another may start at once.
   * When `lead` ends by itself, the Lease is released and campaigned for again after retryMs; when it fails by itself,
   * the Lease is released and this rejects with that failure. What it throws after its signal has aborted is logged.
   */
  async run(signal: AbortSignal, lead: Lead): Promise<void> {
    if (this.#running) throw new Error('this LeaderElection is already running; make another one');
    this.#running = true;
    try {
      while (!signal.aborted) {
        const term = await this.#campaign(signal);
        if (!term) break;
        if (signal.aborted) term.end('asked to end');
        else await this.#serve(term, signal, lead);
      }
    } finally {
      await this.#release();
      this.#running = false;
    }
  }

  async #campaign(signal: AbortSignal): Promise<Term | undefined> {
    const { clock, random, log } = this.#options;
    while (!signal.aborted) {
      let wait = this.#timing.retryMs * (0.75 + random() / 4);
      try {
        const term = await this.#tryToTake();
        this.#trouble = undefined;
        if (term) return term;
        const { left } = this.#rival;
        if (left > 0) wait = Math.min(wait, Math.ceil(left));
        this.#complaint = undefined;
      } catch (error) {
        const code = error instanceof KubeError ? error.code : 'unknown';
        // Several that wait for the same moment get in each other's way; that is no trouble.
        const rivalry = code === 'Conflict' || code === 'AlreadyExists';
        const expected = rivalry || code === this.#complaint;
        if (!rivalry) this.#trouble = (error as Error).message;
        log[expected ? 'debug' : 'warn']({ lease: this.#key, error }, 'cannot campaign for the Lease; trying again');
        this.#complaint = code;
        // Who asks for more patience than the Lease has would have nobody lead.
        if (error instanceof KubeError) wait = Math.max(wait, Math.min(error.retryAfterMs ?? 0, this.#timing.leaseMs));
      }
      await pause(clock, wait, signal);
    }
    return undefined;
  }

  async #tryToTake(): Promise<Term | undefined> {
    const { client, clock, identity, random } = this.#options;
    const found = await this.#read();
    const open = found ? found.holder === '' || this.#isOurs(found) : !this.#rival.holder;
    if (!open && !this.#hasRunOut(found)) return undefined;
    const sent = stamp(clock);
    const acquireTime = microTime(sent.wall, Math.floor(random() * 1_000));
    const transitions = (found?.transitions ?? -1) + (found?.holder === identity ? 0 : 1);
    const claim: Claim = { identity, leaseMs: this.#timing.leaseMs, acquireTime, renewTime: acquireTime, transitions };
    this.#claims = [...this.#claims, acquireTime].slice(-CLAIMS_KEPT);
    this.#mayHold = true;
    const stored = await this.#answer(
      found
        ? client.patch(LEASES, this.#key, claimPatch(found.resourceVersion, claim))
        : client.create(LEASES, newLease(this.#key, claim)),
    );
    this.#rival.forget();
    return new Term(clock, this.#timing.renewDeadlineMs, claim, sent, stored.metadata.resourceVersion);
  }

  #hasRunOut(found: LeaseRecord | undefined): boolean {
    const before = this.#rival.holder;
    const left = this.#rival.observe(found);
    const { holder } = this.#rival;
    if (holder !== before) this.#options.log.info({ lease: this.#key, holder }, 'another process leads');
    return left <= 0;
  }

  #isOurs(found: LeaseRecord): boolean {
    return found.holder === this.#options.identity && this.#claims.includes(found.acquireTime);
  }

  async #serve(term: Term, signal: AbortSignal, lead: Lead): Promise<void> {
    const { clock, identity, log } = this.#options;
    const fields = { lease: this.#key, identity };
    this.#term = term;
    const renewing = this.#keepRenewed(term);
    const asked = AbortSignal.any([signal, term.over]);
    const onLost = (): void => log.warn({ ...fields, reason: term.over.reason.message }, 'leadership is lost');
    term.over.addEventListener('abort', onLost);
    let failure: { error: unknown } | undefined;
    try {
      // Its answer may have come too late.
      if (!asked.aborted) {
        log.info(fields, 'this process leads');
        await lead(asked);
      }
    } catch (error) {
      if (!asked.aborted) failure = { error };
      else if (!isAbort(error, asked)) log.warn({ ...fields, error }, 'leading failed after it was told to end');
    }
    const lost = term.over.aborted;
    term.over.removeEventListener('abort', onLost);
    // Before the release is sent: from then on another may lead.
    term.end('leading ended');
    await renewing;
    this.#term = undefined;
    if (failure) throw failure.error;
    if (lost || signal.aborted) return;
    await this.#release();
    await pause(clock, this.#timing.retryMs, signal);
  }

  async #keepRenewed(term: Term): Promise<void> {
    const { clock, log } = this.#options;
    let failures = 0;
    let wait = this.#timing.retryMs;
    for (;;) {
      await pause(clock, wait, term.over);
      if (term.over.aborted) return;
      try {
        await this.#renew(term);
        failures = 0;
        wait = this.#timing.retryMs;
      } catch (error) {
        if (term.over.aborted) return;
        failures++;
        // An answer that is lost costs time; after the first, what to do next is known as soon as the Lease is read.
        wait = failures === 1 ? 0 : this.#timing.retryMs / 2;
        if (error instanceof KubeError) wait = Math.max(wait, Math.min(error.retryAfterMs ?? 0, this.#timing.retryMs));
        log.warn({ lease: this.#key, error, leftMs: Math.round(term.left) }, 'the Lease was not renewed; trying again');
      }
    }
  }

  async #renew(term: Term): Promise<void> {
    const { client, clock } = this.#options;
    if (term.resourceVersion === undefined) {
      const found = await this.#read();
      if (!found) return term.end('the Lease was deleted');
      if (!this.#isOurs(found)) return term.end(`the Lease is held by ${found.holder || 'nobody'}`);
      term.resourceVersion = found.resourceVersion;
    }
    if (term.over.aborted) return;
    const sent = stamp(clock);
    const body = claimPatch(term.resourceVersion, { ...term.claim, renewTime: microTime(sent.wall) });
    // Until it is answered, it may or may not have happened.
    term.resourceVersion = undefined;
    const stored = await this.#answer(client.patch(LEASES, this.#key, body));
    term.renewed(sent, stored.metadata.resourceVersion);
  }

  /** Never rejects: what is not released runs out. */
  async #release(): Promise<void> {
    const { client, clock, identity, log } = this.#options;
    for (let attempt = 1; this.#mayHold && attempt <= RELEASE_ATTEMPTS; attempt++) {
      try {
        const found = await this.#read();
        if (!found || !this.#mayHold) return;
        const body = releasePatch(found.resourceVersion, microTime(clock.wall()));
        await this.#answer(client.patch(LEASES, this.#key, body));
        this.#mayHold = false;
        log.info({ lease: this.#key, identity }, 'the Lease is released');
      } catch (error) {
        log.warn({ lease: this.#key, error }, 'the Lease was not released; it runs out by itself');
      }
    }
  }

  async #read(): Promise<LeaseRecord | undefined> {
    const stored: StoredObject | undefined = await this.#answer(this.#options.client.get(LEASES, this.#key));
    const found = stored && leaseRecord(stored);
    this.#mayHold = found !== undefined && this.#isOurs(found);
    return found;
  }

  /** The client's answer, or a `Timeout` where it takes too long. */
  #answer<T>(request: Promise<T>): Promise<T> {
    const ms = this.#answerMs;
    return new Promise((resolve, reject) => {
      const late = (): void => reject(new KubeError('Timeout', `the Lease: no answer within ${ms} ms`));
      const cancel = this.#options.clock.after(ms, late);
      request.then(resolve, reject).finally(cancel);
    });
  }
}

function isAbort(error: unknown, { reason }: AbortSignal): boolean {
  return error === reason || (error instanceof Error && error.name === 'AbortError');
}
