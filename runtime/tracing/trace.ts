/**
 * What the way of a request tells its trace. These are types alone: where tracing is off there is no trace, none of
 * OpenTelemetry's packages is loaded, and each place that could tell one something looks at one undefined field.
 */
import type { Answer } from '../answer.ts';
import type { Call } from '../inference.ts';
import type { Done } from '../models/runner.ts';
import type { Outcome } from '../traffic/attempt.ts';

/** Of one process. */
export interface Tracing {
  /** A request for an inference has come. @param arrived ms of the clock */
  begin(call: Call, how: { direct: boolean; copied: boolean; arrived: number }): RequestTrace;
  /** Exports what is left, for a few seconds at most. Never rejects. */
  stop(): Promise<void>;
}

/** Of one request. Times are ms of the clock. */
export interface RequestTrace {
  /** 32 hexadecimal digits: for lines of the log. */
  readonly traceId: string;
  /** The model or the cache answered, after `begun` ≤ `decoded` ≤ `computed` ≤ `written`. */
  ran(done: Done, begun: number, decoded: number, computed: number, written: number): void;
  /** It was read by `decoded`, and came to nothing at `ended`, while it waited or ran. */
  failed(code: string, decoded: number, ended: number): void;
  /** Another version was to answer it and did not. */
  shielded(): void;
  /** It is sent to another version; also when it was answered already, as a copy. */
  hop(hop: { to: string; host: string; port: number; mirror: boolean }): HopTrace;
  /** @param ended when there was an answer to send */
  answered(answer: Answer, ended: number): void;
}

export interface HopTrace {
  /** Names and values in turn, in place of the request's own `traceparent` and `tracestate`; undefined: those stay. */
  readonly headers: readonly string[] | undefined;
  /** To this address of the version. */
  sentTo(address: string): void;
  /** @param differs a copy was answered differently than the request; undefined: not compared */
  ended(outcome: Outcome, differs?: boolean): void;
}
