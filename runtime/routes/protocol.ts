/** What a protocol's routes are given, and how they hand a request in. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RuntimeServing } from '../../api/launch.ts';
import type { Call, Inference } from '../inference.ts';
import type { OwnVersion } from '../own-version.ts';
import type { Split } from '../split.ts';
import type { Statistics } from '../statistics.ts';
import type { App } from './app.ts';

export interface ProtocolContext {
  own: OwnVersion;
  inference: Inference;
  split: Pick<Split, 'versions' | 'table'>;
  statistics: Statistics;
  serving: RuntimeServing;
  runtimeVersion: string;
  /** Told of defects; the caller hears INTERNAL only. */
  unforeseen(error: unknown): void;
}

/** Registers a protocol's routes on the app of one door. */
export type RegisterProtocol = (app: App, context: ProtocolContext) => void | Promise<void>;

/** A request as the inference path takes it. */
export function callOf(
  { method = 'GET', url = '/', headers, socket }: IncomingMessage,
  response: ServerResponse,
  { model, version, body }: { model?: string | undefined; version?: string | undefined; body?: Buffer | undefined },
): Call {
  return {
    method,
    url: pathOf(url),
    headers,
    body,
    model,
    version,
    caller: socket,
    onGone(callback) {
      let stopped = false;
      const closed = () => {
        if (stopped || response.writableFinished) return;
        stopped = true;
        callback();
      };
      response.once('close', closed);
      // It may have gone while its body was inflated: the event does not come again. Never within this call.
      if (response.destroyed) queueMicrotask(closed);
      return () => {
        stopped = true;
        response.off('close', closed);
      };
    },
  };
}

/** As clients of a proxy send it, a URL has an origin (RFC 9112, 3.2.2), which is no part of what is forwarded. */
function pathOf(url: string): string {
  return url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*(?=\/)/i, '');
}

/** The same of a request that the framework has read. */
export function fastifyCall(
  request: FastifyRequest,
  reply: FastifyReply,
  named: { model?: string | undefined; version?: string | undefined },
): Call {
  return callOf(request.raw, reply.raw, { ...named, body: request.body as Buffer | undefined });
}
