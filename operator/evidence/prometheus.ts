/** Asks a Prometheus for one number, over its HTTP API. @see https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
import { Agent, request } from 'undici';
import { z } from 'zod';
import type { PrometheusAnswer, PrometheusSource } from './queries.ts';

const TIMEOUT_MS = 5_000;
/** One number and its labels take less than 10 KiB; a query that forgets to aggregate can have millions of series. */
const MOST_BYTES = 256 * 1024;
const CONNECTIONS = 4;

/** `[seconds, "number"]` */
const point = z.tuple([z.number(), z.string()]);

const answer = z.discriminatedUnion('resultType', [
  z.object({ resultType: z.literal('vector'), result: z.array(z.object({ value: point })) }),
  z.object({ resultType: z.literal('scalar'), result: point }),
  z.object({ resultType: z.literal('matrix') }),
  z.object({ resultType: z.literal('string') }),
]);

const body = z.union([
  z.object({ status: z.literal('success'), data: answer }),
  z.object({ status: z.literal('error'), error: z.string() }),
]);

/**
 * @param url of the Prometheus; a path in it is kept: `https://thanos.example.com/tenant`
 * @param timeoutMs for all of one answer
 */
export function httpPrometheus(
  url: string,
  timeoutMs: number = TIMEOUT_MS,
): PrometheusSource & { close(): Promise<void> } {
  const agent = new Agent({ connections: CONNECTIONS, connect: { timeout: timeoutMs } });
  const at = `${url.replace(/\/+$/, '')}/api/v1/query`;
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
    return numberOf(await bounded(answered.body), answered.statusCode);
  } catch (error) {
    return { ok: false, reason: `Prometheus: ${error instanceof Error ? error.message : error}` };
  }
}

const ONE = 'the query must give one number';

function numberOf(text: string, status: number): PrometheusAnswer {
  const no = (reason: string): PrometheusAnswer => ({ ok: false, reason: `Prometheus ${reason}` });
  const parsed = body.safeParse(jsonOf(text));
  if (!parsed.success) return no(`answered ${status} with what is no answer to a query`);
  if (parsed.data.status === 'error') return no(`says: ${parsed.data.error.slice(0, 256)}`);
  const { data } = parsed.data;
  if (data.resultType === 'vector' && data.result.length === 0) return no('has no data for the query');
  if (data.resultType === 'vector' && data.result.length > 1) return no(`gave ${data.result.length} series; ${ONE}`);
  if (data.resultType === 'matrix' || data.resultType === 'string') return no(`gave a ${data.resultType}; ${ONE}`);
  const value = Number(data.resultType === 'scalar' ? data.result[1] : data.result[0]?.value[1]);
  return Number.isFinite(value) ? { ok: true, value } : no('gave no finite number');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function bounded(parts: AsyncIterable<Buffer>): Promise<string> {
  const kept: Buffer[] = [];
  let length = 0;
  for await (const part of parts) {
    length += part.length;
    if (length > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes; the query must give one number`);
    kept.push(part);
  }
  return Buffer.concat(kept).toString('utf8');
}
