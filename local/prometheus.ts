/** Asks a Prometheus for one number, in the background: no pass waits for it. */
import { answerText, type PrometheusAnswer, prometheusNumber, QUERY_PATH } from '../api/prometheus.ts';
import type { Clock } from './clock.ts';

/** Never rejects. @param promql a query that gives one number */
export type AskPrometheus = (promql: string) => Promise<PrometheusAnswer>;

const LIMIT_MS = 5_000;

/** @param url of the Prometheus; a path in it is kept */
export function prometheusAt(url: string): AskPrometheus {
  const at = `${url.replace(/\/+$/, '')}${QUERY_PATH}`;
  return async (query) => {
    try {
      const signal = AbortSignal.timeout(LIMIT_MS);
      const answer = await fetch(at, { method: 'POST', body: new URLSearchParams({ query }), signal });
      return prometheusNumber(await answerText(answer.body ?? emptyBody()), answer.status);
    } catch (error) {
      return { ok: false, reason: `the Prometheus at ${url} cannot be asked: ${(error as Error).message}` };
    }
  };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

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
      this.#fresh = Object.fromEntries(
        answers.flatMap(([query, answer]) => (answer.ok ? [[query, answer.value]] : [])),
      );
      this.#problems = new Set(answers.flatMap(([, answer]) => (answer.ok ? [] : [answer.reason])));
    });
  }
}
