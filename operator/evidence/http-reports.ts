/** Reads pods' reports over HTTP, by pod IP. */
import { Agent, request } from 'undici';
import { podReport, REPORT_PATH } from '../../api/pod-report.ts';
import { ADMIN } from '../render/ports.ts';
import type { PodAddress, ReportRead, ReportSource } from './reports.ts';

const TIMEOUT_MS = 2_000;
/** A report with 64 versions and a full latency sketch has some 60 KiB. */
const MOST_BYTES = 1024 * 1024;
/** To one address. */
const CONNECTIONS = 32;

/** `{ip}`, `{namespace}` and `{pod}` are filled in. */
export const REPORT_URL = `http://{ip}:${ADMIN.port}${REPORT_PATH}`;

/**
 * @param template where a pod's report is; an operator outside of the cluster may go through a proxy
 * @param timeoutMs to connect, and to wait for the next byte; twice that for all
 */
export function httpReports(
  template: string = REPORT_URL,
  timeoutMs: number = TIMEOUT_MS,
): ReportSource & { close(): Promise<void> } {
  // A pod is asked once at a time; behind a proxy all have one address, and one that hangs must not hold up the others.
  const agent = new Agent({ connect: { timeout: timeoutMs }, connections: CONNECTIONS, keepAliveTimeout: 1_000 });
  return {
    read: (pod, custom) => read(withCustom(urlOf(template, pod), custom), agent, timeoutMs),
    close: () => agent.destroy(),
  };
}

function urlOf(template: string, { namespace, name, ip }: PodAddress): string {
  return template
    .replaceAll('{ip}', ip.includes(':') ? `[${ip}]` : ip)
    .replaceAll('{namespace}', namespace)
    .replaceAll('{pod}', name);
}

function withCustom(url: string, custom: readonly string[] = []): string {
  if (custom.length === 0) return url;
  return `${url}${url.includes('?') ? '&' : '?'}custom=${encodeURIComponent(custom.join(','))}`;
}

async function read(url: string, dispatcher: Agent, timeoutMs: number): Promise<ReportRead> {
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      signal: AbortSignal.timeout(2 * timeoutMs),
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
