/** HTTP/2 as gRPC needs it, with a bound to everything that a client may ask for. */
import { createServer, type Http2Server, type IncomingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { GRPC_TYPE } from './infer-codec.ts';

/** Calls at a time on one connection; a client keeps back what is above. */
const CALLS_PER_CONNECTION = 1_024;
const STREAM_WINDOW_BYTES = 1 << 20;
const HEADER_BYTES = 16 * 1_024;
/** Memory that one connection may hold, answers that its client does not read among it, MB. Above, calls are refused. */
const CONNECTION_MEGABYTES = 256;
/** Calls that a client may cancel at once, and each second after: more is an attack (CVE-2023-44487). */
const CANCEL_BURST = 2_000;
const CANCEL_RATE = 200;
/** A client that is gone without a word is found out by TCP. */
const TCP_KEEP_ALIVE_MS = 60_000;

/** A server that never listens: connections are handed to it. */
export function createHttp2Server(): Http2Server {
  const server = createServer({
    settings: {
      maxConcurrentStreams: CALLS_PER_CONNECTION,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: HEADER_BYTES,
    },
    maxSessionMemory: CONNECTION_MEGABYTES,
    streamResetBurst: CANCEL_BURST,
    streamResetRate: CANCEL_RATE,
  });
  server.on('connection', (socket: Socket) => {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
  });
  // Such as bytes that are no HTTP/2: the connection is over, and nothing else.
  server.on('sessionError', () => {});
  return server;
}

/** What is no gRPC is answered by HTTP's own means. */
export function refusalOfHttp(headers: IncomingHttpHeaders): Record<string, string | number> | undefined {
  if (headers[':method'] !== 'POST') return { ':status': 405, allow: 'POST' };
  const type = headers['content-type'];
  const isGrpc = type === GRPC_TYPE || (type !== undefined && /^application\/grpc(?:\+proto)?\s*(?:;|$)/i.test(type));
  return isGrpc ? undefined : { ':status': 415, accept: GRPC_TYPE };
}
