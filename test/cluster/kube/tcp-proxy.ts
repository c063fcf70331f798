/** Stands between a client and a server and plays the network on a bad day. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class TcpProxy implements AsyncDisposable {
  readonly #target: { host: string; port: number };
  readonly #sockets = new Set<Socket>();
  #listener: Server | undefined;
  #port = 0;
  #stalled = false;

  private constructor(target: URL) {
    this.#target = { host: target.hostname, port: Number(target.port) };
  }

  /** Forwards to the host and port of `url`. */
  static async open(url: string): Promise<TcpProxy> {
    const proxy = new TcpProxy(new URL(url));
    await proxy.forward();
    return proxy;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** Takes new connections and forwards them. What was stalled before stays so. */
  async forward(): Promise<void> {
    this.#stalled = false;
    if (this.#listener) return;
    // Below the ports that the system gives to connections: it is given back now and then, and wanted again.
    while (this.#port === 0) {
      const port = 10_000 + Math.floor(Math.random() * 20_000);
      this.#listener = await this.#listen(port).catch(() => undefined);
      if (this.#listener) this.#port = port;
    }
    this.#listener ??= await this.#listen(this.#port);
  }

  #listen(port: number): Promise<Server> {
    const listener = createServer((socket) => this.#take(socket));
    return new Promise((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, '127.0.0.1', () => resolve(listener));
    });
  }

  /** Ends all connections as a reset does. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** From now on no byte goes through, on connections that are and on those that come, and nothing is closed. */
  stall(): void {
    this.#stalled = true;
    for (const socket of this.#sockets) {
      socket.unpipe();
      socket.removeAllListeners('end');
      socket.resume(); // reads, and forgets
    }
  }

  /** Ends all connections; new ones are refused. */
  async refuse(): Promise<void> {
    const listener = this.#listener;
    this.#listener = undefined;
    const closed = new Promise((resolve) => (listener ? listener.close(resolve) : resolve(undefined)));
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
  }

  #take(near: Socket): void {
    this.#keep(near);
    if (this.#stalled) {
      near.resume();
      return;
    }
    const far = connect(this.#target);
    this.#keep(far);
    near.pipe(far).pipe(near);
    near.once('close', () => far.destroy());
    far.once('close', () => near.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // its close is what counts
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
