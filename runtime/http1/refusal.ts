/** Answers what is no HTTP request; there is no request object for it yet. */
import type { Socket } from 'node:net';
import { REQUEST_ERRORS, type RequestErrorCode } from '../errors.ts';

const CLIENT_ERRORS: Record<string, { code: RequestErrorCode; message: string }> = {
  HPE_HEADER_OVERFLOW: { code: 'HEADERS_TOO_LARGE', message: 'the headers are larger than 16 KiB' },
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'REQUEST_TOO_SLOW', message: 'the request did not arrive whole in time' },
};

/** How long who is refused may take to read it and hang up. */
const LINGER_MS = 5_000;

/** @param error as Node's parser says it; only its code is looked at */
export function refuseConnection(error: { code?: string | undefined }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal = CLIENT_ERRORS[error.code ?? ''];
  const { code, message } = refusal ?? { code: 'MALFORMED_HTTP' as const, message: 'this is not an HTTP/1.1 request' };
  const body = JSON.stringify({ error: message, code });
  const head = `HTTP/1.1 ${REQUEST_ERRORS[code]} Refused\r\nconnection: close\r\ncontent-type: application/json\r\n`;
  // A peer may go on sending, or keep its side open for ever.
  const cut = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => clearTimeout(cut));
  socket.end(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

export const TOO_SLOW = { code: 'ERR_HTTP_REQUEST_TIMEOUT' };
export const CUT_SHORT = { code: 'HPE_INVALID_EOF_STATE' };
