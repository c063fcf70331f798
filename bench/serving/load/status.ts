/** What a gRPC server says when it refuses a call: its status and message. One call by `node:http2`, for reports. */
import { connect } from 'node:http2';
import { MODEL_INFER } from '../wires/oip-grpc.ts';

const LIMIT_MS = 5_000;

export async function grpcRefusal(port: number, message: Buffer): Promise<string> {
  const session = connect(`http://127.0.0.1:${port}`);
  try {
    return await new Promise<string>((resolve, reject) => {
      session.on('error', reject);
      const headers = { ':method': 'POST', ':path': MODEL_INFER, 'content-type': 'application/grpc', te: 'trailers' };
      const stream = session.request(headers);
      const say = (from: Record<string, unknown>) => {
        const status = from['grpc-status'];
        if (status !== undefined)
          resolve(`grpc-status ${status}: ${decodeURIComponent(String(from['grpc-message'] ?? ''))}`);
      };
      stream.on('response', say).on('trailers', say).on('error', reject);
      stream.setTimeout(LIMIT_MS, () => reject(new Error(`no answer in ${LIMIT_MS} ms`)));
      stream.resume().end(message);
    });
  } catch (error) {
    return (error as Error).message;
  } finally {
    session.destroy();
  }
}
