/** What the inferences of one operation may still take: a variable costs once, yet a document may name it a thousand times. */
import { RequestError } from '../errors.ts';

export class Room {
  readonly #bytes: number;
  #left: number;

  /** @param bytes of all requests together */
  constructor(bytes: number) {
    this.#bytes = bytes;
    this.#left = bytes;
  }

  get left(): number {
    return this.#left;
  }

  /** To be called before what costs it is made. @throws RequestError BODY_TOO_LARGE, from then on each time */
  take(bytes: number): void {
    this.#left -= bytes;
    if (this.#left >= 0) return;
    const message = `the operation's requests are larger than ${this.#bytes} bytes together`;
    throw new RequestError('BODY_TOO_LARGE', `${message}, the limit here (serving.limits.body)`);
  }
}
