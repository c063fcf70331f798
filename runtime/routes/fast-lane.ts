/**
 * The way of inference requests past the framework. Finding the route, its hooks and its reply cost 11 µs of the 45 that a
 * request to a tiny model took (two shared cores, digits in JSON): requests whose URL is exactly the model's go
 * from the socket to `Inference` and back. All others, and all that is odd about a request, are the framework's; both ways
 * answer alike, which test/runtime/fast-lane.test.ts holds.
 */
import type { IncomingMessage, OutgoingHttpHeader, ServerResponse } from 'node:http';
import type { Answer } from '../answer.ts';
import { understands } from '../compression.ts';
import { readBody } from '../http1/body.ts';
import type { Inference } from '../inference.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { callOf } from './protocol.ts';

export interface FastLaneOptions {
  /** Name of the model. */
  model: string;
  inference: Inference;
  bodyBytes: number;
}

export function inferUrl(model: string): string {
  return `/v2/models/${model}/infer`;
}

/** @returns what takes a request, or says false and has not touched it */
export function fastLane({ model, inference, bodyBytes }: FastLaneOptions) {
  const url = inferUrl(model);
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.url !== url || request.method !== 'POST') return false;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && !understands(encoding)) return false;
    readBody(request, bodyBytes, (error, body) => {
      if (error) {
        send(response, inference.refuse(error, inference.isCopy(request.headers)), true);
        return;
      }
      const call = callOf(request, response, { model, version: undefined, body });
      inference
        .infer(call, oipRest)
        .then((answer) => send(response, answer, false))
        .catch((failure) => {
          // Told to the log; whatever was written of the answer is cut.
          inference.refuse(failure);
          response.destroy();
        });
    });
    return true;
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer, unread: boolean): void {
  if (response.destroyed) {
    if (typeof body !== 'string' && !Buffer.isBuffer(body)) body.destroy();
    return;
  }
  const fields: (string | number)[] = [];
  for (const name in headers) fields.push(name, headers[name] as string);
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    // What is left of the request's body is not waited for.
    if (unread) response.shouldKeepAlive = false;
    fields.push('content-length', Buffer.byteLength(body));
    // As a flat list they are written as they are, without a table of headers between.
    response.writeHead(status, fields as unknown as OutgoingHttpHeader[]);
    response.end(body);
    return;
  }
  response.writeHead(status, fields as unknown as OutgoingHttpHeader[]);
  body.once('error', () => response.destroy());
  response.once('close', () => body.destroy());
  body.pipe(response);
}
