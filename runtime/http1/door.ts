/**
 * A listening address for HTTP/1.1 that can be taken, released and drained without losing a request. Owns its
 * `http.Server`, since fastify's own closing answers 503 and http's own closing cuts idle connections under the hands of
 * their clients; that never listens, connections being handed to it.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { turn } from '../acceptor.ts';
import type { Clock } from '../clock.ts';
import { Entrance } from '../entrance.ts';
import { type Host, PlainConnection } from './connection.ts';
import type { Lane } from './lane.ts';
import { createServer } from './node-http.ts';
import { refuseConnection } from './refusal.ts';

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface DoorOptions {
  clock: Clock;
  /** Longest time for a request to arrive whole, ms. */
  requestTimeoutMs: number;
  warn(message: string): void;
}

const HEADERS_TIMEOUT_MS = 20_000;
/** Longer than the 60 s after which common load balancers drop an idle connection, so that they close first. */
const KEEP_ALIVE_MS = 75_000;
const LOOK_OUT_EVERY_MS = 2_000;
const CLOSE_IDLE_EVERY_MS = 25;

/** A connection, whoever reads it. */
interface Visit {
  /** How often the door had been released when it came. */
  readonly releases: number;
  /** Undefined: Node's HTTP server reads it. */
  plain?: PlainConnection | undefined;
}

export class Door extends Entrance {
  #handler: Handler | undefined;
  #lane: Lane | undefined;
  readonly #options: DoorOptions;
  readonly #visits = new Map<Socket, Visit>();
  /** Of Node's server: responses not yet finished. */
  readonly #busy = new Set<ServerResponse>();
  /** Requests of plain connections without an answer. */
  #plainBusy = 0;
  /** Made for the first connection that is Node's. */
  #node: Server | undefined;
  #releases = 0;
  #lookingOut = false;
  #host: Host | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(options: DoorOptions) {
    super(options);
    this.#options = options;
  }

  /** Who answers; to be set before the door is opened. */
  set handler(handler: Handler) {
    this.#handler = handler;
  }

  /** Who answers plain requests of the busiest route; left out, all are the handler's. To be set before the door is opened. */
  set lane(lane: Lane | undefined) {
    this.#lane = lane;
  }

  get inFlight(): number {
    return this.#busy.size + this.#plainBusy;
  }

  protected override dismiss(): void {
    this.#releases++;
    for (const response of this.#busy) if (!response.headersSent) response.shouldKeepAlive = false;
  }

  /**
   * Accepts no more and waits until every request is answered.
   * @param lameDuckMs how long idle connections may stay, so that a client learns from an answer that it must move
   * @param limitMs after which connections that never end are cut
   */
  async drain(lameDuckMs: number, limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + limitMs;
    await this.closeFor(limitMs);
    await this.#pause(lameDuckMs);
    while (this.#visits.size > 0) {
      // What has arrived by now is read first: a run may have kept the loop from looking at its sockets.
      await turn();
      this.#closeIdle(clock.now() >= end);
      await this.#pause(CLOSE_IDLE_EVERY_MS);
    }
    // Stops the timer that looks for slow connections; the error says that it does not listen.
    this.#node?.close(() => {});
  }

  protected override meet(socket: Socket): void {
    // As Node's server asks of its sockets: what is being written is not cut when the caller has said all it has to say.
    socket.allowHalfOpen = true;
    const visit: Visit = { releases: this.#releases };
    this.#visits.set(socket, visit);
    socket.once('close', () => {
      this.#visits.delete(socket);
      if (this.#visits.size === 0) this.#onEmpty?.();
    });
    if (this.#lane) {
      visit.plain = new PlainConnection(socket, this.#hostOf(this.#lane));
      this.#lookOut();
    } else {
      this.#nodes().emit('connection', socket);
    }
  }

  #hostOf(lane: Lane): Host {
    const { clock, requestTimeoutMs } = this.#options;
    const firstMs = Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs);
    this.#host ??= {
      lane,
      clock,
      limits: { firstMs, requestMs: requestTimeoutMs, idleMs: KEEP_ALIVE_MS },
      began: () => void this.#plainBusy++,
      ended: () => void this.#plainBusy--,
      isLeaving: ({ socket }) => this.#isLeaving(socket),
      handOver: ({ socket }, unread) => this.#handOver(socket, unread),
    };
    return this.#host;
  }

  #handOver(socket: Socket, unread: Buffer): void {
    const visit = this.#visits.get(socket);
    if (visit) visit.plain = undefined;
    // HAZARD: while it flows, what is put back would be lost before Node's server listens for it.
    socket.pause();
    socket.unshift(unread);
    this.#nodes().emit('connection', socket);
    socket.resume();
  }

  #isLeaving(socket: Socket): boolean {
    return this.#visits.get(socket)?.releases !== this.#releases;
  }

  #nodes(): Server {
    if (this.#node) return this.#node;
    const { requestTimeoutMs } = this.#options;
    const server = createServer({
      requestTimeout: requestTimeoutMs,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, requestTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: LOOK_OUT_EVERY_MS,
      requireHostHeader: false,
    });
    const serve: Handler = (request, response) => this.#serve(request, response);
    server.on('request', serve);
    // Node would answer an unknown expectation by itself, uncoded; none is known to matter.
    server.on('checkExpectation', serve);
    server.on('clientError', refuseConnection);
    // HAZARD: only this event makes a server keep track of its connections, without which none times out or is idle.
    server.emit('listening');
    this.#node = server;
    return server;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (this.#isLeaving(request.socket)) response.shouldKeepAlive = false;
    this.#busy.add(response);
    response.once('close', () => this.#busy.delete(response));
    this.#handler?.(request, response);
  }

  #closeIdle(all: boolean): void {
    if (!all) this.#node?.closeIdleConnections();
    for (const [socket, { plain }] of this.#visits) {
      // Node calls a connection active until its first byte came; nothing is owed to one that never sent any.
      if (all || socket.bytesRead === 0) socket.destroy();
      else plain?.closeIfIdle();
    }
  }

  /** Ends plain connections that are too slow, for as long as there are any; Node's server does it for its own. */
  #lookOut(): void {
    if (this.#lookingOut) return;
    this.#lookingOut = true;
    const { clock } = this.#options;
    clock.after(LOOK_OUT_EVERY_MS, () => {
      this.#lookingOut = false;
      const now = clock.now();
      for (const { plain } of this.#visits.values()) plain?.lookAfter(now);
      if (this.#visits.size > 0) this.#lookOut();
    });
  }

  /** Until no connection is left, at most so long. */
  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.#visits.size === 0) return resolve();
      const cancel = this.#options.clock.after(ms, () => done());
      const done = () => {
        cancel();
        this.#onEmpty = undefined;
        resolve();
      };
      this.#onEmpty = done;
    });
  }
}
