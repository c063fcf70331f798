/** What a protocol's routes are given, and how they hand a request in. */
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
}

/** Registers a protocol's routes on the app of one door. */
export type RegisterProtocol = (app: App, context: ProtocolContext) => void | Promise<void>;

/** A request as the inference path takes it. */
export function callOf(
  request: FastifyRequest,
  reply: FastifyReply,
  named: { model?: string | undefined; version?: string | undefined },
): Call {
  const { raw } = reply;
  return {
    method: request.method,
    url: request.raw.url ?? '/',
    headers: request.headers,
    body: request.body as Buffer | undefined,
    model: named.model,
    version: named.version,
    caller: request.raw.socket,
    onGone(callback) {
      const closed = () => {
        if (!raw.writableFinished) callback();
      };
      raw.once('close', closed);
      return () => raw.off('close', closed);
    },
  };
}
