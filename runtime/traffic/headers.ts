/** Which headers go on to the next process and come back from it (RFC 9110, 7.6.1). Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { VERSION_HEADER } from '../answer.ts';
import { MIRROR_HEADER, TIMEOUT_HEADER } from '../split.ts';
import type { HopTrace } from '../tracing/trace.ts';

/**
 * Set on what is forwarded: `MODEL/VERSION` that forwards. A request that carries it is never forwarded again, and a direct
 * door of another model answers 421: who has an address may change before all know.
 */
export const FORWARDED_HEADER = 'modelship-forwarded';

const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
];

/** `content-length` is set anew from the body; 100-continue was answered by this process. The rest is set below. */
const NOT_SENT_ON = new Set([
  ...HOP_BY_HOP,
  'host',
  'content-length',
  'expect',
  VERSION_HEADER,
  TIMEOUT_HEADER,
  MIRROR_HEADER,
  FORWARDED_HEADER,
]);
/** Replaced where this process is itself in the trace. */
const OF_THE_TRACE = new Set(['traceparent', 'tracestate']);
const NOT_GIVEN_BACK = new Set(HOP_BY_HOP);

/** @param hop `trace`: see `HopTrace`; without it a request's own context goes on as it came @returns names and values in turn */
export function headersToForward(
  headers: IncomingHttpHeaders,
  hop: {
    model: string;
    from: string;
    to: string;
    timeoutMs: number;
    mirror?: boolean;
    trace?: Pick<HopTrace, 'headers'> | undefined;
  },
): string[] {
  const named = namedByConnection(headers.connection);
  const result: string[] = [];
  const context = hop.trace?.headers;
  for (const name in headers) {
    if (NOT_SENT_ON.has(name) || named?.has(name) || (context && OF_THE_TRACE.has(name))) continue;
    const value = headers[name];
    if (typeof value === 'string') result.push(name, value);
    else for (const each of value ?? []) result.push(name, each);
  }
  result.push(
    VERSION_HEADER,
    hop.to,
    FORWARDED_HEADER,
    `${hop.model}/${hop.from}`,
    TIMEOUT_HEADER,
    String(hop.timeoutMs),
  );
  if (hop.mirror) result.push(MIRROR_HEADER, hop.from);
  if (context) result.push(...context);
  return result;
}

/** The model that a forward says it is for; undefined for what is none, and what an older version sent. */
export function forwardedModel({ [FORWARDED_HEADER]: forwarded }: IncomingHttpHeaders): string | undefined {
  if (typeof forwarded !== 'string') return undefined;
  const end = forwarded.indexOf('/');
  return end === -1 ? undefined : forwarded.slice(0, end);
}

/** The headers of the answer, end to end. Repeated ones are joined, so several cookies would not survive. */
export function headersToAnswer(headers: IncomingHttpHeaders, version: string): Record<string, string> {
  const named = namedByConnection(headers.connection);
  const result: Record<string, string> = {};
  for (const name in headers) {
    if (NOT_GIVEN_BACK.has(name) || named?.has(name)) continue;
    const value = headers[name];
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  result[VERSION_HEADER] ??= version;
  return result;
}

/** `connection: close, x-private` makes `x-private` hop-by-hop too. */
function namedByConnection(connection: string | undefined): Set<string> | undefined {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return undefined;
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()));
}
