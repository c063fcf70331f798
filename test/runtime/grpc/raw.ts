/** HTTP/2 as a test wants it, for what no gRPC client sends. */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { onTestFinished } from 'vitest';

/** A connection, cut at the end of the test. */
export function connection(address: string): ClientHttp2Session {
  const session = connect(`http://${address}`, { maxSessionMemory: 1_000 });
  session.on('error', () => {});
  onTestFinished(() => session.destroy());
  return session;
}

export interface RawAnswer {
  /** Of HTTP; undefined if none came. */
  status: number | undefined;
  headers: IncomingHttpHeaders;
  /** `grpc-status`, from wherever it came. */
  grpc: string | undefined;
  code: string | undefined;
  message: string;
  body: Buffer;
}

export const INFER_PATH = '/inference.GRPCInferenceService/ModelInfer';

/** Sends bytes as the body of a call. @param end whether the caller says that this is all */
export function send(
  session: ClientHttp2Session,
  body: Buffer,
  headers: Record<string, string> = {},
  end = true,
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    const all = { ':method': 'POST', ':path': INFER_PATH, 'content-type': 'application/grpc', te: 'trailers' };
    const stream = session.request({ ...all, ...headers });
    const answer: RawAnswer = { status: undefined, headers: {}, grpc: undefined, code: undefined, message: '', body };
    const chunks: Buffer[] = [];
    const take = (got: IncomingHttpHeaders) => {
      answer.grpc ??= got['grpc-status'] as string | undefined;
      answer.code ??= got['modelship-code'] as string | undefined;
      answer.message ||= decodeURIComponent(String(got['grpc-message'] ?? ''));
    };
    stream.on('response', (got) => {
      answer.status = got[':status'];
      answer.headers = got;
      take(got);
    });
    stream.on('trailers', take);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', () => {});
    const done = () => resolve({ ...answer, body: Buffer.concat(chunks) });
    // All that is to come has come; the stream stays open while this side may send.
    stream.on('end', () => setImmediate(done));
    stream.on('close', done);
    if (end) stream.end(body);
    else stream.write(body);
  });
}

/** A message with its prefix. @param length what the prefix claims */
export function frame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(length, 1);
  return Buffer.concat([prefix, message]);
}
