/** One request of a connection and what becomes of its answer. */
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';
import type { Answer } from '../answer.ts';
import { answerHead, type Framing } from './answer-head.ts';

/** Up to this size a body is copied behind its head: one write costs less than two. */
const COPIED_BYTES = 16_384;

export class Exchange {
  readonly #socket: Socket;
  #listeners: Set<() => void> | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** See `PlainRequest`. */
  readonly onGone = (callback: () => void): (() => void) => {
    this.#listeners ??= new Set();
    this.#listeners.add(callback);
    // It may have gone while its body was inflated: that is not told again. Never within this call.
    if (this.#socket.destroyed) queueMicrotask(() => this.#tell(callback));
    return () => void this.#listeners?.delete(callback);
  };

  /** The caller is gone. */
  gone(): void {
    for (const callback of this.#listeners ?? []) this.#tell(callback);
  }

  /** @returns once all of it is handed to the socket; undefined: at once @throws Error for a header that cannot be sent */
  write(answer: Answer, framing: Omit<Framing, 'length'>): Promise<void> | undefined {
    const { body } = answer;
    if (!this.#socket.writable) {
      if (body instanceof Readable) body.destroy();
      return undefined;
    }
    if (body instanceof Readable) return this.#stream(answer, body, framing);
    if (typeof body === 'string') {
      this.#writeText(answerHead(answer, { ...framing, length: Buffer.byteLength(body) }), body);
    } else {
      this.#writeBytes(answerHead(answer, { ...framing, length: body.length }), body);
    }
    return undefined;
  }

  #tell(callback: () => void): void {
    if (this.#listeners?.delete(callback)) callback();
  }

  /** Heads are Latin-1 and bodies UTF-8, which is one where a head is ASCII. */
  #writeText(head: string, body: string): void {
    if (Buffer.byteLength(head) === head.length) this.#socket.write(head + body);
    else this.#writeBytes(head, Buffer.from(body));
  }

  #writeBytes(head: string, body: Buffer): void {
    const socket = this.#socket;
    if (body.length <= COPIED_BYTES) {
      const whole = Buffer.allocUnsafe(head.length + body.length);
      whole.write(head, 'latin1');
      whole.set(body, head.length);
      socket.write(whole);
      return;
    }
    socket.cork();
    socket.write(head, 'latin1');
    socket.write(body);
    socket.uncork();
  }

  async #stream(answer: Answer, body: Readable, framing: Omit<Framing, 'length'>): Promise<void> {
    const socket = this.#socket;
    const head = headOfStream(answer, body, framing);
    const stopListening = this.onGone(() => body.destroy());
    try {
      const chunked = answer.headers['content-length'] === undefined;
      socket.write(head, 'latin1');
      for await (const chunk of body as AsyncIterable<Buffer>) {
        if (chunk.length === 0) continue;
        if (chunked) socket.write(`${chunk.length.toString(16)}\r\n`);
        socket.write(chunk);
        if (chunked) socket.write('\r\n');
        await drained(socket);
      }
      if (chunked) socket.write('0\r\n\r\n');
    } catch {
      // What broke was told by whoever made the stream. The caller must not take what it has for the whole.
      socket.destroy();
    } finally {
      stopListening();
    }
  }
}

/** @throws Error as `answerHead`; the stream is let go of then */
function headOfStream(answer: Answer, body: Readable, framing: Omit<Framing, 'length'>): string {
  try {
    return answerHead(answer, { ...framing, length: undefined });
  } catch (error) {
    body.destroy();
    throw error;
  }
}

export function closed(socket: Socket): Promise<void> | undefined {
  return socket.closed ? undefined : new Promise((resolve) => socket.once('close', () => resolve()));
}

/** Once the socket has room again, or will never have it. */
export function drained(socket: Socket): Promise<void> | undefined {
  if (!socket.writableNeedDrain || socket.destroyed) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
