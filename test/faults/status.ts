/** Refusals in the API server's own words. */
import type { Answered } from './proxy.ts';

const REFUSALS = {
  conflict: { code: 409, reason: 'Conflict', message: 'the object has been modified; please apply your changes to it' },
  throttle: { code: 429, reason: 'TooManyRequests', message: 'too many requests, please try again later' },
  error: { code: 500, reason: 'InternalError', message: 'internal error: etcdserver: request timed out' },
  unavailable: { code: 503, reason: 'ServiceUnavailable', message: 'the server is currently unable to handle it' },
};

const JSON_TYPE = { 'content-type': 'application/json' };

function status(code: number, reason: string, message: string): object {
  const details = code === 429 ? { retryAfterSeconds: 1 } : {};
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, details, code };
}

export function refusal(kind: keyof typeof REFUSALS): Answered {
  const { code, reason, message } = REFUSALS[kind];
  const headers = code === 429 ? { ...JSON_TYPE, 'retry-after': '1' } : JSON_TYPE;
  return { status: code, headers, body: Buffer.from(JSON.stringify(status(code, reason, message))) };
}

/** A watch that begins, and says at once that its resourceVersion is too old. */
export function expiredEvent(): Answered {
  const event = { type: 'ERROR', object: status(410, 'Expired', 'too old resource version: 1 (2)') };
  return { status: 200, headers: JSON_TYPE, body: Buffer.from(`${JSON.stringify(event)}\n`) };
}
