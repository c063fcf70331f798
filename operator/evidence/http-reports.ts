/** Reads pods' reports over HTTP, by pod IP. */
import { Agent, request } from 'undici';
import { podReport, REPORT_PATH } from '../../api/pod-report.ts';
import { ADMIN } from '../render/ports.ts';
import type { PodAddress, ReportRead, ReportSource } from './reports.ts';

const TIMEOUT_MS = 2_000;
/** A report with 64 versions and a full latency sketch has some 60 KiB. */
const MOST_BYTES = 1024 * 1024;

/** `{ip}`, `{namespace}` and `{pod}` are filled in. */
export const REPORT_URL = `http://{ip}:${ADMIN.port}${REPORT_PATH}`;

/** @param template where a pod's report is; an operator outside of the cluster may go through a proxy */
export function httpReports(template: string = REPORT_URL): ReportSource & { close(): Promise<void> } {
  const agent = new Agent({ connect: { timeout: TIMEOUT_MS }, connections: 1, keepAliveTimeout: 1_000 });
  return {
    read: (pod) => read(urlOf(template, pod), agent),
    close: () => agent.destroy(),
  };
}

function urlOf(template: string, { namespace, name, ip }: PodAddress): string {
  return template
    .replaceAll('{ip}', ip.includes(':') ? `[${ip}]` : ip)
    .replaceAll('{namespace}', namespace)
    .replaceAll('{pod}', name);
}

async function read(url: string, dispatcher: Agent): Promise<ReportRead> {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
      signal: AbortSignal.timeout(2 * TIMEOUT_MS),
    });
    const text = await bounded(body);
    if (statusCode !== 200) return { ok: false, reason: `${url} answered ${statusCode}` };
    const parsed = podReport.safeParse(JSON.parse(text));
    if (parsed.success) return { ok: true, report: parsed.data };
    return { ok: false, reason: `${url} answered what is no report: ${parsed.error.issues[0]?.message}` };
  } catch (error) {
    return { ok: false, reason: `${url}: ${error instanceof Error ? error.message : error}` };
  }
}

async function bounded(body: AsyncIterable<Buffer>): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of body) {
    length += part.length;
    if (length > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
