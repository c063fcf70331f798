/**
 * A connection whose requests are read without Node's HTTP server, which costs as much as all the rest of a request to a
 * small model (docs/decisions/plain-requests.md). It serves plain requests of one route, one after the other; at the
 * first that is anything else the connection, with every byte that is not served yet, is Node's for good.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { JSON_LENGTH_HEADER, readLength } from '../protocol/binary-part.ts';
import { giveBack } from '../protocol/tensor-memory.ts';
import { joinBody } from './body.ts';
import { closed, drained, Exchange } from './exchange.ts';
import { type Head, HeadReader } from './head.ts';
import type { Lane } from './lane.ts';
import { CUT_SHORT, refuseConnection, TOO_SLOW } from './refusal.ts';

export interface ConnectionLimits {
  /** Until the first request, ms. */
  firstMs: number;
  /** Until a request has arrived whole, ms. */
  requestMs: number;
  /** Between requests, ms. */
  idleMs: number;
}

/** What a connection needs of its door. */
export interface Host {
  readonly lane: Lane;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  /** A request is there, though its body may still come. */
  began(): void;
  /** Its answer is written, or nobody is left to read one. */
  ended(): void;
  /** Whether the connection must close with its next answer. */
  isLeaving(connection: PlainConnection): boolean;
  /** It is Node's from now on, and begins with these bytes. */
  handOver(connection: PlainConnection, unread: Buffer): void;
}

export class PlainConnection {
  readonly socket: Socket;
  readonly #host: Host;
  readonly #heads: HeadReader;
  #exchange: Exchange | undefined;
  /** Of a request whose body has not arrived whole. */
  #head: Head | undefined;
  #chunks: Buffer[] = [];
  #arrived = 0;
  /** What came while a request was being answered. */
  #later: Buffer[] = [];
  #served = false;
  /** Since when it waits for what is next, ms of the clock. */
  #since: number;

  constructor(socket: Socket, host: Host) {
    this.socket = socket;
    this.#host = host;
    this.#heads = new HeadReader(host.lane.requestLine);
    this.#since = host.clock.now();
    socket.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
  }

  /** Ends it if it waits for too long. One that does not read its answer is waited for, as Node's server does. */
  lookAfter(now: number): void {
    if (this.#exchange || this.socket.writableLength > 0) return;
    const { firstMs, requestMs, idleMs } = this.#host.limits;
    const waited = now - this.#since;
    if (this.#head) {
      if (waited > requestMs) refuseConnection(TOO_SLOW, this.socket);
    } else if (!this.#served) {
      if (waited > firstMs) refuseConnection(TOO_SLOW, this.socket);
    } else if (waited > idleMs) {
      this.socket.destroy();
    }
  }

  /** Closes it unless a request is under way, or an answer. */
  closeIfIdle(): void {
    if (!this.#exchange && !this.#head && this.socket.writableLength === 0) this.socket.destroy();
  }

  readonly #onData = (chunk: Buffer): void => {
    // It is ending: its last answer is written, or its refusal.
    if (!this.socket.writable) return;
    if (this.#exchange) {
      // A chunk is held here and one in the socket; the rest stays with the system until the answer is written.
      this.#later.push(chunk);
      this.socket.pause();
    } else if (this.#head) {
      this.#takeBody(this.#head, chunk);
    } else {
      this.#takeHead(chunk);
    }
  };

  #takeHead(arrived: Buffer): void {
    const { lane, clock } = this.#host;
    const bytes = withoutLeadingLines(arrived);
    if (bytes.length === 0) return;
    const head = this.#heads.read(bytes);
    if (!head || head.bodyLength > lane.mostBodyBytes || !lane.takes(head.headers)) {
      this.#release();
      this.#host.handOver(this, bytes);
      return;
    }
    if (bytes.length < head.bodyAt + head.bodyLength) this.#since = clock.now();
    this.#head = head;
    this.#host.began();
    this.#takeBody(head, bytes.subarray(head.bodyAt));
  }

  #takeBody({ headers, bodyLength }: Head, chunk: Buffer): void {
    const missing = bodyLength - this.#arrived;
    if (chunk.length < missing) {
      if (chunk.length > 0) this.#chunks.push(chunk);
      this.#arrived += chunk.length;
      return;
    }
    const last = chunk.length === missing ? chunk : chunk.subarray(0, missing);
    if (last !== chunk) this.#later.push(chunk.subarray(missing));
    this.#head = undefined;
    if (this.#arrived === 0) {
      void this.#serve(headers, bodyIn(headers, last));
      return;
    }
    const chunks = [...this.#chunks, last];
    this.#chunks = [];
    this.#arrived = 0;
    const body = joined(headers, chunks, bodyLength);
    // The first may lie behind its head, the last before the next request.
    for (const whole of chunks.slice(1, -1)) free(whole);
    void this.#serve(headers, body, bodyLength < LARGE_BYTES ? undefined : () => giveBack(body));
  }

  async #serve(headers: IncomingHttpHeaders, body: Buffer, release?: () => void): Promise<void> {
    const { socket } = this;
    const { lane } = this.#host;
    const exchange = new Exchange(socket);
    this.#exchange = exchange;
    try {
      const answer = await lane.serve({ headers, body, caller: socket, release, onGone: exchange.onGone });
      const finishing = this.#answer(exchange, answer);
      if (finishing) await finishing;
    } catch (error) {
      lane.failed(error);
      socket.destroy();
      this.#end();
    }
  }

  #answer(exchange: Exchange, answer: Answer): Promise<void> | undefined {
    const { socket } = this;
    const leaving = this.#host.isLeaving(this);
    const keepAliveSeconds = leaving ? undefined : this.#host.limits.idleMs / 1_000;
    const writing = exchange.write(answer, { keepAliveSeconds, now: Date.now() });
    if (leaving || writing || socket.writableNeedDrain) return this.#finish(writing, leaving);
    this.#end();
    return undefined;
  }

  /** The next request is not looked at before its predecessor's answer has left. */
  async #finish(writing: Promise<void> | undefined, leaving: boolean): Promise<void> {
    await writing;
    if (leaving) this.socket.destroySoon();
    await (leaving ? closed(this.socket) : drained(this.socket));
    this.#end();
  }

  #end(): void {
    if (!this.#exchange) return;
    this.#exchange = undefined;
    this.#served = true;
    this.#since = this.#host.clock.now();
    this.#host.ended();
    if (this.#later.length === 0 || !this.socket.writable) return;
    const bytes = this.#later.length === 1 ? (this.#later[0] as Buffer) : Buffer.concat(this.#later);
    this.#later = [];
    this.socket.resume();
    this.#takeHead(bytes);
  }

  readonly #onEnd = (): void => {
    if (this.#head) refuseConnection(CUT_SHORT, this.socket);
    else this.socket.end();
  };

  readonly #onError = (): void => {
    // Such as a reset by the caller; `close` follows.
  };

  readonly #onClose = (): void => {
    this.#exchange?.gone();
    if (!this.#head) return;
    this.#host.lane.broken(this.#head.headers);
    this.#head = undefined;
    this.#host.ended();
  };

  #release(): void {
    const { socket } = this;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
  }
}

/** HAZARD: for chunks that nobody else sees, such as those of a socket's `data`. */
function free(chunk: Buffer): void {
  if (chunk.buffer.byteLength === chunk.byteLength) giveBack(chunk);
}

/** A body from this size on is given back; of a smaller one the memory may be shared with others (`Buffer.poolSize`). */
const LARGE_BYTES = 65_536;

const CR = 13;
const LF = 10;

/** Some clients end a body with an empty line, which is no begin of a request (RFC 9112, 2.2). */
function withoutLeadingLines(bytes: Buffer): Buffer {
  let at = 0;
  while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
  return at === 0 ? bytes : bytes.subarray(at);
}

/** A body that came in one piece is used where it lies, unless a tensor in it must lie elsewhere. */
function bodyIn(headers: IncomingHttpHeaders, bytes: Buffer): Buffer {
  return headers[JSON_LENGTH_HEADER] === undefined ? bytes : joined(headers, [bytes], bytes.length);
}

function joined(headers: IncomingHttpHeaders, chunks: readonly Buffer[], length: number): Buffer {
  return joinBody(chunks, length, readLength(headers[JSON_LENGTH_HEADER]));
}
