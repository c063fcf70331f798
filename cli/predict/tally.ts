/** Counts of repeated requests: who answered, how fast, what failed. */

interface Latencies {
  answers: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Tally {
  /** Sent and settled. */
  requests: number;
  /** From the first to the last, in seconds. */
  seconds: number;
  answered: number;
  versions: Record<string, Latencies>;
  /** Of all answers. */
  latency: Latencies;
  errors: { code: string; version?: string; count: number; message: string }[];
}

export class TallyRecorder {
  readonly #latencies = new Map<string, number[]>();
  readonly #errors = new Map<string, Tally['errors'][number]>();
  #requests = 0;

  answered(version: string | undefined, latencyMs: number): void {
    this.#requests++;
    const name = version ?? '?';
    const list = this.#latencies.get(name);
    if (list) list.push(latencyMs);
    else this.#latencies.set(name, [latencyMs]);
  }

  failed(code: string, version: string | undefined, message: string): void {
    this.#requests++;
    const key = `${code} ${version}`;
    const seen = this.#errors.get(key);
    if (seen) seen.count++;
    else this.#errors.set(key, { code, ...(version !== undefined && { version }), count: 1, message });
  }

  /** @param seconds that it took */
  tally(seconds: number): Tally {
    const byName = [...this.#latencies].sort(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }));
    const all = byName.flatMap(([, list]) => list);
    return {
      requests: this.#requests,
      seconds,
      answered: all.length,
      versions: Object.fromEntries(byName.map(([name, list]) => [name, latenciesOf(list)])),
      latency: latenciesOf(all),
      errors: [...this.#errors.values()].sort((a, b) => b.count - a.count),
    };
  }
}

/** Nearest-rank quantiles; zeros when there is nothing. */
function latenciesOf(list: readonly number[]): Latencies {
  const sorted = list.toSorted((a, b) => a - b);
  const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  return { answers: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}
