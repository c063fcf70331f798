/**
 * Users outside of the cluster who never stop asking, each on a connection that is kept alive. What they do when a
 * connection is lost is what HTTP clients, browsers and gRPC do, and every time is counted:
 *
 * - a request that was under way is sent once more, on a new connection; lost again, it has failed. Half a second later,
 *   as undici's RetryAgent does: a process that was killed took up to 50 ms to close its sockets one after the other, and
 *   one that still listens accepts what it will never read;
 * - a connection that was refused carried no request, and is tried again.
 *
 * Any answer but 200 is a failure, and is never asked for again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Agent } from 'undici';
import { failed, Load, type LoadOptions, type Outcome, predict, wrongLabels } from '../../laptop/load.ts';
import type { Digits } from './digits.ts';

/** No byte of a request was sent. */
const NEVER_CONNECTED = /ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|ConnectTimeoutError/;
const MOST_REFUSALS = 6;
const REFUSED_WAIT_MS = 100;
const RESEND_WAIT_MS = 500;
const SHOWN = 10;
const SETTLED = 100;

/** What happened to connections. */
interface Fate {
  /** Connections that were made. */
  connections: number;
  /** Why requests under way had to be sent once more. */
  resent: string[];
  refused: number;
}

export interface PhaseReport {
  phase: string;
  requests: number;
  /** Sent once more. */
  resent: number;
  /** Connections that were not made at first. */
  refused: number;
  failed: number;
}

export class Crowd extends Load implements AsyncDisposable {
  readonly #fate: Fate;
  /** What all had come to when each began. */
  readonly #phases: PhaseReport[] = [];

  constructor(url: string, options: LoadOptions = {}) {
    const fate: Fate = { connections: 0, resent: [], refused: 0 };
    super(url, { ...options, ask: patient(fate) });
    this.#fate = fate;
  }

  /** Of the public Service. */
  static async of(digits: Digits, options: LoadOptions = {}): Promise<Crowd> {
    return new Crowd(await digits.url(), options);
  }

  get connections(): number {
    return this.#fate.connections;
  }

  /** Why requests under way had to be sent once more. */
  get resent(): readonly string[] {
    return this.#fate.resent;
  }

  /** What users were told instead of an answer, or what was wrong in it; empty is all that is allowed. */
  get failures() {
    const wrong = wrongLabels(this.outcomes).map((outcome) => ({ ...outcome, error: `label ${outcome.label}` }));
    return [...failed(this.outcomes), ...wrong]
      .slice(0, SHOWN)
      .map(({ status, error, version, scan }) => ({ status, error, version, scan }));
  }

  /** Begins a row of the report, which lasts until the next begins. */
  phase(phase: string): PhaseReport {
    const start = { ...this.#total(), phase };
    this.#phases.push(start);
    return start;
  }

  /** @param act what is done while they ask @returns its row */
  async during(phase: string, act: () => Promise<unknown>): Promise<PhaseReport> {
    const start = this.phase(phase);
    await act();
    // Whoever lost a connection at the very end has come back.
    await this.answered(SETTLED);
    return between(start, this.#total());
  }

  /** A row of each phase, and one of all. */
  report(): PhaseReport[] {
    const all = this.#total();
    return [...this.#phases.map((start, index) => between(start, this.#phases[index + 1] ?? all)), all];
  }

  #total(): PhaseReport {
    const { resent, refused } = this.#fate;
    const requests = this.outcomes.length;
    return { phase: 'all', requests, resent: resent.length, refused, failed: failed(this.outcomes).length };
  }

  /** Waits until this many requests were answered that are sent from now on. @returns those */
  async answered(count: number): Promise<Outcome[]> {
    const from = this.outcomes.length;
    const now = performance.now();
    for (;;) {
      const sentSince = this.outcomes.slice(from).filter(({ sentAt }) => sentAt >= now);
      if (sentSince.length >= count) return sentSince.slice(0, count);
      await sleep(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const between = (start: PhaseReport, end: PhaseReport): PhaseReport => ({
  phase: start.phase,
  requests: end.requests - start.requests,
  resent: end.resent - start.resent,
  refused: end.refused - start.refused,
  failed: end.failed - start.failed,
});

function patient(fate: Fate): typeof predict {
  const known = new WeakSet<Agent>();
  return async (agent, url, scan) => {
    if (!known.has(agent)) {
      known.add(agent);
      agent.on('connect', () => void fate.connections++);
    }
    let refusals = 0;
    let lost: Outcome | undefined;
    for (;;) {
      const outcome = await predict(agent, url, scan);
      if (outcome.status !== 0) return outcome;
      if (NEVER_CONNECTED.test(String(outcome.error))) {
        if (++refusals > MOST_REFUSALS) return outcome;
        fate.refused++;
        await sleep(REFUSED_WAIT_MS * 2 ** (refusals - 1));
        continue;
      }
      if (lost) {
        const apart = Math.round(outcome.doneAt - lost.doneAt);
        return { ...outcome, error: `lost twice, ${apart} ms apart: ${lost.error}, then ${outcome.error}` };
      }
      lost = outcome;
      fate.resent.push(String(outcome.error));
      await sleep(RESEND_WAIT_MS);
    }
  };
}

/** For people. */
export function table(rows: readonly PhaseReport[]): string {
  const columns = ['phase', 'requests', 'resent', 'refused', 'failed'] as const;
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row[column])))];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0)));
  return lines.map((line) => line.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')).join('\n');
}

/**
 * How far shares are from what a split promises, in standard deviations of the binomial distribution: each request is
 * drawn by itself (docs/decisions/traffic-split.md). Past 5 comes up by chance once in 1.7 million looks. A share of 0
 * or 100 is exact: one request too many is infinitely far.
 */
export function deviation(outcomes: readonly Outcome[], split: Readonly<Record<string, number>>): number {
  const all = outcomes.length;
  const versions = new Set([...outcomes.map(({ version }) => version), ...Object.keys(split)]);
  return Math.max(
    ...[...versions].map((name) => {
      const share = (split[name] ?? 0) / 100;
      const off = Math.abs(outcomes.filter(({ version }) => version === name).length - all * share);
      return off === 0 ? 0 : off / Math.sqrt(all * share * (1 - share));
    }),
  );
}
