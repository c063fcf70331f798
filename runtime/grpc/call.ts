/** One gRPC call on its HTTP/2 stream: messages in, messages out, one status at the end. */
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Readable } from 'node:stream';
import { VERSION_HEADER } from '../answer.ts';
import { codedError } from '../error-answer.ts';
import { RequestError } from '../errors.ts';
import { framed, prefixOf } from './frames.ts';
import { Incoming, type IncomingOptions, type Receiver } from './incoming.ts';
import { GRPC_TYPE } from './infer-codec.ts';
import { type Refusal, readTimeout, trailersOf } from './status.ts';

export interface CallOptions extends IncomingOptions {
  /** The version that speaks. */
  version: string;
  unforeseen(error: unknown): void;
}

/** Looks for which an answer may stay unread: five minutes. */
const LOOKS_AT_UNREAD = 300;
/**
 * Looks for which a caller may go on sending what is not read any more. Never at once: nghttp2 drops what it has not
 * sent yet of a stream that is reset, the status among it.
 */
const LOOKS_AT_UNENDED = 2;

const OK = { 'grpc-status': '0' };
// Without the date, which no gRPC client reads.
const MORE_TO_COME = { waitForTrailers: true, sendDate: false };
const NOTHING_MORE = { endStream: true, sendDate: false };

export class GrpcCall {
  /** Metadata. */
  readonly headers: IncomingHttpHeaders;
  /** The connection. */
  readonly caller: object;
  /** Told once if the call is refused, with the HTTP status of the error: what counts requests. */
  onRefused: ((status: number) => void) | undefined;
  /** For a call that would last: told that the process ends. It answers what it was asked by then, and ends the call. */
  onDrain: (() => void) | undefined;
  /** How often it was found answered and yet open. */
  #seenAnswered = 0;
  readonly #options: CallOptions;
  readonly #stream: ServerHttp2Stream;
  readonly #incoming: Incoming;
  #deadline: number | undefined;
  /** The last word, once it is said. */
  #trailers: Record<string, string> | undefined;
  #gone: Set<() => void> | undefined;
  #closed = false;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, options: CallOptions) {
    this.#stream = stream;
    this.#options = options;
    this.headers = headers;
    this.caller = stream.session ?? stream;
    this.#incoming = new Incoming(stream, headers['grpc-encoding'], options, (error) => this.refuse(error));
    stream.once('close', () => this.#close());
  }

  /** Reads what the headers say of the call. @throws RequestError INVALID_REQUEST, UNSUPPORTED_MEDIA_TYPE */
  readHeaders(): void {
    const { 'grpc-timeout': timeout, 'grpc-encoding': encoding } = this.headers;
    const ms = readTimeout(timeout as string | undefined);
    if (ms !== undefined) this.#deadline = this.#options.clock.now() + ms;
    if (encoding === undefined || /^(?:identity|gzip|deflate)$/.test(String(encoding))) return;
    const message = `grpc-encoding ${String(encoding).slice(0, 40)} is not understood; send identity, gzip or deflate`;
    throw new RequestError('UNSUPPORTED_MEDIA_TYPE', message, { 'grpc-accept-encoding': 'identity,gzip,deflate' });
  }

  /** Ms that the caller still waits, by its `grpc-timeout`. Undefined: it did not say. */
  get timeLeft(): number | undefined {
    return this.#deadline === undefined ? undefined : this.#deadline - this.#options.clock.now();
  }

  /** Requests on it that have no answer. One that lasts, such as a watch, is none by itself. */
  get inFlight(): number {
    return this.onDrain ? this.#incoming.open : 1;
  }

  /** Waits for the one message that the caller sends, and for its end. */
  receiveOne(take: (message: Buffer) => void): void {
    this.#incoming.one(take);
  }

  /** See `Incoming.each`. */
  receiveEach(most: number, receiver: Receiver): void {
    this.#incoming.each(most, receiver);
  }

  dealtWith(): void {
    this.#incoming.dealtWith();
  }

  /** Calls back once if the caller goes before the call has its status. @returns how to stop listening */
  onGone(callback: () => void): () => void {
    this.#gone ??= new Set();
    this.#gone.add(callback);
    return () => this.#gone?.delete(callback);
  }

  /** The one answer, and success. */
  reply(message: Buffer, headers?: Record<string, string>): void {
    if (!this.begin(headers)) return;
    this.#trailers = OK;
    this.#stream.end(framed(message));
  }

  /** The same for an answer that is still on its way here. @param length of it; if less comes, the stream is reset */
  replyStream(message: Readable, length: number, headers?: Record<string, string>): void {
    if (!this.begin(headers)) {
      message.destroy();
      return;
    }
    const stream = this.#stream;
    const stopListening = this.onGone(() => message.destroy());
    let left = length;
    const cut = () => {
      stopListening();
      message.destroy();
      if (!stream.closed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    };
    stream.write(prefixOf(length));
    message.on('error', cut);
    message.on('data', (chunk: Buffer) => {
      left -= chunk.length;
      if (left < 0) return cut();
      if (stream.write(chunk)) return;
      message.pause();
      stream.once('drain', () => message.resume());
    });
    message.on('end', () => {
      if (left !== 0) return cut();
      stopListening();
      this.#trailers = OK;
      stream.end();
    });
  }

  /** Sends the headers. @returns whether there is anybody to answer to */
  begin(headers?: Record<string, string>): boolean {
    const stream = this.#stream;
    if (this.#deaf || stream.headersSent) return false;
    const all = { ':status': 200, 'content-type': GRPC_TYPE, [VERSION_HEADER]: this.#options.version, ...headers };
    stream.respond(all, MORE_TO_COME);
    stream.once('wantTrailers', () => {
      if (stream.destroyed || stream.closed) return;
      stream.sendTrailers(this.#trailers ?? OK);
    });
    return true;
  }

  /** One of several answers, after `begin`. @returns resolves when there is room for the next, if there is none now */
  send(message: Buffer): Promise<void> | undefined {
    const stream = this.#stream;
    if (this.#deaf || stream.write(framed(message))) return undefined;
    return new Promise((resolve) => {
      const done = () => {
        stream.off('drain', done);
        stream.off('close', done);
        resolve();
      };
      stream.once('drain', done);
      stream.once('close', done);
    });
  }

  /** Success, after the last answer. */
  finish(): void {
    this.#end(OK);
  }

  /** The call failed; answers that were sent before stand. */
  fail(refusal: RequestError | Refusal): void {
    if (this.#trailers) return;
    this.onRefused?.(refusal.status);
    const trailers = trailersOf(refusal);
    if (this.#stream.headersSent) {
      this.#end(trailers);
      return;
    }
    this.#incoming.stop();
    if (this.#deaf) return;
    this.#trailers = trailers;
    const version = refusal.headers[VERSION_HEADER] ?? this.#options.version;
    const headers = { ':status': 200, 'content-type': GRPC_TYPE, [VERSION_HEADER]: version, ...trailers };
    this.#stream.respond(headers, NOTHING_MORE);
  }

  /** The same with any thrown value. */
  refuse(error: unknown): void {
    const coded = codedError(error, this.#options.messageBytes);
    if (coded.code === 'INTERNAL') this.#options.unforeseen(error);
    this.fail(coded);
  }

  /**
   * To be called each second: refuses a caller who is too slow, and cuts one who does not take note of the status.
   * @param late ms of the clock: what was waited for since then did not come in time
   */
  lookAfter(late: number): void {
    const since = this.#incoming.waitingSince;
    if (since !== undefined && since <= late) {
      this.fail(new RequestError('REQUEST_TOO_SLOW', 'the message did not arrive whole in time'));
    } else if (this.#trailers && ++this.#seenAnswered > (this.#incoming.ended ? LOOKS_AT_UNREAD : LOOKS_AT_UNENDED)) {
      this.cut();
    }
  }

  /** Ends the stream at once, without a status. */
  cut(): void {
    this.#incoming.stop();
    if (!this.#stream.closed) this.#stream.close(constants.NGHTTP2_CANCEL);
  }

  /** Nobody hears what would be said now. */
  get #deaf(): boolean {
    return this.#trailers !== undefined || this.#stream.destroyed || this.#stream.closed;
  }

  #end(trailers: Record<string, string>): void {
    this.#incoming.stop();
    if (this.#deaf) return;
    this.#trailers = trailers;
    this.#stream.end();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#incoming.stop();
    const gone = this.#gone;
    this.#gone = undefined;
    if (gone && !this.#trailers) for (const callback of gone) callback();
  }
}
