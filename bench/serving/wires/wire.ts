/** How a request is put on the wire and an answer read off it. Pure; written from the public specifications. */
import type { Tensors } from '../tensors.ts';

export interface Target {
  host: string;
  port: number;
  /** Name of the model in the protocol. */
  model: string;
  /** Path of the request, for a wire whose path is the server's own affair. */
  path?: string;
  /** Values of this output are compared. */
  output: string;
  /** Of HTTP, besides those of the protocol. */
  headers?: Readonly<Record<string, string>>;
}

export interface RawAnswer {
  /** Status line and headers; empty for gRPC. */
  head: string;
  body: Buffer;
}

export interface Wire {
  transport: 'http1' | 'grpc';
  /** The whole request: an HTTP/1.1 message, or a gRPC message with its length prefix. */
  encode(inputs: Tensors, target: Target): Buffer;
  /** Values of the target's output, flat. @throws Error that says what is wrong with the answer */
  decode(answer: RawAnswer, target: Target): number[];
}

/** An HTTP/1.1 POST. */
export function post(path: string, target: Target, headers: Record<string, string | number>, body: Buffer): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: ${target.host}:${target.port}`,
    ...Object.entries({ ...target.headers, ...headers, 'content-length': body.length }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body]);
}

export const inferPath = ({ model }: Target): string => `/v2/models/${model}/infer`;
