/**
 * A listening address that can be taken, released and drained without losing a request. Owns its `http.Server`s, since
 * fastify's own closing answers 503 and http's own closing cuts idle connections under the hands of their clients.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Clock } from './clock.ts';
import { REQUEST_ERRORS, type RequestErrorCode } from './errors.ts';

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
const CLOSE_IDLE_EVERY_MS = 25;
const MOST_BACKLOG_MS = 5_000;

export class Door {
  #handler: Handler | undefined;
  readonly #options: DoorOptions;
  /** Responses not yet finished, over all servers of this door. */
  readonly #busy = new Set<ServerResponse>();
  /** Servers that no longer listen but still have connections. */
  readonly #leaving = new Set<Server>();
  readonly #sockets = new Set<Socket>();
  /** Servers that never listen, their connections being handed in; and how many of these are open. */
  readonly #fed = new WeakMap<Server, number>();
  #current: Server | undefined;
  #accepted = 0;
  #drained = false;

  constructor(options: DoorOptions) {
    this.#options = options;
  }

  /** Who answers; to be set before the door is opened. */
  set handler(handler: Handler) {
    this.#handler = handler;
  }

  get inFlight(): number {
    return this.#busy.size;
  }

  /** @param address `HOST:PORT`, port 0 for a free one. @returns the port. @throws the system's error */
  listen(address: string): Promise<number> {
    const { host, port } = splitAddress(address);
    return this.#open((server) => server.listen({ host, port }));
  }

  /** Accepts on a handle that another process bound. */
  async take(handle: unknown): Promise<void> {
    this.release();
    await this.#open((server) => server.listen(handle as object));
  }

  /** Serves a connection that another process accepted. */
  admit(socket: Socket): void {
    if (this.#drained) {
      socket.destroy();
      return;
    }
    if (!this.#current) {
      this.#current = this.#newServer();
      this.#fed.set(this.#current, 0);
      // HAZARD: only this event makes a server keep track of its connections, without which none times out or is idle.
      this.#current.emit('listening');
    }
    const server = this.#current;
    this.#countFed(server, 1);
    socket.once('close', () => this.#countFed(server, -1));
    server.emit('connection', socket);
  }

  /** A server that listens says by itself when its last connection is gone. */
  #countFed(server: Server, by: number): void {
    const open = this.#fed.get(server);
    if (open === undefined) return;
    this.#fed.set(server, open + by);
    if (open + by === 0 && this.#leaving.has(server)) server.emit('close');
  }

  #newServer(): Server {
    const server = createServer({
      requestTimeout: this.#options.requestTimeoutMs,
      headersTimeout: Math.min(HEADERS_TIMEOUT_MS, this.#options.requestTimeoutMs),
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: 2_000,
      requireHostHeader: false,
    });
    const serve: Handler = (request, response) => this.#serve(server, request, response);
    server.on('request', serve);
    // Node would answer an unknown expectation by itself, uncoded; none is known to matter.
    server.on('checkExpectation', serve);
    server.on('clientError', refuseConnection);
    server.on('connection', (socket) => {
      this.#accepted++;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    return server;
  }

  #open(listen: (server: Server) => void): Promise<number> {
    if (this.#drained) return Promise.reject(new Error('this process is shutting down'));
    const server = this.#newServer();
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        // Such as no file descriptor left for a connection: it passes, and must not end the process.
        server.on('error', (error) => this.#options.warn(`a connection could not be accepted: ${error.message}`));
        this.#current = server;
        resolve((server.address() as AddressInfo).port);
      });
      listen(server);
    });
  }

  #serve(server: Server, request: IncomingMessage, response: ServerResponse): void {
    if (server !== this.#current) response.shouldKeepAlive = false;
    this.#busy.add(response);
    response.once('close', () => this.#busy.delete(response));
    this.#handler?.(request, response);
  }

  /** Accepts no more. Open connections go on; each is told to close with its next answer. */
  release(): void {
    const server = this.#current;
    if (!server) return;
    this.#current = undefined;
    this.#leaving.add(server);
    server.once('close', () => {
      this.#leaving.delete(server);
      // Stops the timer that looks for slow connections; the error says that it listens no more.
      server.close(() => {});
    });
    for (const response of this.#busy) if (!response.headersSent) response.shouldKeepAlive = false;
    // Not http's own close(): that would cut idle connections while a client writes its next request on them.
    if (this.#fed.has(server)) this.#countFed(server, 0);
    else NetServer.prototype.close.call(server);
  }

  /**
   * Accepts no more and waits until every request is answered.
   * @param lameDuckMs how long idle connections may stay, so that a client learns from an answer that it must move
   * @param limitMs after which connections that never end are cut
   */
  async drain(lameDuckMs: number, limitMs: number): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + limitMs;
    this.#drained = true;
    await this.#acceptBacklog(Math.min(end, clock.now() + MOST_BACKLOG_MS));
    this.release();
    const servers = [...this.#leaving];
    const closed = Promise.all(servers.map((server) => new Promise((resolve) => server.once('close', resolve))));
    const pause = (ms: number) => Promise.race([closed, new Promise<void>((resolve) => clock.after(ms, resolve))]);
    await pause(lameDuckMs);
    while (this.#leaving.size > 0) {
      // What has arrived by now is read first: a run may have kept the loop from looking at its sockets.
      await turn();
      this.#closeIdle(clock.now() >= end);
      await pause(CLOSE_IDLE_EVERY_MS);
    }
  }

  /**
   * Lets in those who connected while a run blocked the loop: closing a listener resets whoever waits to be accepted, and
   * libuv accepts one connection a turn.
   */
  async #acceptBacklog(end: number): Promise<void> {
    for (let before = -1; before !== this.#accepted && this.#options.clock.now() < end; ) {
      before = this.#accepted;
      await turn();
      await turn();
    }
  }

  #closeIdle(all: boolean): void {
    for (const server of this.#leaving) all ? server.closeAllConnections() : server.closeIdleConnections();
    // Node calls a connection active until its first byte came; nothing is owed to one that never sent any.
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }
}

/** One round of the event loop, its look at the sockets included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(at + 1)) };
}

const CLIENT_ERRORS: Record<string, { code: RequestErrorCode; message: string }> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', message: 'the headers are larger than 16 KiB' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TOO_SLOW', message: 'the request did not arrive whole in time' },
};

/** Answers what is no HTTP request; there is no request object for it yet. */
function refuseConnection(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal = CLIENT_ERRORS[error.code ?? ''];
  const { code, message } = refusal ?? { code: 'MALFORMED_HTTP' as const, message: 'this is not an HTTP/1.1 request' };
  const body = JSON.stringify({ error: message, code });
  const head = `HTTP/1.1 ${REQUEST_ERRORS[code]} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n`;
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
