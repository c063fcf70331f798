/** Coded errors → gRPC statuses (https://github.com/grpc/grpc/blob/master/doc/statuscodes.md). Pure. */
import { REQUEST_ERRORS, RequestError, type RequestErrorCode } from '../errors.ts';

export const STATUS = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
} as const;

/** Codes whose HTTP status says less than gRPC can. */
const BY_CODE: Partial<Record<RequestErrorCode, number>> = {
  ROUTE_NOT_FOUND: STATUS.UNIMPLEMENTED,
  METHOD_NOT_ALLOWED: STATUS.UNIMPLEMENTED,
  REPOSITORY_READ_ONLY: STATUS.UNIMPLEMENTED,
  UNSUPPORTED_MEDIA_TYPE: STATUS.UNIMPLEMENTED,
  QUEUE_FULL: STATUS.RESOURCE_EXHAUSTED,
};

const BY_HTTP_STATUS: Record<number, number> = {
  403: STATUS.PERMISSION_DENIED,
  404: STATUS.NOT_FOUND,
  408: STATUS.DEADLINE_EXCEEDED,
  413: STATUS.RESOURCE_EXHAUSTED,
  421: STATUS.FAILED_PRECONDITION,
  429: STATUS.RESOURCE_EXHAUSTED,
  431: STATUS.RESOURCE_EXHAUSTED,
  499: STATUS.CANCELLED,
  502: STATUS.UNAVAILABLE,
  503: STATUS.UNAVAILABLE,
  504: STATUS.DEADLINE_EXCEEDED,
};

export function statusOf({ code, status }: { code: string; status: number }): number {
  const known = BY_CODE[code as RequestErrorCode] ?? BY_HTTP_STATUS[status];
  return known ?? (status < 500 ? STATUS.INVALID_ARGUMENT : STATUS.INTERNAL);
}

/** A refusal by a version, told or forwarded: what its coded JSON answer says. */
export interface Refusal {
  code: string;
  /** HTTP status. */
  status: number;
  message: string;
  headers: Readonly<Record<string, string>>;
}

/** @param body of an answer whose status is an error's */
export function refusalOf(status: number, headers: Record<string, string>, body: string): Refusal {
  const fallback = {
    code: status >= 500 ? 'VERSION_UNAVAILABLE' : 'INVALID_REQUEST',
    message: `HTTP status ${status}`,
  };
  try {
    const { code = fallback.code, error = fallback.message } = JSON.parse(body) as { code?: string; error?: string };
    return { code: String(code), message: String(error), status, headers };
  } catch {
    const gone = status === REQUEST_ERRORS.CLIENT_GONE;
    return { ...fallback, ...(gone && { code: 'CLIENT_GONE', message: 'the caller is gone' }), status, headers };
  }
}

/** Longest message that is sent: trailers larger than 8 KiB are refused by clients. Bytes once encoded. */
const MOST_MESSAGE_BYTES = 4_096;

/** The trailers of a call that failed. */
export function trailersOf(refusal: Refusal | RequestError): Record<string, string> {
  const { code, message, headers } = refusal;
  const trailers: Record<string, string> = {
    'grpc-status': String(statusOf(refusal)),
    'grpc-message': percentEncode(message),
    'modelship-code': code,
  };
  const after = Number(headers['retry-after']);
  if (after >= 0) trailers['grpc-retry-pushback-ms'] = String(after * 1_000);
  const accepted = headers['grpc-accept-encoding'];
  if (accepted !== undefined) trailers['grpc-accept-encoding'] = accepted;
  return trailers;
}

/** As gRPC encodes `grpc-message`: printable ASCII but `%` as it is, the bytes of all else as `%XX`. */
export function percentEncode(message: string): string {
  if (/^[ -$&-~]*$/.test(message) && message.length <= MOST_MESSAGE_BYTES) return message;
  let encoded = '';
  for (const character of message) {
    const next = /[ -$&-~]/.test(character)
      ? character
      : Buffer.from(character).reduce(
          (text, byte) => `${text}%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
          '',
        );
    if (encoded.length + next.length > MOST_MESSAGE_BYTES) break;
    encoded += next;
  }
  return encoded;
}

const UNITS_MS: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** `grpc-timeout` in ms; undefined: none. @throws RequestError INVALID_REQUEST */
export function readTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, amount, unit] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  if (amount === undefined || unit === undefined) {
    const message = `grpc-timeout is ${JSON.stringify(value.slice(0, 40))}; it must be up to 8 digits and a unit of H, M, S, m, u or n`;
    throw new RequestError('INVALID_REQUEST', message);
  }
  return Number(amount) * (UNITS_MS[unit] as number);
}
