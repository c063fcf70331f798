/** What doors have in common, whatever is spoken at them: how they come to their connections, and that they close for good. */
import type { Socket } from 'node:net';
import { Acceptor } from './acceptor.ts';
import type { Clock } from './clock.ts';

export abstract class Entrance {
  readonly #acceptor: Acceptor;
  #closed = false;

  constructor({ clock, warn }: { clock: Clock; warn(message: string): void }) {
    this.#acceptor = new Acceptor({ clock, warn, offer: (socket) => this.meet(socket) });
  }

  /** @param address `HOST:PORT`, port 0 for a free one. @returns the port. @throws the system's error */
  async listen(address: string): Promise<number> {
    this.#requireOpen();
    return this.#acceptor.listen(address);
  }

  /** Accepts on a handle that another process bound. */
  async take(handle: unknown): Promise<void> {
    this.release();
    this.#requireOpen();
    await this.#acceptor.take(handle);
  }

  /** Serves a connection that another process accepted. */
  admit(socket: Socket): void {
    if (this.#closed) socket.destroy();
    else this.meet(socket);
  }

  /** Accepts no more. Requests that are open go on; their callers are told to make new ones elsewhere. */
  release(): void {
    this.#acceptor.close();
    this.dismiss();
  }

  /** Lets in who had connected by now, and then nobody, ever. */
  protected async closeFor(limitMs: number): Promise<void> {
    this.#closed = true;
    await this.#acceptor.drain(limitMs);
    this.release();
  }

  /** A connection of which nothing has been read. */
  protected abstract meet(socket: Socket): void;

  /** Tells the callers of all connections to leave. */
  protected abstract dismiss(): void;

  #requireOpen(): void {
    if (this.#closed) throw new Error('this process is shutting down');
  }
}
