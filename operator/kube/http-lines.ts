/** What a watch sends: a line of JSON for each event. */
import type { WatchEvent } from './client.ts';
import type { KubeError } from './error.ts';
import { statusError } from './http-error.ts';
import type { StoredObject } from './object.ts';

const NEWLINE = 10;

/** A line that is longer than may be held. */
export class LongLine extends Error {}

/** Cuts bytes into lines, wherever the pieces they come in begin and end. */
export class Lines {
  readonly #onLine: (line: string) => void;
  readonly #longest: number;
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** @param longest bytes of a line */
  constructor(longest: number, onLine: (line: string) => void) {
    this.#longest = longest;
    this.#onLine = onLine;
  }

  /** Whether a line has begun and not ended. */
  get partial(): boolean {
    return this.#heldBytes > 0;
  }

  /** @throws LongLine, and whatever onLine throws */
  push(chunk: Buffer): void {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(NEWLINE, start);
      const length = (end === -1 ? chunk.length : end) - start;
      if (this.#heldBytes + length > this.#longest) {
        throw new LongLine(`a line is longer than ${this.#longest / 2 ** 20} MiB`);
      }
      if (end === -1) break;
      const line = this.#take(chunk, start, end);
      start = end + 1;
      if (line) this.#onLine(line);
    }
    if (start === chunk.length) return;
    this.#held.push(chunk.subarray(start));
    this.#heldBytes += chunk.length - start;
  }

  #take(chunk: Buffer, start: number, end: number): string {
    if (this.#heldBytes === 0) return chunk.toString('utf8', start, end);
    const whole = Buffer.concat([...this.#held, chunk.subarray(start, end)]);
    this.#held = [];
    this.#heldBytes = 0;
    return whole.toString('utf8');
  }
}

/** Undefined for a type of event that did not exist when this was written. @throws SyntaxError; TypeError on other JSON */
export function parseEvent(what: string, line: string): WatchEvent | KubeError | undefined {
  const { type, object } = JSON.parse(line) as { type: string; object: StoredObject };
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      if (!object.metadata?.name) throw new TypeError('an event without an object');
      return { type, object };
    case 'BOOKMARK':
      return { type, resourceVersion: object.metadata.resourceVersion };
    case 'ERROR':
      return statusError(what, object);
    default:
      if (typeof type !== 'string') throw new TypeError('no event');
      return undefined;
  }
}
