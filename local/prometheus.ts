/** Asks a Prometheus for one number, in the background: no pass waits for it. */
import { z } from 'zod';
import type { OpenWindow } from '../core/rollout/model.ts';
import type { Clock } from './clock.ts';

/** @param promql a query that gives one number @returns the number, or why there is none */
export type AskPrometheus = (promql: string) => Promise<number | string>;

const LIMIT_MS = 5_000;

/** `[seconds, "number"]` */
const point = z.tuple([z.number(), z.string()]);
const body = z.union([
  z.object({ status: z.literal('error'), error: z.string() }),
  z.object({
    data: z.discriminatedUnion('resultType', [
      z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: point })) }),
      z.object({ resultType: z.literal('scalar'), result: point }),
    ]),
  }),
]);

/** @param url of the Prometheus; a path in it is kept @see https://prometheus.io/docs/prometheus/latest/querying/api/ */
export function prometheusAt(url: string): AskPrometheus {
  const at = `${url.replace(/\/+$/, '')}/api/v1/query`;
  return async (query) => {
    try {
      const signal = AbortSignal.timeout(LIMIT_MS);
      const answer = await fetch(at, { method: 'POST', body: new URLSearchParams({ query }), signal });
      return numberOf(await answer.json());
    } catch (error) {
      return `the Prometheus at ${url} cannot be asked: ${(error as Error).message}`;
    }
  };
}

function numberOf(json: unknown): number | string {
  const parsed = body.safeParse(json);
  if (!parsed.success) return 'Prometheus gave what is no number; a query must give one';
  if ('error' in parsed.data) return `Prometheus says: ${parsed.data.error.slice(0, 256)}`;
  const { data } = parsed.data;
  const points = data.resultType === 'scalar' ? [data.result] : data.result.map(({ value }) => value);
  if (points.length !== 1) {
    return points.length === 0
      ? 'Prometheus has no data for a query'
      : `Prometheus gave ${points.length} series; a query must give one number`;
  }
  const value = Number(points[0]?.[1]);
  return Number.isFinite(value) ? value : 'Prometheus gave no finite number';
}

/** Shorter ones catch no two scrapes. */
const LEAST_SECONDS = 60;

/**
 * `{{model}}`, `{{stable}}`, `{{canary}}` and `{{window}}` filled in, as the operator does. With several canaries
 * `{{canary}}` is `v2|v3`, for `=~`; `{{window}}` is how long the step has been in force, 60s at least.
 */
export function promqlOf(query: string, model: string, window: OpenWindow, now: number): string {
  const values: Readonly<Record<string, string>> = {
    namespace: '',
    model,
    stable: window.stable,
    canary: window.canaries.join('|'),
    window: `${Math.max(LEAST_SECONDS, Math.ceil((now - window.since) / 1_000))}s`,
  };
  return query.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values[name] ?? whole);
}

/** The answers of one window. */
export class Answers {
  readonly #ask: AskPrometheus | undefined;
  readonly #clock: Clock;
  #fresh: Record<string, number> = {};
  #problems = new Set<string>();
  #askedAt = Number.NEGATIVE_INFINITY;
  #round = 0;

  constructor(ask: AskPrometheus | undefined, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  /** Another window is open: what was answered before says nothing of it. */
  forget(): void {
    this.#round++;
    this.#fresh = {};
    this.#problems.clear();
    this.#askedAt = Number.NEGATIVE_INFINITY;
  }

  /** Answers by query, each handed out once; a query without one is left out. */
  take(): Readonly<Record<string, number>> {
    const fresh = this.#fresh;
    this.#fresh = {};
    return fresh;
  }

  /** Why queries have no answer, in sentences. */
  get problems(): string[] {
    return [...this.#problems];
  }

  /** @param queries as the file has them @param promql what is asked for one @param everyMs between two rounds */
  refresh(queries: readonly string[], promql: (query: string) => string, everyMs: number): void {
    const ask = this.#ask;
    const now = this.#clock.now();
    if (!ask || queries.length === 0 || now - this.#askedAt < everyMs) return;
    this.#askedAt = now;
    const round = ++this.#round;
    void Promise.all(queries.map(async (query) => [query, await ask(promql(query))] as const)).then((answers) => {
      if (round !== this.#round) return;
      const numbers = answers.filter((answer): answer is [string, number] => typeof answer[1] === 'number');
      this.#fresh = Object.fromEntries(numbers);
      this.#problems = new Set(answers.flatMap(([, answer]) => (typeof answer === 'string' ? [answer] : [])));
    });
  }
}
