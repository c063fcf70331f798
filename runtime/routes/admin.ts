/** Probes, metrics and the report: for the kubelet, Prometheus, the operator and the supervisor, never for users. */
import type { FastifyInstance } from 'fastify';
import { type PodReport, REPORT_PATH } from '../../api/pod-report.ts';
import { route } from './app.ts';

export interface AdminOptions {
  /** @throws RequestError when nothing is to be sent here */
  requireReady(): void | Promise<void>;
  /** @throws RequestError when this process should be ended and started again. That it answers is enough where left out */
  requireLive?(): Promise<void>;
  report(): PodReport | Promise<PodReport>;
  metrics(): Promise<{ contentType: string; text: string }>;
}

export function registerAdmin(fastify: FastifyInstance, options: AdminOptions): void {
  const { requireReady, requireLive, report, metrics } = options;
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
  route(fastify, REPORT_PATH, { GET: async () => report() });
  route(fastify, '/metrics', {
    GET: async (_request, reply) => {
      const { contentType, text } = await metrics();
      return reply.type(contentType).send(text);
    },
  });
}
