/** Users who send scans of digits to wherever the public Service leads, one after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { testSet } from '../../laptop/load.ts';

const CALLERS = 4;
const PAUSE_MS = 30;
const bodies = testSet.inputs.map((data) =>
  JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data }] }),
);

export class Users implements AsyncDisposable {
  /** Answers of 200 by version. */
  readonly answered: Record<string, number> = {};
  /** All others, in words. */
  readonly failed: string[] = [];
  readonly #agent = new Agent({ connections: CALLERS });
  readonly #callers: Promise<void>[];
  #over = false;

  /** @param door base URL; asked before each request */
  constructor(door: () => string | undefined) {
    this.#callers = Array.from({ length: CALLERS }, async (_, caller) => {
      for (let turn = caller; !this.#over; turn += CALLERS) {
        const url = door();
        if (url !== undefined) await this.#ask(url, bodies[turn % bodies.length] as string);
        await sleep(PAUSE_MS);
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
    await this.#agent.close();
  }

  async #ask(url: string, body: string): Promise<void> {
    try {
      const headers = { 'content-type': 'application/json' };
      const options = { method: 'POST', headers, body, dispatcher: this.#agent } as const;
      const { statusCode, headers: told, body: answer } = await request(`${url}/v2/models/digits/infer`, options);
      const text = await answer.text();
      const version = String(told['modelship-version']);
      if (statusCode === 200) this.answered[version] = (this.answered[version] ?? 0) + 1;
      else this.failed.push(`${statusCode} of ${version}: ${text.slice(0, 200)}`);
    } catch (error) {
      this.failed.push(String(error));
    }
  }
}
