/**
 * The way of an inference request from a protocol to its answer, whatever the protocol: which version, split, inflate,
 * decode, run, encode, count. Transports (fastify routes, gRPC) hand in bytes and get an answer.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { type Answer, VERSION_HEADER } from './answer.ts';
import type { Clock } from './clock.ts';
import { compress, inflate } from './compression.ts';
import { codedError, errorAnswer } from './error-answer.ts';
import { RequestError } from './errors.ts';
import type { OwnVersion } from './own-version.ts';
import type { Codec } from './protocol/codec.ts';
import type { Recorder } from './recorder.ts';
import { MIRROR_HEADER, type Split, type SplitRequest, TIMEOUT_HEADER } from './split.ts';
import type { RequestTrace, Tracing } from './tracing/trace.ts';
import { FORWARDED_HEADER, forwardedModel } from './traffic/headers.ts';
import type { Mirror } from './traffic/mirror.ts';

export interface Call {
  method: string;
  /** Path and query: what a forward asks for at the other version's direct HTTP port. */
  url: string;
  /** Lower-case names. */
  headers: IncomingHttpHeaders;
  body: Buffer | undefined;
  /** The model that the request names; undefined where the protocol has no place for it. */
  model: string | undefined;
  /** The version that the path (or the message) names, by its own name. */
  version: string | undefined;
  /** Ms that the caller gives it. */
  timeoutMs?: number | undefined;
  /** Who asks, such as a connection. */
  caller: object;
  /** By what it came, where its URL does not say. */
  via?: 'grpc' | 'grpc-stream' | 'graphql';
  /** Set by `Inference` where requests are traced. */
  trace?: RequestTrace;
  /** Gives the body's memory back: nobody looks at it any more. */
  release?: (() => void) | undefined;
  /** Calls back once when the caller is gone. @returns how to stop listening */
  onGone(callback: () => void): () => void;
}

export interface InferenceOptions {
  own: OwnVersion;
  split: Pick<Split, 'handle'>;
  /** Entry doors split; direct doors answer as the own version, or not at all. */
  kind: 'entry' | 'direct';
  limits: { bodyBytes: number; timeoutMs: number };
  clock: Clock;
  recorder: Recorder;
  /** Left out: nothing is ever copied to another version. */
  mirror?: Pick<Mirror, 'on' | 'answered'>;
  /** Left out: nothing is traced. */
  tracing?: Tracing | undefined;
  /** @param traceId where the request is traced */
  unforeseen(error: unknown, traceId?: string): void;
}

export class Inference {
  readonly kind: 'entry' | 'direct';
  readonly #options: InferenceOptions;

  constructor(options: InferenceOptions) {
    this.kind = options.kind;
    this.#options = options;
  }

  /** Answers an inference request; coded errors are answers too, it never rejects. */
  infer(call: Call, codec: Codec): Promise<Answer> {
    const { tracing, clock } = this.#options;
    const arrived = clock.now();
    return tracing === undefined ? this.#infer(call, codec, arrived) : this.#traced(tracing, call, codec, arrived);
  }

  async #traced(tracing: Tracing, call: Call, codec: Codec, arrived: number): Promise<Answer> {
    const how = { direct: this.kind === 'direct', copied: this.isCopy(call.headers), arrived };
    const trace = tracing.begin(call, how);
    call.trace = trace;
    const answer = await this.#infer(call, codec, arrived);
    trace.answered(answer, this.#options.clock.now());
    return answer;
  }

  async #infer(call: Call, codec: Codec, arrived: number): Promise<Answer> {
    const { split, clock, recorder, mirror } = this.#options;
    const deadline = arrived + this.#timeoutOf(call);
    const copied = this.isCopy(call.headers);
    try {
      const pinned = this.#pinnedVersion(call);
      const mirrors = mirror?.on && pinned === undefined && !copied && call.headers[FORWARDED_HEADER] === undefined;
      const answerOwn = async (shields?: boolean) => {
        // Not what another version failed to answer: a request that ends a pod would end the next one.
        const own = shields ? clock.now() : arrived;
        if (shields) call.trace?.shielded();
        const answer = await this.#answerOwn(call, codec, deadline, copied, mirrors && !shields ? mirror : undefined);
        const ended = clock.now();
        if (!copied) recorder.answered(answer.status, ended - arrived, ended - own);
        // Its run is over, no mirror sends it on, and no other version was sent it: what is still written may not go.
        if (answer.status === 200 && !mirrors && !shields) call.release?.();
        return answer;
      };
      return await split.handle(splitRequest(call, pinned, deadline), answerOwn);
    } catch (error) {
      return this.refuse(error, copied, call.trace?.traceId);
    }
  }

  /** Whether it is a copy that a mirror sent: answered, but no user's. Only direct doors know of such. */
  isCopy(headers: IncomingHttpHeaders): boolean {
    return this.kind === 'direct' && headers[MIRROR_HEADER] !== undefined;
  }

  /**
   * The answer to a request that came to nothing before a version could answer it, counted as such.
   * @param copied see `isCopy` @param traceId where it is traced
   */
  refuse(error: unknown, copied = false, traceId?: string): Answer {
    const { own, recorder, limits } = this.#options;
    const coded = codedError(error, limits.bodyBytes);
    if (coded.code === 'INTERNAL') this.#options.unforeseen(error, traceId);
    if (!copied) recorder.refused(coded.status, coded.headers[VERSION_HEADER]);
    return errorAnswer(coded, own.version);
  }

  /**
   * Answers a question about a model: here, unless it names a version that another process serves.
   * @param answer is written as JSON
   * @throws RequestError
   */
  async ask(call: Call, answer: () => object): Promise<Answer> {
    const { own, clock, limits, split } = this.#options;
    const pinned = this.#pinnedVersion(call);
    const answerOwn = async (): Promise<Answer> => ({
      status: 200,
      headers: { 'content-type': 'application/json; charset=utf-8', [VERSION_HEADER]: own.version },
      body: JSON.stringify(answer()),
    });
    if (pinned === undefined || pinned === own.version) return answerOwn();
    return split.handle(splitRequest(call, pinned, clock.now() + limits.timeoutMs), answerOwn);
  }

  #answerOwn(
    call: Call,
    codec: Codec,
    deadline: number,
    copied: boolean,
    mirror: InferenceOptions['mirror'],
  ): Promise<Answer> {
    const { headers, caller, onGone, body = EMPTY, trace } = call;
    const infer = (inflated: Buffer) =>
      this.#options.own.infer({ codec, headers, body: inflated, deadline, caller, onGone, copied, mirror, trace });
    const encoding = headers['content-encoding'];
    const accepts = headers['accept-encoding'];
    const isEncoded = encoding !== undefined && encoding !== 'identity';
    // Most requests want neither: no promise of ours is between them and the model.
    if (!isEncoded && !accepts) return infer(body);
    return this.#inflated(isEncoded ? encoding : undefined, body, infer).then((answer) =>
      typeof accepts === 'string' && accepts !== '' ? compress(answer, accepts) : answer,
    );
  }

  async #inflated(
    encoding: string | undefined,
    body: Buffer,
    infer: (body: Buffer) => Promise<Answer>,
  ): Promise<Answer> {
    if (encoding === undefined) return infer(body);
    const { limits, own } = this.#options;
    let inflated: Buffer;
    try {
      inflated = await inflate(body, encoding, limits.bodyBytes);
    } catch (error) {
      return errorAnswer(codedError(error, limits.bodyBytes), own.version);
    }
    return infer(inflated);
  }

  /** The version that the path or the header names, once the model's name is right. */
  #pinnedVersion({ model, version, headers }: Call): string | undefined {
    const { own } = this.#options;
    if (this.kind === 'direct' && headers[FORWARDED_HEADER] !== undefined) {
      // Whoever forwards has the right name: what it knows of the address is out of date.
      for (const wanted of [forwardedModel(headers), model]) {
        if (wanted !== undefined && wanted !== own.model) throw misdirected(`model '${own.model}'`, wanted);
      }
    } else if (model !== undefined && model !== own.model) {
      const message = `there is no model '${model.slice(0, 80)}' here; there is '${own.model}'`;
      throw new RequestError('MODEL_NOT_FOUND', message);
    }
    const named = headers[VERSION_HEADER];
    const header = named === '' || Array.isArray(named) ? undefined : named;
    if (this.kind === 'direct') {
      for (const wanted of [version, header]) {
        if (wanted !== undefined && wanted !== own.version) throw misdirected(`version '${own.version}'`, wanted);
      }
    } else if (version !== undefined && header !== undefined && version !== header) {
      const message = `the request names version '${version}', its header ${VERSION_HEADER} '${header}'`;
      throw new RequestError('INVALID_REQUEST', message);
    }
    return version ?? header;
  }

  /** A forwarder says what is left of its own time; nobody may ask for more than the limit. */
  #timeoutOf({ headers, timeoutMs }: Call): number {
    const { limits } = this.#options;
    const forwarded = this.kind === 'direct' ? Number(headers[TIMEOUT_HEADER]) : Number.NaN;
    return Math.min(limits.timeoutMs, timeoutMs ?? limits.timeoutMs, forwarded >= 0 ? forwarded : limits.timeoutMs);
  }
}

const EMPTY = Buffer.alloc(0);

function splitRequest(call: Call, pinned: string | undefined, deadline: number): SplitRequest {
  const { method, url, headers, body, onGone, trace } = call;
  return { method, url, headers, body, pinned, deadline, onGone, trace };
}

function misdirected(own: string, wanted: string): RequestError {
  return new RequestError('MISDIRECTED', `this port answers as ${own} only, not as '${wanted.slice(0, 80)}'`);
}
