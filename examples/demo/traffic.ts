/** Users: real scans of digits, at a steady rate, over kept-alive connections; each answer is counted as they got it. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';

const testSet: { inputs: number[][]; labels: number[] } = JSON.parse(
  readFileSync(new URL('../digits/test-set.json', import.meta.url), 'utf8'),
);
const bodies = testSet.inputs.map((data) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }] }),
);

export interface TrafficOptions {
  url: string;
  /** Requests a second, as long as the answers come as fast. */
  perSecond: number;
  /** Requests under way at once, at most. */
  users: number;
}

interface Counts {
  answered: number;
  /** Labels that are the ones people gave. */
  right: number;
}

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #agent: Agent;
  readonly #users: Promise<void>[];
  #stopped = false;
  #sent = 0;
  #failed = 0;
  /** What went wrong, by its words; a few are enough. */
  readonly #reasons = new Map<string, number>();
  readonly #versions = new Map<string, Counts>();

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#agent = new Agent({ connections: options.users, pipelining: 1 });
    this.#users = Array.from({ length: options.users }, (_, i) => this.#use(i));
  }

  get sent(): number {
    return this.#sent;
  }

  get failed(): number {
    return this.#failed;
  }

  get reasons(): [string, number][] {
    return [...this.#reasons];
  }

  of(version: string): Counts {
    return this.#versions.get(version) ?? { answered: 0, right: 0 };
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    await Promise.all(this.#users);
    await this.#agent.close();
  }

  /** One user: asks, waits for the answer, and for when it is their turn again. */
  async #use(index: number): Promise<void> {
    const { users, perSecond } = this.#options;
    const everyMs = (1_000 * users) / perSecond;
    let turn = performance.now() + (index * everyMs) / users;
    while (!this.#stopped) {
      const early = turn - performance.now();
      if (early > 0) await sleep(early);
      await this.#ask(this.#sent++ % bodies.length);
      turn = Math.max(turn + everyMs, performance.now() - everyMs);
    }
  }

  async #ask(scan: number): Promise<void> {
    try {
      const { statusCode, headers, body } = await request(`${this.#options.url}/v2/models/digits/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: bodies[scan] as string,
        dispatcher: this.#agent,
      });
      const text = await body.text();
      if (statusCode === 200)
        this.#answered(String(headers['modelship-version']), labelOf(text) === testSet.labels[scan]);
      else this.#fail(`${statusCode} ${text.slice(0, 200)}`);
    } catch (error) {
      this.#fail(String(error));
    }
  }

  #answered(version: string, right: boolean): void {
    const { answered, right: before } = this.of(version);
    this.#versions.set(version, { answered: answered + 1, right: before + (right ? 1 : 0) });
  }

  #fail(reason: string): void {
    this.#failed++;
    if (this.#reasons.size < 5 || this.#reasons.has(reason)) {
      this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    }
  }
}

function labelOf(answer: string): unknown {
  const { outputs } = JSON.parse(answer) as { outputs: { name: string; data: unknown[] }[] };
  return outputs.find(({ name }) => name === 'label')?.data[0];
}
