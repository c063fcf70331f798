/** This process's own version: where its model stands, and the answers it gives. */
import type { TensorMetadata } from '../api/pod-report.ts';
import type { MODEL_STATES } from '../api/status.ts';
import { type Answer, VERSION_HEADER } from './answer.ts';
import type { Clock } from './clock.ts';
import { errorAnswer } from './error-answer.ts';
import { type LoadError, RequestError } from './errors.ts';
import type { LoadedModel } from './models/loaded-model.ts';
import type { Done } from './models/runner.ts';
import type { Codec, Received } from './protocol/codec.ts';
import type { Signature } from './protocol/signature.ts';
import type { RequestTrace } from './tracing/trace.ts';
import type { Mirror } from './traffic/mirror.ts';

type ModelState = (typeof MODEL_STATES)[number];

export interface InferCall extends Received {
  codec: Codec;
  /** Ms of the clock. */
  deadline: number;
  /** See `Work`. */
  caller: object;
  onGone(callback: () => void): () => void;
  /** It is a copy of a mirror, no user's. */
  copied: boolean;
  /** To be told of a good answer. */
  mirror: Pick<Mirror, 'answered'> | undefined;
  /** Undefined: it is not traced. */
  trace?: RequestTrace | undefined;
}

/** Told of each answer and each failure. */
export interface OwnObserver {
  /** @param decodedMs bytes → tensors  @param encodedMs tensors → bytes  @param copied it was a mirror's copy, no user's */
  ran(done: Done, decodedMs: number, encodedMs: number, copied: boolean): void;
  /** The run failed, or the runner refused or dropped the request. @param ms since it was begun to be read */
  failed(ms: number): void;
  unforeseen(error: unknown, traceId?: string): void;
}

export interface OwnVersionOptions {
  model: string;
  version: string;
  clock: Pick<Clock, 'now'>;
  observer: OwnObserver;
  /** Any thrown value → the coded error to answer. */
  coded(error: unknown): RequestError;
}

export class OwnVersion {
  readonly model: string;
  readonly version: string;
  readonly phases: Record<string, number> = {};
  state: ModelState = 'Pending';
  failure: LoadError | undefined;
  digest: string | undefined;
  #loaded: LoadedModel | undefined;
  #draining = false;
  #expected: string | undefined;
  readonly #options: OwnVersionOptions;

  constructor(options: OwnVersionOptions) {
    this.model = options.model;
    this.version = options.version;
    this.#options = options;
  }

  /** Whether it should get traffic. */
  get ready(): boolean {
    return this.#loaded !== undefined && !this.#draining && this.refusal === undefined;
  }

  /** Why the model that was loaded may not be served: the traffic table asks for another one. */
  get refusal(): RequestError | undefined {
    const expected = this.#expected;
    if (!this.#loaded || expected === undefined || expected === this.digest) return undefined;
    const of = `version '${this.version}' of model '${this.model}'`;
    const loaded = `${of} was first served with sha256 ${expected}, and this process loaded ${this.digest}`;
    const mend = 'put the first file back and delete this pod, or add a version for the new file';
    const message = `${loaded}: ${mend}; if the new file is meant, state its sha256`;
    return new RequestError('DIGEST_CHANGED', message, { 'retry-after': '1' });
  }

  get signature(): Signature | undefined {
    return this.#loaded?.signature;
  }

  get loaded(): LoadedModel | undefined {
    return this.#loaded;
  }

  serve(model: LoadedModel): void {
    this.#loaded = model;
    this.state = 'Loaded';
  }

  /** @param digest SHA-256 that the traffic table asks for; undefined: any */
  expect(digest: string | undefined): void {
    this.#expected = digest;
  }

  fail(failure: LoadError): void {
    this.failure = failure;
    this.state = 'Failed';
  }

  /** Not ready from now on, yet every request is answered as before. */
  startDraining(): void {
    this.#draining = true;
  }

  /** Answers an inference request; coded errors are answers too, it never rejects. */
  async infer(call: InferCall): Promise<Answer> {
    const { observer, clock, coded } = this.#options;
    let submitted = false;
    const begun = clock.now();
    let decoded = begun;
    try {
      const { signature, runner } = this.requireLoaded();
      const { inputs, outputs, write } = call.codec(call, signature);
      decoded = clock.now();
      const { deadline, caller, onGone, copied: background } = call;
      submitted = true;
      const bytes = call.body.length;
      const done = await runner.submit({ inputs, outputs, bytes, deadline, caller, onGone, background });
      submitted = false;
      const computed = clock.now();
      const { contentType, headers, body } = write(done.outputs, this);
      const written = clock.now();
      observer.ran(done, decoded - begun, written - computed, background);
      call.trace?.ran(done, begun, decoded, computed, written);
      call.mirror?.answered(inputs, done.outputs, signature, call.headers, call.trace);
      const own = { 'content-type': contentType, [VERSION_HEADER]: this.version };
      return { status: 200, headers: headers ? { ...headers, ...own } : own, body };
    } catch (error) {
      if (submitted) observer.failed(clock.now() - begun);
      const known = coded(error);
      if (submitted) call.trace?.failed(known.code, decoded, clock.now());
      if (known.code === 'INTERNAL') observer.unforeseen(error, call.trace?.traceId);
      return errorAnswer(known, this.version);
    }
  }

  /** @throws RequestError NOT_READY, DIGEST_CHANGED */
  requireReady(): void {
    if (!this.ready) throw this.refusal ?? this.#notReady();
  }

  /** Inputs and outputs as metadata shows them. @throws RequestError NOT_READY, DIGEST_CHANGED */
  metadata(): { inputs: TensorMetadata[]; outputs: TensorMetadata[] } {
    return metadataOf(this.requireLoaded().signature);
  }

  /** @throws RequestError NOT_READY, DIGEST_CHANGED */
  requireLoaded(): LoadedModel {
    if (!this.#loaded) throw this.#notReady();
    const { refusal } = this;
    if (refusal) throw refusal;
    return this.#loaded;
  }

  #notReady(): RequestError {
    const why = this.#draining ? 'it is shutting down' : `its model is ${this.state}`;
    const message = `version '${this.version}' of model '${this.model}' is not ready: ${why}`;
    return new RequestError('NOT_READY', message, { 'retry-after': '1' });
  }
}

export function metadataOf(signature: Signature): { inputs: TensorMetadata[]; outputs: TensorMetadata[] } {
  const show = ({ name, datatype, shape }: Signature['inputs'][number]) => ({ name, datatype, shape: [...shape] });
  return { inputs: signature.inputs.map(show), outputs: signature.outputs.map(show) };
}
