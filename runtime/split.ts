/** The seam between the entry routes and `traffic/`: who answers a request that came through the public door. */
import type { IncomingHttpHeaders } from 'node:http';
import type { TrafficTable } from '../api/traffic-table.ts';
import type { Answer } from './answer.ts';
import { RequestError } from './errors.ts';
import type { RequestTrace } from './tracing/trace.ts';

/** Set by a mirror on its copies, read by direct ports only: such a request is answered but not counted as a user's. */
export const MIRROR_HEADER = 'modelship-mirror';

/** Set by a forwarder, read by direct ports only: whole ms left until the request must be answered. */
export const TIMEOUT_HEADER = 'modelship-timeout-ms';

export interface SplitRequest {
  method: string;
  /** Path and query as received. */
  url: string;
  headers: IncomingHttpHeaders;
  body: Buffer | undefined;
  /** The version that the path or the header named. */
  pinned: string | undefined;
  /** When the request must be answered: ms by the injected monotonic clock. */
  deadline: number;
  /** Calls back once when the user hangs up. @returns how to stop listening */
  onGone(callback: () => void): () => void;
  /** Undefined: it is not traced. */
  trace?: RequestTrace | undefined;
}

/** @param shields the request was drawn for another version, which did not answer it */
export type AnswerOwn = (shields?: boolean) => Promise<Answer>;

export interface Split {
  /**
   * Decides who answers; calls `answerOwn` for this process's own version, also when it shields a failing canary.
   * `answerOwn` resolves to the answer to send, coded errors included; it never rejects. It is told when it shields.
   * @throws RequestError VERSION_NOT_FOUND, VERSION_UNAVAILABLE, REQUEST_TIMEOUT
   */
  handle(request: SplitRequest, answerOwn: AnswerOwn): Promise<Answer>;
  /** Versions known now: those of the table, and this process's own. */
  versions(): string[];
  /** The table in force; undefined while there is none and this process answers everything itself. */
  table(): TrafficTable | undefined;
}

/** The error for a version that nobody here serves. */
export function unknownVersion(version: string, known: readonly string[]): RequestError {
  return new RequestError(
    'VERSION_NOT_FOUND',
    `there is no version '${version.slice(0, 80)}' here; there is ${known.join(', ')}`,
  );
}

/** What a direct door does in place of a split: the own version answers everything. */
export function ownOnly(own: string): Pick<Split, 'handle'> {
  return {
    async handle({ pinned }, answerOwn) {
      if (pinned !== undefined && pinned !== own) throw unknownVersion(pinned, [own]);
      return answerOwn();
    },
  };
}
