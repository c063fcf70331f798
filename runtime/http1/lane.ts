/** The one route that is served without Node's HTTP server, as its connections see it. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';
import type { Answer } from '../answer.ts';

export interface PlainRequest {
  /** Lower-case names. */
  headers: IncomingHttpHeaders;
  body: Buffer;
  /** The connection. */
  caller: Socket;
  /** Gives the body's memory back: nobody looks at it any more. Undefined where that is not worth a call. */
  release: (() => void) | undefined;
  /** Calls back once when the caller is gone. @returns how to stop listening */
  onGone(callback: () => void): () => void;
}

export interface Lane {
  /** The first line of its requests, end of line included. */
  readonly requestLine: Buffer;
  /** Larger bodies are Node's to refuse. */
  readonly mostBodyBytes: number;
  /** Whether it understands a request with these headers; if not, it is Node's. */
  takes(headers: IncomingHttpHeaders): boolean;
  /** Rejects for defects only. */
  serve(request: PlainRequest): Promise<Answer>;
  /** Told of a request that did not arrive whole. */
  broken(headers: IncomingHttpHeaders): void;
  /** Told of a defect, after which the connection is cut. */
  failed(error: unknown): void;
}
