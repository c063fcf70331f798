/** What the caller of one gRPC call sends: bytes of an HTTP/2 stream → messages, bounded in number and in memory. */
import type { ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../clock.ts';
import { inflate } from '../compression.ts';
import { RequestError } from '../errors.ts';
import { type Framed, FrameReader } from './frames.ts';

/** What all calls of a door together may hold of messages that have not arrived whole. */
export class Room {
  readonly #most: number;
  #used = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  take(bytes: number): boolean {
    if (this.#used + bytes > this.#most) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}

export interface IncomingOptions {
  clock: Clock;
  /** Largest message, bytes; inflated too. */
  messageBytes: number;
  room: Room;
}

/** Who takes the messages of a caller that may send several. */
export interface Receiver {
  message(message: Buffer): void;
  /** The caller has sent all. */
  end(): void;
}

export class Incoming {
  /** When it began to wait for the rest of a message; undefined while it waits for none. Ms of the clock. */
  waitingSince: number | undefined;
  /** The caller has sent all that it will. */
  ended = false;
  readonly #stream: ServerHttp2Stream;
  readonly #encoding: string;
  readonly #options: IncomingOptions;
  readonly #refuse: (error: unknown) => void;
  readonly #frames: FrameReader;
  /** Bytes taken of the room. */
  #counted = 0;
  /** Messages handed over and not yet dealt with, and how many may be. */
  #open = 0;
  #most = 1;
  #receiver: Receiver | undefined;
  #inflating = false;
  #stopped = false;

  /** @param refuse is told of what cannot be read, after which `stop` is to be called */
  constructor(
    stream: ServerHttp2Stream,
    encoding: string | string[] | undefined,
    options: IncomingOptions,
    refuse: (error: unknown) => void,
  ) {
    this.#stream = stream;
    this.#encoding = encoding === undefined ? 'identity' : String(encoding);
    this.#options = options;
    this.#refuse = refuse;
    this.#frames = new FrameReader(options.messageBytes);
    this.waitingSince = options.clock.now();
  }

  /** Waits for the one message that the caller sends, and for its end. */
  one(take: (message: Buffer) => void): void {
    const frames = this.#frames;
    this.#listen(
      () => {
        const expected = frames.expected();
        if (expected !== undefined && frames.held > expected) throw miscounted('more than one message', 'one');
      },
      () => {
        const frame = frames.next();
        if (!frame) throw miscounted(frames.held > 0 ? 'half a message' : 'no message', 'one');
        this.#settle();
        if (!frame.compressed) return take(frame.message);
        return this.#inflated(frame).then((message) => {
          if (!this.#stopped) take(message);
        });
      },
    );
  }

  /** @param most messages that are handed over before one of them is dealt with; then no more are read */
  each(most: number, receiver: Receiver): void {
    this.#most = most;
    this.#receiver = receiver;
    const next = () => this.#handOver();
    this.#listen(next, next);
  }

  /** A message of `each` is dealt with. */
  dealtWith(): void {
    this.#open--;
    if (!this.#stopped) this.#attempt(() => this.#handOver());
  }

  /** Messages of `each` that are not dealt with. */
  get open(): number {
    return this.#open;
  }

  /** Nothing more is wanted; what comes is dropped. */
  stop(): void {
    this.#stopped = true;
    this.waitingSince = undefined;
    this.#settle();
    // A stream with unread bytes never closes.
    if (!this.#stream.destroyed) this.#stream.resume();
  }

  #listen(arrived: () => void, ended: () => void | Promise<void>): void {
    const stream = this.#stream;
    stream.on('data', (chunk: Buffer) => {
      if (this.#stopped) return;
      if (!this.#options.room.take(chunk.length)) {
        const message = 'this port holds as much of unfinished messages as it may; try again later';
        return this.#refuse(new RequestError('QUEUE_FULL', message, { 'retry-after': '1' }));
      }
      this.#counted += chunk.length;
      this.#frames.push(chunk);
      this.#attempt(arrived);
    });
    stream.once('end', () => {
      this.ended = true;
      this.waitingSince = undefined;
      if (!this.#stopped) this.#attempt(ended);
    });
  }

  #handOver(): void {
    while (!this.#inflating && this.#open < this.#most) {
      const before = this.#frames.held;
      const frame = this.#frames.next();
      if (!frame) {
        this.#waitForMore();
        return;
      }
      this.#settle(before - this.#frames.held);
      this.#open++;
      if (frame.compressed) this.#attempt(() => this.#inflateThenGoOn(frame));
      else this.#receiver?.message(frame.message);
      if (this.#stopped) return;
    }
    this.waitingSince = undefined;
    if (!this.ended) this.#stream.pause();
  }

  #waitForMore(): void {
    const { held } = this.#frames;
    if (!this.ended) {
      this.waitingSince = held === 0 ? undefined : (this.waitingSince ?? this.#options.clock.now());
      this.#stream.resume();
      return;
    }
    if (held > 0) throw miscounted('half a message at the end', 'whole ones');
    const receiver = this.#receiver;
    this.#receiver = undefined;
    receiver?.end();
  }

  async #inflateThenGoOn(frame: Framed): Promise<void> {
    this.#inflating = true;
    const message = await this.#inflated(frame);
    this.#inflating = false;
    if (this.#stopped) return;
    this.#receiver?.message(message);
    this.#handOver();
  }

  async #inflated({ message }: Framed): Promise<Buffer> {
    if (this.#encoding === 'identity') {
      const what = 'a message says that it is compressed, but the call has no grpc-encoding';
      throw new RequestError('INVALID_REQUEST', what);
    }
    return inflate(message, this.#encoding, this.#options.messageBytes);
  }

  /** Runs what may find the call wrong. */
  #attempt(step: () => void | Promise<void>): void {
    try {
      step()?.catch(this.#refuse);
    } catch (error) {
      this.#refuse(error);
    }
  }

  #settle(bytes = this.#counted): void {
    this.#options.room.give(bytes);
    this.#counted -= bytes;
  }
}

function miscounted(has: string, takes: string): RequestError {
  return new RequestError('INVALID_REQUEST', `the call has ${has} in its body; it takes ${takes}`);
}
