/** Probes, metrics and the report: for the kubelet, Prometheus, the operator and the supervisor, never for users. */
import type { FastifyInstance } from 'fastify';
import { type PodReport, REPORT_PATH } from '../../api/pod-report.ts';
import type { OwnVersion } from '../own-version.ts';
import { route } from './app.ts';

export interface AdminOptions {
  own: OwnVersion;
  report(): PodReport;
  metrics(): Promise<{ contentType: string; text: string }>;
}

export function registerAdmin(fastify: FastifyInstance, { own, report, metrics }: AdminOptions): void {
  route(fastify, '/livez', { GET: async () => ({ live: true }) });
  route(fastify, '/readyz', {
    GET: async () => {
      own.requireReady();
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
