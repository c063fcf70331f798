/** What an API server answers when it says no, and what goes wrong on the way there, as KubeErrors. */
import { KubeError, type KubeErrorCode, type KubeErrorDetail } from './error.ts';

/** An answer with another status than 2xx. */
export interface Refusal {
  status: number;
  /** As it stands in the header. */
  retryAfter?: string | undefined;
  /** May be cut short. */
  body: string;
}

/** `Status` of `meta.k8s.io/v1`, as far as it is used; it comes from outside, so each field may be anything. */
interface Status {
  kind?: unknown;
  code?: unknown;
  reason?: unknown;
  message?: unknown;
  details?: { causes?: unknown; retryAfterSeconds?: unknown } | null;
}

type Cause = NonNullable<KubeErrorDetail['causes']>[number];

const BY_REASON: Readonly<Record<string, KubeErrorCode>> = {
  NotFound: 'NotFound',
  AlreadyExists: 'AlreadyExists',
  Conflict: 'Conflict',
  Expired: 'Expired',
  Gone: 'Expired',
  Invalid: 'Invalid',
  BadRequest: 'Invalid',
  MethodNotAllowed: 'Invalid',
  NotAcceptable: 'Invalid',
  RequestEntityTooLarge: 'Invalid',
  UnsupportedMediaType: 'Invalid',
  Forbidden: 'Forbidden',
  Unauthorized: 'Unauthorized',
  TooManyRequests: 'TooManyRequests',
  Timeout: 'Timeout',
  ServerTimeout: 'Timeout',
  ServiceUnavailable: 'Unavailable',
  InternalError: 'Unavailable',
  StoreReadError: 'Unavailable',
};

const BY_STATUS: Readonly<Record<number, KubeErrorCode>> = {
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  408: 'Timeout',
  409: 'Conflict',
  410: 'Expired',
  429: 'TooManyRequests',
  504: 'Timeout',
};

/** Characters that are kept of what the other side says. */
const LONGEST_WORDS = 2_048;
const LONGEST_FOREIGN_WORDS = 200;
const MOST_CAUSES = 64;
/** A longer wait than this is a mistake of somebody in between. */
const LONGEST_WAIT_MS = 600_000;

/**
 * @param what was asked: `apply Deployment models/digits`
 * @param now milliseconds since 1970, for a Retry-After that is a date
 */
export function refusalError(what: string, refusal: Refusal, now: number): KubeError {
  const wait = retryAfterMs(refusal.retryAfter, now);
  const status = parseStatus(refusal.body);
  if (status) return statusError(what, status, refusal.status, wait);
  const { code, hint } = foreign(refusal.status);
  const words = clip(
    refusal.body
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
    LONGEST_FOREIGN_WORDS,
  );
  const said = words ? `: ${words}` : '';
  return new KubeError(code, `${what}: ${refusal.status}${hint}${said}`, {
    status: refusal.status,
    retryAfterMs: wait,
  });
}

/** @param status a `Status` object, as in a watch's ERROR event */
export function statusError(what: string, status: object, http = 0, waitMs?: number): KubeError {
  const { code, reason, message, details } = status as Status;
  const number = http || (typeof code === 'number' ? code : 0);
  const causes = causesOf(details?.causes);
  const word = typeof reason === 'string' && reason ? ` ${clip(reason, 64)}` : '';
  const words = clip(typeof message === 'string' && message ? message : 'no reason given', LONGEST_WORDS);
  const seconds = details?.retryAfterSeconds;
  const retryAfter = waitMs ?? (typeof seconds === 'number' && seconds > 0 ? bounded(seconds * 1000) : undefined);
  const detail = { status: number, retryAfterMs: retryAfter, causes };
  return new KubeError(codeOf(reason, number, words, causes), `${what}: ${number}${word}: ${words}`, detail);
}

/** For an answer that is no JSON, too large, or cut off, and a connection that failed. */
export function connectionError(what: string, server: string, error: unknown): KubeError {
  return new KubeError('Unavailable', `${what}: ${server}: ${reasonOf(error)}`, {}, error);
}

function codeOf(reason: unknown, status: number, words: string, causes: Cause[]): KubeErrorCode {
  if (causes.some((cause) => cause.reason === 'NamespaceTerminating')) return 'NamespaceTerminating';
  // An apply with a field that the kind does not have comes back as a 500, with no reason (seen with 1.34).
  if (status === 500 && words.startsWith('failed to create typed patch object')) return 'Invalid';
  // The object was made anew under its name since the uid was read.
  if (
    causes.length > 0 &&
    causes.every(({ field, message }) => field === 'metadata.uid' && message?.includes('immutable'))
  ) {
    return 'Conflict';
  }
  const known = typeof reason === 'string' && Object.hasOwn(BY_REASON, reason) ? BY_REASON[reason] : undefined;
  return known ?? byStatus(status);
}

function byStatus(status: number): KubeErrorCode {
  const known = BY_STATUS[status];
  if (known) return known;
  return status >= 400 && status < 500 ? 'Invalid' : 'Unavailable';
}

/** Somebody in between answered: a proxy, a load balancer, or another server than was meant. */
function foreign(status: number): { code: KubeErrorCode; hint: string } {
  const code = byStatus(status);
  return { code, hint: status >= 300 && status < 400 ? ' (is this the address of an API server?)' : '' };
}

function parseStatus(body: string): Status | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const isStatus = typeof parsed === 'object' && parsed !== null && (parsed as Status).kind === 'Status';
    return isStatus ? (parsed as Status) : undefined;
  } catch {
    return undefined;
  }
}

function causesOf(causes: unknown): Cause[] {
  if (!Array.isArray(causes)) return [];
  const found = causes.slice(0, MOST_CAUSES).flatMap((cause: unknown) => {
    if (typeof cause !== 'object' || cause === null) return [];
    const fields = ['reason', 'message', 'field'] as const;
    const texts = fields.map((field) => [field, (cause as Record<string, unknown>)[field]] as const);
    return [Object.fromEntries(texts.filter(([, text]) => typeof text === 'string')) as Cause];
  });
  return [...new Map(found.map((cause) => [JSON.stringify(cause), cause])).values()];
}

/** Seconds, or a date. */
function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (!header) return undefined;
  if (/^\d+$/.test(header.trim())) return bounded(Number(header) * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? undefined : bounded(date - now);
}

function bounded(ms: number): number {
  return Math.min(LONGEST_WAIT_MS, Math.max(0, ms));
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Node tells of several addresses that were tried in one error, whose own message is empty. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ');
  return clip(error instanceof Error ? error.message : String(error), LONGEST_FOREIGN_WORDS);
}
