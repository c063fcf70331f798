/**
 * Coded errors of the runtime. A code is API: its meaning is in the catalogue, of which `docs/errors.md` is made. A message
 * says what was wrong, where, and what to do.
 */
import { LOAD_CATALOGUE, REQUEST_CATALOGUE } from './error-catalogue.ts';

type Catalogue = typeof REQUEST_CATALOGUE;
export type RequestErrorCode = keyof Catalogue;
export type LoadErrorCode = keyof typeof LOAD_CATALOGUE;

/** Answers to a request: code → HTTP status. */
export const REQUEST_ERRORS = Object.fromEntries(
  Object.entries(REQUEST_CATALOGUE).map(([code, { status }]) => [code, status]),
) as { readonly [Code in RequestErrorCode]: Catalogue[Code]['status'] };

/** Why a process could not start: the code in the termination message. */
export const LOAD_ERRORS = Object.keys(LOAD_CATALOGUE) as readonly LoadErrorCode[];

/** An error that is answered to the caller. */
export class RequestError extends Error {
  readonly code: RequestErrorCode;
  readonly status: number;
  /** Extra response headers, such as `retry-after`. */
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: RequestErrorCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'RequestError';
    this.code = code;
    this.status = REQUEST_ERRORS[code];
    this.headers = headers;
  }
}

/** An error that ends the start of the process. */
export class LoadError extends Error {
  readonly code: LoadErrorCode;

  constructor(code: LoadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'LoadError';
    this.code = code;
  }
}
