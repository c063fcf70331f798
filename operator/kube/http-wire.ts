/** Connections to an API server, and one exchange on one of them. */
import type { IncomingHttpHeaders } from 'node:http';
import { createSecureContext } from 'node:tls';
import { type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { Credential } from './credentials.ts';

/** An API server closes what is idle for longer than 90 s, load balancers what is idle for 60 s. */
const IDLE_MS = 30_000;
const CONNECTIONS = 64;

export interface Sent {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** With the query. */
  path: string;
  headers: Record<string, string | string[]>;
  body?: string | undefined;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** More bytes than may be held. */
export class TooLarge extends Error {}

interface Pools {
  generation: number;
  tlsKey: string;
  requests: Dispatcher;
  watches: Dispatcher;
}

/** Requests share up to 64 kept connections; each watch has its own. New TLS material means new connections. */
export class Wire {
  readonly #connectTimeoutMs: number;
  readonly #retired = new Set<Dispatcher>();
  #pools: Pools | undefined;
  #closed = false;

  constructor(connectTimeoutMs: number) {
    this.#connectTimeoutMs = connectTimeoutMs;
  }

  /** @throws Error once closed, or when the TLS material cannot be read */
  dispatcher(credential: Credential, use: 'requests' | 'watches'): Dispatcher {
    if (this.#closed) throw new Error('this client is closed');
    const held = this.#pools;
    // A request that still holds an older credential does not bring its connections back.
    if (held && (held.tlsKey === credential.tlsKey || held.generation > credential.generation)) return held[use];
    const { generation, tlsKey } = credential;
    const requests = this.#open(credential, CONNECTIONS);
    this.#pools = { generation, tlsKey, requests, watches: this.#open(credential, null) };
    if (held) for (const dispatcher of [held.requests, held.watches]) this.#retire(dispatcher);
    return this.#pools[use];
  }

  /** Lets requests end; ends watches at once. */
  async close(): Promise<void> {
    this.#closed = true;
    const held = this.#pools;
    this.#pools = undefined;
    await held?.requests.close();
    await Promise.all([...this.#retired, ...(held ? [held.watches] : [])].map((dispatcher) => dispatcher.destroy()));
  }

  /** What is under way on it goes on to its end. */
  #retire(dispatcher: Dispatcher): void {
    this.#retired.add(dispatcher);
    const done = () => this.#retired.delete(dispatcher);
    dispatcher.close().then(done, done);
  }

  #open({ server, tls, proxy }: Credential, connections: number | null): Dispatcher {
    const common = {
      connections,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: IDLE_MS,
      connectTimeout: this.#connectTimeoutMs,
      // Every exchange has a deadline of its own, or is a watch.
      headersTimeout: 0,
      bodyTimeout: 0,
    };
    const { origin, protocol } = new URL(server);
    // Made once: it is the better part of what a connection costs this side, and a start opens two dozen at once.
    const secureContext = protocol === 'https:' ? createSecureContext(tls) : undefined;
    const connect = { ...tls, secureContext, keepAlive: true, keepAliveInitialDelay: IDLE_MS };
    if (proxy) return new ProxyAgent({ ...common, uri: proxy, requestTls: connect });
    return new Pool(origin, { ...common, connect });
  }
}

export interface ExchangeOptions {
  /** Bytes of a 2xx answer, and of any other, of which the rest is left. */
  limits: { answer: number; refusal: number };
  /** Gets the bytes of a 2xx answer instead of their being held. What it throws ends the exchange. */
  stream?: (chunk: Buffer) => void;
  onStart?: (status: number) => void;
}

/** One request and its answer. Undici's `dispatch` as it is: its promises and streams cost more than all the rest. */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<Answer>;
  readonly #options: ExchangeOptions;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (error: unknown) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #over: { error: Error } | 'answered' | undefined;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #headers: IncomingHttpHeaders = {};
  /** HTTP status; 0 until it has come. */
  status = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.answer = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(dispatcher: Dispatcher, origin: string, { method, path, headers, body }: Sent): void {
    try {
      dispatcher.dispatch({ origin, method, path, headers, body: body ?? null }, this);
    } catch (error) {
      this.cancel(error as Error);
    }
  }

  /** Ends it at once, connection and all; `answer` rejects with the error. */
  cancel(error: Error): void {
    if (this.#over) return;
    this.#over = { error };
    this.#chunks = [];
    this.#reject(error);
    this.#controller?.abort(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Undici cannot take back a request that waits for its connection; it is dropped here, before a byte is written.
    if (typeof this.#over === 'object') controller.abort(this.#over.error);
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return;
    this.status = status;
    this.#headers = headers;
    this.#options.onStart?.(status);
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    const good = this.status < 300;
    const { stream, limits } = this.#options;
    if (good && stream) {
      this.#pass(stream, chunk);
      return;
    }
    const limit = good ? limits.answer : limits.refusal;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes <= limit) return;
    if (good) {
      this.cancel(new TooLarge(`the answer has more than ${limit / 2 ** 20} MiB`));
    } else {
      this.#finish(limit);
      controller.abort(new Error('the rest of a refusal is not read'));
    }
  }

  onResponseEnd(): void {
    if (!this.#over) this.#finish();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.cancel(error);
  }

  #pass(stream: (chunk: Buffer) => void, chunk: Buffer): void {
    try {
      stream(chunk);
    } catch (error) {
      this.cancel(error as Error);
    }
  }

  #finish(limit = Number.POSITIVE_INFINITY): void {
    this.#over = 'answered';
    const [first] = this.#chunks;
    const bytes = first && this.#chunks.length === 1 ? first : Buffer.concat(this.#chunks);
    this.#chunks = [];
    this.#resolve({
      status: this.status,
      headers: this.#headers,
      body: bytes.toString('utf8', 0, Math.min(limit, bytes.length)),
    });
  }
}
