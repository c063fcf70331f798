/**
 * One request on one connection: gathers the answer, or turns it into a stream when it is too large to hold. Undici's
 * `dispatch` is used as it is, without the promises, streams and signals of `request()`: see docs/decisions/traffic-split.md.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';

/** An answer is held until it is complete, so that one cut short can still be replaced; a larger one is passed on as it comes. */
export const HELD_BYTES = 8 * 1024 * 1024;

export type ExchangeResult =
  | { kind: 'answer'; status: number; headers: IncomingHttpHeaders; body: Buffer | Readable }
  /** `sent`: the request may have reached the other side. */
  | { kind: 'failed'; sent: boolean; error: Error };

export interface ExchangeEvents {
  /** Once: the whole answer, the start of a large one, or a failure before either. */
  result(result: ExchangeResult): void;
  /** Once, last: the connection is done with it. `cut`: a stream that was already handed out broke. */
  closed(cut: boolean): void;
}

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #events: ExchangeEvents;
  readonly #most: number;
  #controller: Dispatcher.DispatchController | undefined;
  #abortedWith: Error | undefined;
  #over = false;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  #held: Buffer[] = [];
  #heldBytes = 0;
  #stream: Readable | undefined;
  /** The reader let go of the stream before its end: that the rest is missing is no failure then. */
  #unread = false;

  /** @param most bytes of an answer that are held */
  constructor(events: ExchangeEvents, most = HELD_BYTES) {
    this.#events = events;
    this.#most = most;
  }

  /** Gives up: the connection is closed, so that the other side may stop too. */
  abort(why: Error): void {
    if (this.#over || this.#abortedWith) return;
    this.#abortedWith = why;
    this.#controller?.abort(why);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Undici cannot take back a request that waits for its connection; it is dropped here, before a byte is written.
    if (this.#abortedWith) controller.abort(this.#abortedWith);
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.#status = status;
    this.#headers = headers;
    if (Number(headers['content-length']) > this.#most) this.#startStream(controller);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#stream) {
      if (!this.#stream.push(chunk)) controller.pause();
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > this.#most) this.#startStream(controller);
  }

  onResponseEnd(): void {
    this.#over = true;
    if (this.#stream) this.#stream.push(null);
    else this.#answer(this.#held.length === 1 ? (this.#held[0] as Buffer) : Buffer.concat(this.#held));
    this.#events.closed(false);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    if (this.#stream) this.#stream.destroy(error);
    else this.#events.result({ kind: 'failed', sent: this.#controller !== undefined, error });
    this.#events.closed(this.#stream !== undefined && !this.#unread);
  }

  #startStream(controller: Dispatcher.DispatchController): void {
    const stream = new Readable({
      read: () => {
        if (controller.paused) controller.resume();
      },
      destroy: (error, done) => {
        if (!this.#over) this.#unread = true;
        this.abort(error ?? new Error('nobody reads the answer any more'));
        done(error);
      },
    });
    // The stream may break before it has a reader, and an error that nobody listens to ends the process.
    stream.on('error', () => {});
    for (const chunk of this.#held) stream.push(chunk);
    this.#held = [];
    this.#stream = stream;
    this.#answer(stream);
  }

  #answer(body: Buffer | Readable): void {
    this.#events.result({ kind: 'answer', status: this.#status, headers: this.#headers, body });
  }
}
