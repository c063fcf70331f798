/** A socket that listens, whatever is spoken on it: it accepts, and its owner serves. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Clock } from './clock.ts';

export interface AcceptorOptions {
  clock: Clock;
  /** Gets each connection, of which nothing has been read. */
  offer(socket: Socket): void;
  warn(message: string): void;
  /** Reads nothing of a connection until its owner asks, so that it can be sent to another process as it is. */
  paused?: boolean;
}

const MOST_BACKLOG_MS = 5_000;

export class Acceptor {
  readonly #options: AcceptorOptions;
  #server: Server | undefined;
  #accepted = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** @param address `HOST:PORT`, port 0 for a free one. @returns the port. @throws the system's error */
  listen(address: string): Promise<number> {
    return this.#open((server) => server.listen(splitAddress(address)));
  }

  /** Accepts on a handle that another process bound. */
  async take(handle: unknown): Promise<void> {
    this.close();
    await this.#open((server) => server.listen(handle as object));
  }

  /**
   * Accepts no more, after all who had connected by now: a run may have kept the loop from its listener. Closing a
   * listener resets whoever waits to be accepted, and libuv accepts one connection a turn.
   * @param limitMs after which it closes in any case
   */
  async drain(limitMs = MOST_BACKLOG_MS): Promise<void> {
    const { clock } = this.#options;
    const end = clock.now() + Math.min(limitMs, MOST_BACKLOG_MS);
    for (let before = -1; before !== this.#accepted && clock.now() < end; ) {
      before = this.#accepted;
      await turn();
      await turn();
    }
    this.close();
  }

  /** Accepts no more. */
  close(): void {
    this.#server?.close();
    this.#server = undefined;
  }

  #open(listen: (server: Server) => void): Promise<number> {
    const server = createServer({ pauseOnConnect: this.#options.paused ?? false, noDelay: true }, (socket) => {
      this.#accepted++;
      this.#options.offer(socket);
    });
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.once('listening', () => {
        server.off('error', reject);
        // Such as no file descriptor left for a connection: it passes, and must not end the process.
        server.on('error', (error) => this.#options.warn(`a connection could not be accepted: ${error.message}`));
        this.#server = server;
        resolve((server.address() as AddressInfo).port);
      });
      listen(server);
    });
  }
}

/** One round of the event loop, its look at the sockets included. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function splitAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port: Number(address.slice(at + 1)) };
}
