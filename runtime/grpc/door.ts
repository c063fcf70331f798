/**
 * A listening address for gRPC over HTTP/2 without TLS (h2c), with the life of `runtime/http1/door.ts`: it can be taken, fed,
 * released and drained without losing a call.
 */
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { turn } from '../acceptor.ts';
import type { Clock } from '../clock.ts';
import { Entrance } from '../entrance.ts';
import { type CallOptions, GrpcCall } from './call.ts';
import { createHttp2Server, refusalOfHttp } from './http2.ts';
import { Room } from './incoming.ts';

export interface GrpcDoorOptions {
  clock: Clock;
  /** Longest time for a message to arrive whole, ms. */
  requestTimeoutMs: number;
  /** Largest message, bytes. */
  messageBytes: number;
  /** The version that speaks. */
  version: string;
  warn(message: string): void;
  unforeseen(error: unknown): void;
}

export type GrpcHandler = (call: GrpcCall, path: string) => void;

/** Messages that have not arrived whole may hold as many bytes as this many of the largest. */
const UNFINISHED_MESSAGES = 16;
const CONNECTION_WINDOW_BYTES = 4 << 20;
const LOOK_OUT_EVERY_MS = 1_000;
/** A client that says nothing at all for so long after it connected is cut. */
const SILENT_MS = 20_000;
/** Connections without calls are closed after so long; a client connects again with its next call. */
const IDLE_MS = 15 * 60_000;
const CLOSE_IDLE_EVERY_MS = 25;
/** After a release: how long connections without calls may stay once their clients were told to leave. */
const LEAVE_MS = 2_000;

export class GrpcDoor extends Entrance {
  readonly #options: GrpcDoorOptions;
  readonly #callOptions: CallOptions;
  readonly #calls = new Set<GrpcCall>();
  /** Connections, and how many calls are open on each. */
  readonly #sessions = new Map<ServerHttp2Session, number>();
  #handler: GrpcHandler | undefined;
  #server: Http2Server | undefined;
  #lookingOut = false;

  constructor(options: GrpcDoorOptions) {
    super(options);
    this.#options = options;
    const { clock, messageBytes, version, unforeseen } = options;
    this.#callOptions = {
      clock,
      messageBytes,
      version,
      unforeseen,
      room: new Room(UNFINISHED_MESSAGES * messageBytes),
    };
  }

  /** Who answers; to be set before the door is opened. */
  set handler(handler: GrpcHandler) {
    this.#handler = handler;
  }

  /** Requests without an answer. */
  get inFlight(): number {
    let sum = 0;
    for (const call of this.#calls) sum += call.inFlight;
    return sum;
  }

  protected override dismiss(): void {
    if (!this.#server) return;
    this.#server = undefined;
    const leaving = [...this.#sessions.keys()];
    // Whatever comes after the last call that it names, a client makes again on another connection.
    for (const session of leaving) if (!session.closed) session.goaway();
    this.#options.clock.after(LEAVE_MS, () => {
      for (const session of leaving) if (!session.closed) session.close();
    });
  }

  /**
   * Accepts no more and waits until every call is answered.
   * @param lameDuckMs how long connections without calls may stay; then calls that would last are ended too
   * @param limitMs after which connections that never end are cut
   */
  async drain(lameDuckMs: number, limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + limitMs;
    await this.closeFor(limitMs);
    const pause = (ms: number) => new Promise<void>((resolve) => clock.after(ms, resolve));
    for (const until = clock.now() + lameDuckMs; this.#sessions.size > 0 && clock.now() < until; ) {
      await pause(Math.min(CLOSE_IDLE_EVERY_MS, lameDuckMs));
    }
    for (const call of this.#calls) call.onDrain?.();
    while (this.#sessions.size > 0) {
      // What has arrived by now is read first: a run may have kept the loop from looking at its sockets.
      await turn();
      const cut = clock.now() >= end;
      for (const [session, calls] of this.#sessions) {
        if (cut) session.destroy();
        else if (calls === 0 && !session.closed) session.close();
      }
      if (this.#sessions.size > 0) await pause(CLOSE_IDLE_EVERY_MS);
    }
  }

  protected override meet(socket: Socket): void {
    this.#server ??= this.#newServer();
    this.#server.emit('connection', socket);
  }

  #newServer(): Http2Server {
    const server = createHttp2Server();
    server.on('session', (session) => this.#admitSession(session));
    server.on('stream', (stream, headers) => this.#serve(stream, headers));
    return server;
  }

  #admitSession(session: ServerHttp2Session): void {
    this.#sessions.set(session, 0);
    session.once('close', () => this.#sessions.delete(session));
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.setTimeout(IDLE_MS, () => {
      if (this.#sessions.get(session) === 0) session.close();
    });
    this.#options.clock.after(SILENT_MS, () => {
      if (!session.destroyed && session.socket.bytesRead === 0) session.destroy();
    });
    this.#lookOut();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    // Such as a reset by the client; `close` says the same.
    stream.on('error', () => {});
    const refused = refusalOfHttp(headers);
    if (refused) {
      stream.respond(refused, { endStream: true });
      stream.resume();
      return;
    }
    const session = stream.session as ServerHttp2Session | undefined;
    const call = new GrpcCall(stream, headers, this.#callOptions);
    this.#calls.add(call);
    if (session) this.#sessions.set(session, (this.#sessions.get(session) ?? 0) + 1);
    stream.once('close', () => {
      this.#calls.delete(call);
      const open = session && this.#sessions.get(session);
      if (session && open !== undefined) this.#sessions.set(session, open - 1);
    });
    try {
      call.readHeaders();
      this.#handler?.(call, headers[':path'] as string);
    } catch (error) {
      call.refuse(error);
    }
  }

  /** Ends calls whose clients are too slow, for as long as there are connections. */
  #lookOut(): void {
    if (this.#lookingOut) return;
    this.#lookingOut = true;
    const { clock, requestTimeoutMs } = this.#options;
    clock.after(LOOK_OUT_EVERY_MS, () => {
      this.#lookingOut = false;
      const late = clock.now() - requestTimeoutMs;
      for (const call of this.#calls) call.lookAfter(late);
      if (this.#sessions.size > 0) this.#lookOut();
    });
  }
}
