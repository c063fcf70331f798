/** What a Prometheus answers to an instant query. @see https://prometheus.io/docs/prometheus/latest/querying/api/#instant-queries */
import { z } from 'zod';

/** A number that can't be had is missing, never zero. `reason` says why, in words. */
export type PrometheusAnswer = { ok: true; value: number } | { ok: false; reason: string };

/** Path of instant queries below a Prometheus' URL. */
export const QUERY_PATH = '/api/v1/query';

/** One number and its labels take less than 10 KiB; a query that forgets to aggregate can have millions of series. */
export const MOST_ANSWER_BYTES = 256 * 1024;

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

const ONE = 'the query must give one number';

/** The one number of an answer. @param text its body @param status of HTTP */
export function prometheusNumber(text: string, status: number): PrometheusAnswer {
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

/** The body of an answer as text. @throws Error for one that is too large */
export async function answerText(parts: AsyncIterable<Uint8Array>): Promise<string> {
  const kept: Uint8Array[] = [];
  let length = 0;
  for await (const part of parts) {
    length += part.length;
    if (length > MOST_ANSWER_BYTES) throw new Error(`more than ${MOST_ANSWER_BYTES} bytes; ${ONE}`);
    kept.push(part);
  }
  return Buffer.concat(kept).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
