/** Asks a Prometheus for one number, over its HTTP API. */
import { Agent, request } from 'undici';
import { answerText, type PrometheusAnswer, prometheusNumber, QUERY_PATH } from '../../api/prometheus.ts';
import type { PrometheusSource } from './queries.ts';

const TIMEOUT_MS = 5_000;
const CONNECTIONS = 4;

/**
 * @param url of the Prometheus; a path in it is kept: `https://thanos.example.com/tenant`
 * @param timeoutMs for all of one answer
 */
export function httpPrometheus(
  url: string,
  timeoutMs: number = TIMEOUT_MS,
): PrometheusSource & { close(): Promise<void> } {
  const agent = new Agent({ connections: CONNECTIONS, connect: { timeout: timeoutMs } });
  const at = `${url.replace(/\/+$/, '')}${QUERY_PATH}`;
  return { query: (promql) => query(at, promql, agent, timeoutMs), close: () => agent.destroy() };
}

async function query(url: string, promql: string, dispatcher: Agent, timeoutMs: number): Promise<PrometheusAnswer> {
  try {
    const answered = await request(url, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
      body: new URLSearchParams({ query: promql, timeout: `${timeoutMs}ms` }).toString(),
      signal: AbortSignal.timeout(timeoutMs),
    });
    return prometheusNumber(await answerText(answered.body), answered.statusCode);
  } catch (error) {
    return { ok: false, reason: `Prometheus: ${error instanceof Error ? error.message : error}` };
  }
}
