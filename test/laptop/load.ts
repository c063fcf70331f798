/** A closed-loop load of real digits: a fixed number of callers on kept-alive connections, each waiting for its answer. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

const DIGITS = path.resolve(import.meta.dirname, '../../examples/digits');

interface TestSet {
  inputs: number[][];
  labels: number[];
  /** What scikit-learn's own estimators say, by version. */
  predictions: Record<string, number[]>;
}

export const testSet: TestSet = JSON.parse(readFileSync(path.join(DIGITS, 'test-set.json'), 'utf8'));

/** One request's fate. */
export interface Outcome {
  /** Index of the scan in the test set. */
  scan: number;
  /** When it was sent and answered, ms. */
  sentAt: number;
  doneAt: number;
  /** HTTP status, or 0 when the connection failed. */
  status: number;
  version: string;
  label: number | undefined;
  error: string | undefined;
}

const bodies = testSet.inputs.map((data) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }] }),
);

export async function predict(agent: Agent, url: string, scan: number): Promise<Outcome> {
  const sentAt = performance.now();
  const outcome: Outcome = { scan, sentAt, doneAt: sentAt, status: 0, version: '', label: undefined, error: undefined };
  try {
    const response = await request(`${url}/v2/models/digits/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: bodies[scan] as string,
      dispatcher: agent,
    });
    const text = await response.body.text();
    outcome.status = response.statusCode;
    outcome.version = String(response.headers['modelship-version'] ?? '');
    if (response.statusCode === 200) {
      const answer = JSON.parse(text);
      outcome.label = answer.outputs.find((o: { name: string }) => o.name === 'label').data[0];
      if (answer.model_version !== outcome.version)
        outcome.error = `body says ${answer.model_version}, header ${outcome.version}`;
    } else {
      outcome.error = text;
    }
  } catch (error) {
    outcome.error = String(error);
  }
  outcome.doneAt = performance.now();
  return outcome;
}

export interface LoadOptions {
  callers?: number;
  total?: number;
  /** What each caller waits between an answer and its next request, ms. */
  pauseMs?: number;
  /** How one request is made; once, by default. */
  ask?: typeof predict;
}

/** A load that runs until it is told to stop, or until `total` requests were sent. */
export class Load {
  readonly outcomes: Outcome[] = [];
  readonly #agent: Agent;
  readonly #callers: Promise<void>[];
  #end: Promise<Outcome[]> | undefined;
  #stopped = false;
  #sent = 0;

  constructor(url: string, options: LoadOptions = {}) {
    const { callers = 8, total = Number.POSITIVE_INFINITY, pauseMs = 0, ask = predict } = options;
    this.#agent = new Agent({ connections: callers, pipelining: 1 });
    this.#callers = Array.from({ length: callers }, async () => {
      while (!this.#stopped && this.#sent < total) {
        const scan = this.#sent++ % bodies.length;
        this.outcomes.push(await ask(this.#agent, url, scan));
        if (pauseMs > 0) await sleep(pauseMs);
      }
    });
  }

  /** Resolves when so many more were answered than by now, and all that was asked before. */
  async more(count: number): Promise<void> {
    const enough = this.outcomes.length + this.#callers.length + count;
    while (this.outcomes.length < enough) await sleep(20);
  }

  /** Resolves once `total` requests were answered. */
  finished(): Promise<Outcome[]> {
    this.#end ??= Promise.all(this.#callers)
      .then(() => this.#agent.close())
      .then(() => this.outcomes);
    return this.#end;
  }

  stop(): Promise<Outcome[]> {
    this.#stopped = true;
    return this.finished();
  }
}

/** Percent of the outcomes that each version answered. */
export function shares(outcomes: readonly Outcome[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { version } of outcomes) counts[version] = (counts[version] ?? 0) + 1;
  return Object.fromEntries(
    Object.entries(counts).map(([version, count]) => [version, (100 * count) / outcomes.length]),
  );
}

export const failed = (outcomes: readonly Outcome[]) =>
  outcomes.filter((o) => o.status !== 200 || o.error !== undefined);

/** Answers whose label is not the one that scikit-learn gives for the version that answered. */
export function wrongLabels(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter((o) => o.status === 200 && o.label !== testSet.predictions[o.version]?.[o.scan]);
}
