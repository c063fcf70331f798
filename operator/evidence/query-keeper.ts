/**
 * Asks a Prometheus in the background, so that no pass waits for it. A pass says what it wants to know; when there is an
 * answer the key is looked at again. Bounded: queries at a time, and one answer a query that is wanted.
 */

import type { PrometheusAnswer } from '../../api/prometheus.ts';
import type { Clock } from '../kube/clock.ts';
import type { PrometheusSource } from './queries.ts';

export interface QueryKeeperOptions {
  source: PrometheusSource;
  clock: Clock;
  /** There is an answer to a query of this key, or it could not be had. */
  onAnswer(key: string): void;
}

export interface WantedQuery {
  /** As it is known to whoever wants it. */
  query: string;
  /** As it is asked now. */
  promql: string;
}

interface Entry {
  key: string;
  promql: string;
  answer: PrometheusAnswer | undefined;
  at: number;
  asking: boolean;
}

const CONCURRENCY = 4;

export class QueryKeeper {
  readonly #options: QueryKeeperOptions;
  /** By the window that they are asked for. */
  readonly #byKey = new Map<string, { window: string; entries: Map<string, Entry> }>();
  readonly #waiting = new Set<Entry>();
  #asking = 0;

  constructor(options: QueryKeeperOptions) {
    this.#options = options;
  }

  /**
   * The answers that are known, by query; older ones than wanted are asked for again. Those of another window, and what is
   * not wanted any more, are forgotten.
   * @returns `lookAgain`: ms until the next one is too old; undefined when nothing is wanted
   */
  want(key: string, window: string, queries: readonly WantedQuery[], maxAgeMs: number) {
    const held = this.#byKey.get(key);
    const before = held?.window === window ? held.entries : undefined;
    const entries = new Map<string, Entry>();
    const known = new Map<string, PrometheusAnswer>();
    let lookAgain: number | undefined;
    for (const { query, promql } of queries) {
      const entry = before?.get(query) ?? newEntry(key, promql);
      entry.promql = promql;
      entries.set(query, entry);
      if (entry.answer) known.set(query, entry.answer);
      const due = entry.at + maxAgeMs - this.#options.clock.now();
      if (due > 0) lookAgain = Math.min(lookAgain ?? due, due);
      else if (!entry.asking) this.#waiting.add(entry);
    }
    for (const entry of held?.entries.values() ?? [])
      if (![...entries.values()].includes(entry)) this.#waiting.delete(entry);
    if (entries.size > 0) this.#byKey.set(key, { window, entries });
    else this.#byKey.delete(key);
    this.#pump();
    return { known, lookAgain };
  }

  forget(key: string): void {
    for (const entry of this.#byKey.get(key)?.entries.values() ?? []) this.#waiting.delete(entry);
    this.#byKey.delete(key);
  }

  stop(): void {
    this.#waiting.clear();
    this.#byKey.clear();
  }

  #pump(): void {
    for (const entry of this.#waiting) {
      if (this.#asking >= CONCURRENCY) return;
      this.#waiting.delete(entry);
      this.#asking++;
      entry.asking = true;
      void this.#ask(entry);
    }
  }

  async #ask(entry: Entry): Promise<void> {
    const answer = await this.#options.source.query(entry.promql);
    this.#asking--;
    entry.asking = false;
    entry.answer = answer;
    entry.at = this.#options.clock.now();
    const wanted = [...(this.#byKey.get(entry.key)?.entries.values() ?? [])].includes(entry);
    if (wanted) this.#options.onAnswer(entry.key);
    this.#pump();
  }
}

function newEntry(key: string, promql: string): Entry {
  return { key, promql, answer: undefined, at: Number.NEGATIVE_INFINITY, asking: false };
}
