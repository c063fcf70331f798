/** Probes, metrics and the report: for the kubelet, Prometheus, the operator and the supervisor, never for users. */
import type { FastifyInstance } from 'fastify';
import { DIFFS_PATH, type Diffs } from '../../api/diffs.ts';
import { type PodReport, REPORT_PATH } from '../../api/pod-report.ts';
import { namesOf } from '../plugins/custom-metrics.ts';
import { route } from './route.ts';

export interface AdminOptions {
  /** @throws RequestError when nothing is to be sent here */
  requireReady(): void | Promise<void>;
  /** @throws RequestError when this process should be ended and started again. That it answers is enough where left out */
  requireLive?(): Promise<void>;
  /** @param custom names of metrics that are wanted in it */
  report(custom: readonly string[]): PodReport | Promise<PodReport>;
  diffs(): Diffs | Promise<Diffs>;
  metrics(): Promise<{ contentType: string; text: string }>;
}

export function registerAdmin(fastify: FastifyInstance, options: AdminOptions): void {
  const { requireReady, requireLive, report, diffs, metrics } = options;
  route(fastify, '/livez', {
    GET: async () => {
      await requireLive?.();
      return { live: true };
    },
  });
  route(fastify, '/readyz', {
    GET: async () => {
      await requireReady();
      return { ready: true };
    },
  });
  route(fastify, REPORT_PATH, {
    GET: async ({ query }) => report(namesOf((query as { custom?: unknown }).custom)),
  });
  route(fastify, DIFFS_PATH, { GET: async () => diffs() });
  route(fastify, '/metrics', {
    GET: async (_request, reply) => {
      const { contentType, text } = await metrics();
      return reply.type(contentType).send(text);
    },
  });
}
