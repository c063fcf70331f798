/** What lists answered before, so that an older answer can be given again. */
import type { Answered } from './proxy.ts';
import type { ApiRequest } from './request.ts';

/** Answers of one question, and questions. */
const MOST_ANSWERS = 4;
const MOST_QUESTIONS = 64;
const MOST_BYTES = 256 * 1024;

export class AnswerMemory {
  readonly #answers = new Map<string, Answered[]>();

  remember({ url }: ApiRequest, answer: Answered): void {
    if (answer.body.length > MOST_BYTES) return;
    const known = this.#answers.get(url);
    if (known) this.#answers.set(url, [...known, answer].slice(-MOST_ANSWERS));
    else if (this.#answers.size < MOST_QUESTIONS) this.#answers.set(url, [answer]);
  }

  /** The oldest answer that is remembered to this very question. */
  older({ url }: ApiRequest): Answered | undefined {
    return this.#answers.get(url)?.[0];
  }
}
