/**
 * The way of inference requests past the framework. Finding the route, its hooks and its reply cost 11 µs of the 45 that a
 * request to a tiny model took (docs/decisions/processes.md has the machine): requests whose URL is exactly the model's go
 * from the socket to `Inference` and back. All others, and all that is odd about a request, are the framework's; both ways
 * answer alike, which test/runtime/fast-lane.test.ts holds.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from '../answer.ts';
import { understands } from '../compression.ts';
import type { Inference } from '../inference.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { readBody } from './body.ts';
import { callOf } from './protocol.ts';

export interface FastLaneOptions {
  /** Name of the model. */
  model: string;
  inference: Inference;
  bodyBytes: number;
}

/** @returns what takes a request, or says false and has not touched it */
export function fastLane({ model, inference, bodyBytes }: FastLaneOptions) {
  const url = `/v2/models/${model}/infer`;
  return (request: IncomingMessage, response: ServerResponse): boolean => {
    if (request.url !== url || request.method !== 'POST') return false;
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && !understands(encoding)) return false;
    readBody(request, bodyBytes, (error, body) => {
      if (error) {
        send(response, inference.refuse(error), true);
        return;
      }
      const call = callOf(request, response, { model, version: undefined, body });
      // It never rejects.
      void inference.infer(call, oipRest).then((answer) => send(response, answer, false));
    });
    return true;
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer, unread: boolean): void {
  if (response.destroyed) {
    if (typeof body !== 'string' && !Buffer.isBuffer(body)) body.destroy();
    return;
  }
  response.statusCode = status;
  for (const name in headers) response.setHeader(name, headers[name] as string);
  if (typeof body === 'string' || Buffer.isBuffer(body)) {
    // What is left of the request's body is not waited for.
    if (unread) response.shouldKeepAlive = false;
    response.setHeader('content-length', Buffer.byteLength(body));
    response.end(body);
    return;
  }
  body.once('error', () => response.destroy());
  response.once('close', () => body.destroy());
  body.pipe(response);
}
