/**
 * Unary gRPC calls over raw HTTP/2 frames (RFC 9113), many streams a connection, without TLS. Requests are encoded
 * beforehand, headers are indexed after the first call (RFC 7541), answers are told by their DATA and END_STREAM: its
 * cost is a fraction of that of a gRPC library.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  ACK,
  DEFAULT_WINDOW,
  END_HEADERS,
  END_STREAM,
  FRAME,
  frame,
  HEAD_BYTES,
  headerBlocks,
  MAX_WINDOW,
  SETTING,
  settings,
  uint32,
} from './frames.ts';
import type { Outcome, Transport } from './transport.ts';

const SLOTS_PER_CONNECTION = 16;

interface Stream {
  keep: boolean;
  received: number;
  parts: Buffer[];
  done(outcome: Outcome): void;
}

interface Unsent {
  stream: number;
  message: Buffer;
  at: number;
  window: number;
}

class Connection {
  readonly #socket: Socket;
  readonly #blocks: { first: Buffer; later: Buffer };
  readonly #streams = new Map<number, Stream>();
  #unsent: Unsent[] = [];
  #nextStream = 1;
  #rest: Buffer = Buffer.alloc(0);
  #window = DEFAULT_WINDOW;
  #streamWindow = DEFAULT_WINDOW;
  #maxFrame = 16_384;
  #received = 0;
  #broken = false;

  constructor(port: number, path: string) {
    this.#socket = connect(port, '127.0.0.1').setNoDelay(true);
    this.#blocks = headerBlocks(path, `127.0.0.1:${port}`);
    this.#socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => this.#break());
  }

  async open(): Promise<void> {
    await once(this.#socket, 'connect');
    const pairs = [[SETTING.ENABLE_PUSH, 0] as const, [SETTING.INITIAL_WINDOW_SIZE, MAX_WINDOW] as const];
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    const grow = frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(MAX_WINDOW - DEFAULT_WINDOW));
    this.#socket.write(Buffer.concat([preface, frame(FRAME.SETTINGS, 0, 0, settings(pairs)), grow]));
  }

  send(message: Buffer, keep: boolean, done: (outcome: Outcome) => void): void {
    // In a turn of its own: the caller would send the next one at once, without end.
    if (this.#broken) return void setImmediate(done, { failure: 'closed' });
    const stream = this.#nextStream;
    this.#nextStream += 2;
    this.#streams.set(stream, { keep, received: 0, parts: [], done });
    const headers = frame(FRAME.HEADERS, END_HEADERS, stream, stream === 1 ? this.#blocks.first : this.#blocks.later);
    const fits = Math.min(this.#window, this.#streamWindow, this.#maxFrame);
    if (message.length <= fits && this.#unsent.length === 0) {
      this.#window -= message.length;
      this.#socket.write(Buffer.concat([headers, frame(FRAME.DATA, END_STREAM, stream, message)]));
      return;
    }
    this.#socket.write(headers);
    this.#unsent.push({ stream, message, at: 0, window: this.#streamWindow });
    this.#flush();
  }

  destroy(): void {
    this.#streams.clear();
    this.#socket.destroy();
  }

  /** Sends what the windows let through. */
  #flush(): void {
    this.#socket.cork();
    for (const one of this.#unsent) {
      while (one.at < one.message.length) {
        const size = Math.min(this.#window, one.window, this.#maxFrame, one.message.length - one.at);
        if (size <= 0) break;
        const last = one.at + size === one.message.length;
        const part = one.message.subarray(one.at, one.at + size);
        this.#socket.write(frame(FRAME.DATA, last ? END_STREAM : 0, one.stream, part));
        one.at += size;
        one.window -= size;
        this.#window -= size;
      }
    }
    this.#unsent = this.#unsent.filter(({ at, message }) => at < message.length);
    this.#socket.uncork();
  }

  #receive(chunk: Buffer): void {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    while (all.length - at >= HEAD_BYTES) {
      const size = all.readUIntBE(at, 3);
      const next = at + HEAD_BYTES + size;
      if (next > all.length) break;
      this.#take(
        all[at + 3] as number,
        all[at + 4] as number,
        all.readUInt32BE(at + 5),
        all.subarray(at + HEAD_BYTES, next),
      );
      at = next;
    }
    this.#rest = all.subarray(at);
  }

  #take(type: number, flags: number, stream: number, payload: Buffer): void {
    switch (type) {
      case FRAME.DATA:
        this.#takeData(stream, payload);
        if (flags & END_STREAM) this.#end(stream, undefined);
        return;
      case FRAME.HEADERS:
        if (flags & END_STREAM) this.#end(stream, undefined);
        return;
      case FRAME.RST_STREAM:
        this.#end(stream, `reset ${payload.readUInt32BE(0)}`);
        return;
      case FRAME.SETTINGS:
        if (!(flags & ACK)) this.#agree(payload);
        return;
      case FRAME.PING:
        if (!(flags & ACK)) this.#socket.write(frame(FRAME.PING, ACK, 0, payload));
        return;
      case FRAME.GOAWAY:
        this.#broken = true;
        return;
      case FRAME.WINDOW_UPDATE:
        this.#grow(stream, payload.readUInt32BE(0));
    }
  }

  #takeData(stream: number, payload: Buffer): void {
    const known = this.#streams.get(stream);
    if (known) {
      known.received += payload.length;
      if (known.keep) known.parts.push(payload);
    }
    this.#received += payload.length;
    if (this.#received < 2 ** 24) return;
    this.#socket.write(frame(FRAME.WINDOW_UPDATE, 0, 0, uint32(this.#received)));
    this.#received = 0;
  }

  #end(stream: number, failure: string | undefined): void {
    const known = this.#streams.get(stream);
    this.#streams.delete(stream);
    if (!known) return;
    // A status other than 0 comes without a message; which one, its compressed trailers say.
    const wrong = failure ?? (known.received === 0 ? 'gRPC status other than OK' : undefined);
    const answer = known.keep && !wrong ? { head: '', body: Buffer.concat(known.parts) } : undefined;
    known.done({ ...(wrong && { failure: wrong }), ...(answer && { answer }) });
  }

  #agree(payload: Buffer): void {
    for (let at = 0; at + 6 <= payload.length; at += 6) {
      const value = payload.readUInt32BE(at + 2);
      const id = payload.readUInt16BE(at);
      if (id === SETTING.MAX_FRAME_SIZE) this.#maxFrame = value;
      if (id !== SETTING.INITIAL_WINDOW_SIZE) continue;
      for (const one of this.#unsent) one.window += value - this.#streamWindow;
      this.#streamWindow = value;
    }
    this.#socket.write(frame(FRAME.SETTINGS, ACK, 0, Buffer.alloc(0)));
    this.#flush();
  }

  #grow(stream: number, by: number): void {
    if (stream === 0) this.#window += by;
    for (const one of this.#unsent) if (one.stream === stream) one.window += by;
    if (this.#unsent.length > 0) this.#flush();
  }

  #break(): void {
    this.#broken = true;
    const waiting = [...this.#streams.values()];
    this.#streams.clear();
    for (const { done } of waiting) done({ failure: 'closed' });
  }
}

/** @param slots calls in flight, 16 on a connection */
export async function openHttp2(port: number, slots: number, path: string): Promise<Transport> {
  const count = Math.ceil(slots / SLOTS_PER_CONNECTION);
  const connections = Array.from({ length: count }, () => new Connection(port, path));
  await Promise.all(connections.map((connection) => connection.open()));
  return {
    send: (slot, request, keep, done) => (connections[slot % count] as Connection).send(request, keep, done),
    close() {
      for (const connection of connections) connection.destroy();
    },
  };
}
