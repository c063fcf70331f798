/** How hostile bytes are sent, and what came back: a status, or none when the connection was closed. */
import http2 from 'node:http2';
import { connect, type Socket } from 'node:net';
import { Pool } from 'undici';

const GIVE_UP_MS = 24_000;

/**
 * Sends bytes and reads until the other side closes. @returns statuses of all answers
 * @param endAfterMs when to end its own side: the server takes that for a client that hung up, and stops what it does
 */
export function sendRaw(port: number, bytes: Buffer, endAfterMs = GIVE_UP_MS / 2): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let text = '';
    socket.setTimeout(GIVE_UP_MS, () => {
      socket.destroy();
      reject(
        new Error(`the server neither answered nor closed: ${JSON.stringify(bytes.toString('latin1').slice(0, 300))}`),
      );
    });
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    const end = setTimeout(() => socket.end(), endAfterMs);
    socket.on('close', () => {
      clearTimeout(end);
      resolve([...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)));
    });
    socket.write(bytes);
  });
}

export interface Keeping {
  post(
    path: string,
    headers: Record<string, string>,
    body: Buffer,
  ): Promise<{ status: number; text: string } | undefined>;
  close(): Promise<void>;
}

/** Well-framed requests over kept connections; undefined when there was no whole answer. */
export function keepAlive(port: number, connections: number): Keeping {
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    connections,
    headersTimeout: GIVE_UP_MS,
    bodyTimeout: GIVE_UP_MS,
  });
  return {
    async post(path, headers, body) {
      try {
        const answer = await pool.request({ method: 'POST', path, headers, body });
        return { status: answer.statusCode, text: await answer.body.text() };
      } catch (error) {
        if ((error as { code?: string }).code?.startsWith('UND_ERR_') || isReset(error)) return undefined;
        throw error;
      }
    },
    close: () => pool.close(),
  };
}

function isReset(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_INVALID_CHAR' || error instanceof TypeError;
}

/** gRPC calls on one HTTP/2 session, opened anew when the server closes it. */
export class GrpcSender {
  readonly #port: number;
  #session: http2.ClientHttp2Session | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** @param frame with its 5 bytes of head. @returns grpc-status; undefined when the stream was reset */
  call(frame: Buffer, headers: Record<string, string> = {}): Promise<number | undefined> {
    const session = this.#open();
    return new Promise((resolve) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': '/inference.GRPCInferenceService/ModelInfer',
        'content-type': 'application/grpc',
        te: 'trailers',
        ...headers,
      });
      let status: number | undefined;
      const read = (from: http2.IncomingHttpHeaders) => {
        if (from['grpc-status'] !== undefined) status = Number(from['grpc-status']);
      };
      stream.on('response', read);
      stream.on('trailers', read);
      stream.on('error', () => {});
      stream.on('close', () => resolve(status));
      stream.setTimeout(GIVE_UP_MS, () => stream.close());
      stream.resume();
      stream.end(frame);
    });
  }

  #open(): http2.ClientHttp2Session {
    if (this.#session && !this.#session.closed && !this.#session.destroyed) return this.#session;
    this.#session = http2.connect(`http://127.0.0.1:${this.#port}`);
    this.#session.on('error', () => {});
    return this.#session;
  }

  close(): void {
    this.#session?.destroy();
  }
}

/** The 5 bytes of head that gRPC puts before a message. */
export function grpcFrame(message: Buffer, { flag = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

export function openSocket(port: number): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.on('error', () => {});
  return socket;
}
