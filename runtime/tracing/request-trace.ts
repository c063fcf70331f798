/** The spans of one request: its own, and what happened to it, each made from times that were measured anyway. */
import {
  type Attributes,
  type Context,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapPropagator,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import { STATUS, statusOf } from '../grpc/status.ts';
import type { Done } from '../models/runner.ts';
import type { Outcome } from '../traffic/attempt.ts';
import { codeOf } from './error-code.ts';
import type { HopTrace, RequestTrace } from './trace.ts';
import { hrTime, type Wall } from './wall.ts';

/** Reading and writing that took less is no span: they would be most spans of a small model, and nobody could see them. */
const LEAST_CODEC_MS = 0.5;
/** An RPC's statuses that are the server's failure, by the semantic conventions. */
const RPC_FAILURES = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE']);
const RPC_STATUSES = new Map<number, string>(Object.entries(STATUS).map(([name, number]) => [number, name]));

export interface TraceParts {
  tracer: Tracer;
  propagator: Pick<TextMapPropagator, 'inject'>;
  wall: Wall;
}

export type Hop = Parameters<RequestTrace['hop']>[0];

/** A request whose spans are recorded. */
export class RecordedRequest implements RequestTrace {
  readonly traceId: string;
  readonly #parts: TraceParts;
  readonly #span: Span;
  readonly #context: Context;
  readonly #offset: number;
  readonly #rpc: boolean;

  /** @param offset see `Wall.offset` */
  constructor(parts: TraceParts, span: Span, offset: number, rpc: boolean) {
    this.#parts = parts;
    this.#span = span;
    this.#context = trace.setSpan(ROOT_CONTEXT, span);
    this.#offset = offset;
    this.#rpc = rpc;
    this.traceId = span.spanContext().traceId;
  }

  ran(done: Done, begun: number, decoded: number, computed: number, written: number): void {
    const { from, queued, batch, items } = done;
    if (decoded - begun >= LEAST_CODEC_MS) this.#child('decode', begun, decoded);
    this.#span.setAttribute('modelship.answer.from', from);
    if (from !== 'cache') {
      const started = Math.min(decoded + queued, computed);
      this.#child('queue', decoded, started);
      const attributes = { 'modelship.batch.items': batch, 'modelship.items': items };
      this.#child('run', started, Math.min(started + done.computed, computed), attributes);
    }
    if (written - computed >= LEAST_CODEC_MS) this.#child('encode', computed, written);
  }

  failed(code: string, decoded: number, ended: number): void {
    const span = this.#start(code === 'INFERENCE_FAILED' ? 'run' : 'queue', decoded, { 'error.type': code });
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    span.end(this.#at(ended));
  }

  shielded(): void {
    this.#span.setAttribute('modelship.shielded', true);
  }

  hop(hop: Hop): HopTrace {
    const { propagator, wall } = this.#parts;
    const attributes: Attributes = {
      'http.request.method': 'POST',
      'server.address': hop.host,
      'server.port': hop.port,
      'modelship.version': hop.to,
    };
    if (hop.mirror) attributes['modelship.mirror'] = true;
    const span = this.#start(hop.mirror ? 'mirror' : 'forward', wall.now(), attributes, SpanKind.CLIENT);
    return new RecordedHop(span, wall, this.#offset, propagator);
  }

  answered(answer: Answer, ended: number): void {
    const { status, headers } = answer;
    const span = this.#span;
    // An answer that is passed on, or that nobody waits for, may have no code.
    const code = status < 400 ? undefined : (codeOf(answer) ?? String(status));
    const version = headers[VERSION_HEADER];
    if (version !== undefined) span.setAttribute('modelship.version', version);
    if (code !== undefined) span.setAttribute('error.type', code);
    let failed = status >= 500;
    if (this.#rpc) {
      const name = RPC_STATUSES.get(code === undefined ? STATUS.OK : statusOf({ code, status })) ?? 'UNKNOWN';
      span.setAttribute('rpc.response.status_code', name);
      failed = RPC_FAILURES.has(name);
    } else {
      span.setAttribute('http.response.status_code', status);
    }
    if (failed) span.setStatus({ code: SpanStatusCode.ERROR, message: code ?? '' });
    span.end(this.#at(ended));
  }

  #child(name: string, begun: number, ended: number, attributes: Attributes = {}): void {
    this.#start(name, begun, attributes).end(this.#at(ended));
  }

  #start(name: string, begun: number, attributes: Attributes, kind: SpanKind = SpanKind.INTERNAL): Span {
    return this.#parts.tracer.startSpan(name, { kind, startTime: this.#at(begun), attributes }, this.#context);
  }

  #at(ms: number) {
    return hrTime(ms + this.#offset);
  }
}

class RecordedHop implements HopTrace {
  readonly headers: readonly string[];
  readonly #span: Span;
  readonly #wall: Wall;
  readonly #offset: number;
  #sent = 0;

  constructor(span: Span, wall: Wall, offset: number, propagator: TraceParts['propagator']) {
    this.#span = span;
    this.#wall = wall;
    this.#offset = offset;
    this.headers = headersOf(trace.setSpan(ROOT_CONTEXT, span), propagator);
  }

  sentTo(address: string): void {
    this.#span.setAttribute('network.peer.address', address);
    if (this.#sent > 0) this.#span.setAttribute('http.request.resend_count', this.#sent);
    this.#sent++;
  }

  ended(outcome: Outcome, differs?: boolean): void {
    const span = this.#span;
    if (differs !== undefined) span.setAttribute('modelship.mirror.differs', differs);
    const error = failureOf(outcome);
    if (outcome.kind === 'answer') span.setAttribute('http.response.status_code', outcome.answer.status);
    if (error !== undefined) {
      span.setAttribute('error.type', error);
      span.setStatus({ code: SpanStatusCode.ERROR, message: outcome.kind === 'failed' ? outcome.detail : error });
    }
    span.end(hrTime(this.#wall.now() + this.#offset));
  }
}

function failureOf(outcome: Outcome): string | undefined {
  if (outcome.kind === 'failed') return outcome.reason;
  if (outcome.kind !== 'answer') return outcome.kind;
  return outcome.answer.status < 400 ? undefined : (codeOf(outcome.answer) ?? String(outcome.answer.status));
}

/** A request that is in no trace that is kept: those it is sent to are told so. */
export class UnrecordedRequest implements RequestTrace {
  readonly traceId: string;
  readonly #span: Span;
  readonly #propagator: TraceParts['propagator'];
  readonly #known: boolean;

  /** @param known the caller's own context goes on as it came */
  constructor(span: Span, propagator: TraceParts['propagator'], known: boolean) {
    this.traceId = span.spanContext().traceId;
    this.#span = span;
    this.#propagator = propagator;
    this.#known = known;
  }

  ran(): void {}
  failed(): void {}
  shielded(): void {}
  answered(): void {}

  hop(): HopTrace {
    const headers = this.#known ? undefined : headersOf(trace.setSpan(ROOT_CONTEXT, this.#span), this.#propagator);
    return { headers, sentTo() {}, ended() {} };
  }
}

const PASSED_ON: HopTrace = { headers: undefined, sentTo() {}, ended() {} };

/** One that its caller does not keep: the context goes on as it came, and nothing is made of it. */
export class PassedOnRequest implements RequestTrace {
  readonly traceId: string;

  constructor(traceId: string) {
    this.traceId = traceId;
  }

  ran(): void {}
  failed(): void {}
  shielded(): void {}
  answered(): void {}

  hop(): HopTrace {
    return PASSED_ON;
  }
}

/** `traceparent`, and `tracestate` if there is one: names and values in turn. */
function headersOf(context: Context, propagator: TraceParts['propagator']): string[] {
  const carrier: Record<string, string> = {};
  propagator.inject(context, carrier, defaultTextMapSetter);
  return Object.entries(carrier).flat();
}
