/** Sends one request as whom the credentials say, within its time, and turns every failure into a KubeError. */
import type { RequestSeen } from './client.ts';
import { type Clock, systemClock } from './clock.ts';
import { type Credential, CredentialError, type CredentialSource, within } from './credentials.ts';
import { KubeError } from './error.ts';
import { connectionError, refusalError } from './http-error.ts';
import { type Answer, Exchange, type Sent, Wire } from './http-wire.ts';

export interface HttpSenderOptions {
  /** URL of the API server. */
  server: string;
  credentials: CredentialSource;
  /** For a request with its answer, a second attempt after a 401 and all; for a watch, until it starts. Milliseconds; default 10 000. */
  timeoutMs?: number | undefined;
  /** Called with each request when it has ended; a watch too. What a 401 made to be sent again is seen twice. */
  observe?: ((seen: RequestSeen) => void) | undefined;
  /** Default `modelship`. */
  userAgent?: string | undefined;
  clock?: Clock | undefined;
}

/** One request, before anything is known of the server. */
export interface Call {
  verb: RequestSeen['verb'];
  /** Plural. */
  resource: string;
  /** For messages: `get Deployment models/digits`. */
  what: string;
  method: Sent['method'];
  path: string;
  accept?: string;
  contentType?: string;
  /** Sent as JSON. */
  body?: object;
}

/** An answer that comes bit by bit. */
export interface Streaming {
  signal: AbortSignal;
  /** What it throws ends the request. */
  onChunk: (chunk: Buffer) => void;
}

const ANSWER_BYTES = 64 * 2 ** 20;
const REFUSAL_BYTES = 64 * 2 ** 10;
const TIMEOUT_MS = 10_000;
const LIMITS = { answer: ANSWER_BYTES, refusal: REFUSAL_BYTES };

class Late extends Error {}
class Aborted extends Error {}

export class HttpSender {
  readonly #server: string;
  readonly #origin: string;
  /** API servers behind a portal live below a path. */
  readonly #prefix: string;
  readonly #credentials: CredentialSource;
  readonly #timeoutMs: number;
  readonly #observe: (seen: RequestSeen) => void;
  readonly #userAgent: string;
  readonly #clock: Clock;
  readonly #wire: Wire;

  constructor({ server, credentials, timeoutMs, observe, userAgent, clock }: HttpSenderOptions) {
    const { origin, pathname } = new URL(server);
    this.#server = server;
    this.#origin = origin;
    this.#prefix = pathname.replace(/\/+$/, '');
    this.#credentials = credentials;
    this.#timeoutMs = timeoutMs ?? TIMEOUT_MS;
    this.#observe = observe ?? (() => {});
    this.#userAgent = userAgent ?? 'modelship';
    this.#clock = clock ?? systemClock;
    this.#wire = new Wire(this.#timeoutMs);
  }

  close(): Promise<void> {
    return this.#wire.close();
  }

  /** @returns what was answered, which is an object @throws KubeError */
  async json(call: Call): Promise<Record<string, unknown>> {
    const { status, headers, body } = await this.#send(call);
    try {
      const parsed: unknown = JSON.parse(body);
      if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed))
        return parsed as Record<string, unknown>;
    } catch {
      // Said below. The error of JSON.parse would quote the answer, which may be a Secret.
    }
    const type = headers['content-type'] ?? 'an answer without a type';
    throw connectionError(
      call.what,
      this.#server,
      new Error(`${status} with ${type} that is no JSON object; is this the address of an API server?`),
    );
  }

  /** Resolves when the other side ends the answer, or the signal does. @throws KubeError */
  async stream(call: Call, streaming: Streaming): Promise<void> {
    try {
      await this.#send(call, streaming);
    } catch (error) {
      if (!(error instanceof Aborted)) throw error;
    }
  }

  async #send(call: Call, streaming?: Streaming): Promise<Answer> {
    const until = this.#clock.now() + this.#timeoutMs;
    const credential = await this.#credential(call, until, () => this.#credentials.current());
    let answer = await this.#once(call, credential, until, streaming);
    if (answer.status === 401) {
      const fresh = await this.#credential(call, until, () => this.#credentials.renew(credential));
      if (fresh.generation !== credential.generation) answer = await this.#once(call, fresh, until, streaming);
    }
    if (answer.status >= 200 && answer.status < 300) return answer;
    const { status, headers, body } = answer;
    const refusal = { status, retryAfter: headers['retry-after'], body };
    throw refusalError(call.what, refusal, this.#clock.wall());
  }

  async #credential({ what }: Call, until: number, ask: () => Credential | Promise<Credential>): Promise<Credential> {
    try {
      const credential = ask();
      if (!(credential instanceof Promise)) return credential;
      return await within(credential, Math.max(0, until - this.#clock.now()), this.#clock, () => new Late());
    } catch (error) {
      if (error instanceof CredentialError) throw new KubeError('Unauthorized', `${what}: ${error.message}`, {}, error);
      if (error instanceof Late)
        throw new KubeError('Timeout', `${what}: no credentials in ${this.#timeoutMs / 1000} s`);
      throw error;
    }
  }

  async #once(call: Call, credential: Credential, until: number, streaming?: Streaming): Promise<Answer> {
    if (streaming?.signal.aborted) throw new Aborted();
    const started = this.#clock.now();
    // After a renewal the time may be over: what is sent now could arrive when another may write already.
    if (started >= until) throw this.#failure(call.what, new Late());
    const { exchange, end } = this.#exchange(until - started, streaming);
    let failure: unknown;
    try {
      const dispatcher = this.#dispatcher(credential, streaming !== undefined);
      if (dispatcher instanceof Error) exchange.cancel(dispatcher);
      else exchange.start(dispatcher, this.#origin, this.#sent(call, credential));
      return await exchange.answer;
    } catch (error) {
      failure = this.#failure(call.what, error);
      throw failure;
    } finally {
      end();
      const seconds = (this.#clock.now() - started) / 1000;
      const error = failure instanceof KubeError ? failure : undefined;
      this.#observe({ verb: call.verb, resource: call.resource, status: exchange.status, seconds, error });
    }
  }

  #exchange(ms: number, streaming?: Streaming): { exchange: Exchange; end: () => void } {
    const exchange = new Exchange({
      limits: LIMITS,
      ...(streaming && { stream: streaming.onChunk, onStart: (status) => status < 300 && stopTimer() }),
    });
    const stopTimer = this.#clock.after(Math.max(0, ms), () => exchange.cancel(new Late()));
    if (!streaming) return { exchange, end: stopTimer };
    const abort = () => exchange.cancel(new Aborted());
    streaming.signal.addEventListener('abort', abort, { once: true });
    const end = () => {
      stopTimer();
      streaming.signal.removeEventListener('abort', abort);
    };
    return { exchange, end };
  }

  #dispatcher(credential: Credential, watch: boolean) {
    try {
      return this.#wire.dispatcher(credential, watch ? 'watches' : 'requests');
    } catch (error) {
      return error as Error;
    }
  }

  #sent({ method, path, accept, contentType, body }: Call, credential: Credential): Sent {
    const headers: Sent['headers'] = {
      ...credential.headers,
      accept: accept ?? 'application/json',
      'user-agent': this.#userAgent,
    };
    if (body) headers['content-type'] = contentType ?? 'application/json';
    return { method, path: `${this.#prefix}${path}`, headers, body: body && JSON.stringify(body) };
  }

  #failure(what: string, error: unknown): Error {
    if (error instanceof KubeError || error instanceof Aborted) return error;
    if (!(error instanceof Late)) return connectionError(what, this.#server, error);
    return new KubeError(
      'Timeout',
      `${what}: no answer from ${this.#server} in ${this.#timeoutMs / 1000} s`,
      {},
      error,
    );
  }
}
