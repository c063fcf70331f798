/**
 * The catalogue of coded errors of the runtime. A code is API: `docs/errors.md` lists them all, and a test holds the two
 * together. A message says what was wrong, where, and what to do.
 */

/** Answers to a request: code → HTTP status. */
export const REQUEST_ERRORS = {
  ROUTE_NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  MODEL_NOT_FOUND: 404,
  VERSION_NOT_FOUND: 404,
  REPOSITORY_READ_ONLY: 403,
  MALFORMED_JSON: 400,
  INVALID_REQUEST: 400,
  MISSING_INPUT: 400,
  UNKNOWN_INPUT: 400,
  DUPLICATE_INPUT: 400,
  UNKNOWN_OUTPUT: 400,
  INPUT_DATATYPE: 400,
  INPUT_SHAPE: 400,
  INPUT_DATA: 400,
  BODY_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  MALFORMED_HTTP: 400,
  REQUEST_TOO_SLOW: 408,
  HEADERS_TOO_LARGE: 431,
  /** Nobody hears it: counted and logged only. */
  CLIENT_GONE: 499,
  MISDIRECTED: 421,
  INFERENCE_FAILED: 500,
  INTERNAL: 500,
  VERSION_UNAVAILABLE: 502,
  NOT_READY: 503,
  DIGEST_CHANGED: 503,
  QUEUE_FULL: 503,
  REQUEST_TIMEOUT: 504,
} as const;

/** Why a process could not start: the code in the termination message. */
export const LOAD_ERRORS = [
  'LAUNCH_INVALID',
  'ADDRESS_IN_USE',
  'MODEL_URI_UNSUPPORTED',
  'MODEL_NOT_THERE',
  'MODEL_FORBIDDEN',
  'MODEL_UNREACHABLE',
  'MODEL_DIGEST_MISMATCH',
  'MODEL_CORRUPT',
  'MODEL_UNSUPPORTED',
  'PROVIDER_MISSING',
  'OPTION_UNSUPPORTED',
  'WARMUP_FAILED',
  'GOLDEN_NOT_THERE',
  'GOLDEN_INVALID',
  'GOLDEN_MISMATCH',
  'LOAD_DIED',
  'CRASH_LOOP',
  'INTERNAL',
] as const;

export type RequestErrorCode = keyof typeof REQUEST_ERRORS;
export type LoadErrorCode = (typeof LOAD_ERRORS)[number];

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
