/**
 * Reports of pods that do not run: simulated nodes make pods Ready, and nobody in them answers. Each pod says that it
 * loaded its model and follows the traffic table as the ConfigMap holds it. What it reads, it reads past every proxy.
 */
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PodReport } from '../../api/pod-report.ts';
import { TRAFFIC_TABLE_FILE, type TrafficTable } from '../../api/traffic-table.ts';
import type { PodAddress, ReportRead, ReportSource } from '../../operator/evidence/reports.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { MODEL_LABEL, VERSION_LABEL } from '../../operator/render/labels.ts';
import { tableName } from '../../operator/render/names.ts';
import { type Api, pathOf } from './api.ts';

const MOST_PODS = 20_000;
const STARTED_AT = '2026-01-01T00:00:00Z';

/** Asks the API server for each report; of a pod only once. */
export class SimulatedReports implements ReportSource {
  readonly #api: Api;
  /** Model and version by `NAMESPACE/POD`: a pod's labels stay. */
  readonly #pods = new Map<string, { model: string; version: string }>();

  constructor(api: Api) {
    this.#api = api;
  }

  async read({ namespace, name }: Pick<PodAddress, 'namespace' | 'name'>): Promise<ReportRead> {
    try {
      const pod = await this.#labelsOf(namespace, name);
      if (!pod) return { ok: false, reason: `there is no pod ${namespace}/${name}` };
      const configMap = await this.#api.get(pathOf('configmaps', namespace, tableName(pod.model)));
      return { ok: true, report: reportOf(pod, configMap && tableOf(configMap)) };
    } catch (error) {
      return { ok: false, reason: error instanceof Error ? error.message : String(error) };
    }
  }

  async #labelsOf(namespace: string, name: string) {
    const key = `${namespace}/${name}`;
    const known = this.#pods.get(key);
    if (known) return known;
    const labels = (await this.#api.get(pathOf('pods', namespace, name)))?.metadata.labels;
    const model = labels?.[MODEL_LABEL];
    const version = labels?.[VERSION_LABEL];
    if (model === undefined || version === undefined) return undefined;
    if (this.#pods.size >= MOST_PODS) this.#pods.clear();
    this.#pods.set(key, { model, version });
    return { model, version };
  }
}

/** The report of a pod whose labels say whose it is. @param configMap by `NAMESPACE/NAME` */
export function reportFor(pod: StoredObject, configMap: (key: string) => StoredObject | undefined): ReportRead {
  const { labels, namespace, name } = pod.metadata;
  const model = labels?.[MODEL_LABEL];
  const version = labels?.[VERSION_LABEL];
  if (model === undefined || version === undefined) return { ok: false, reason: `pod ${name} is of no model` };
  const stored = configMap(`${namespace}/${tableName(model)}`);
  return { ok: true, report: reportOf({ model, version }, stored && tableOf(stored)) };
}

/** 64 hexadecimal digits that only the version's name decides. */
export function digestOf(version: string): string {
  return createHash('sha256').update(version).digest('hex');
}

export function tableOf(configMap: StoredObject): TrafficTable | undefined {
  const text = (configMap.data as Record<string, string> | undefined)?.[TRAFFIC_TABLE_FILE];
  return text === undefined ? undefined : (JSON.parse(text) as TrafficTable);
}

function reportOf({ model, version }: { model: string; version: string }, table: TrafficTable | undefined): PodReport {
  return {
    model,
    version,
    startedAt: STARTED_AT,
    ready: true,
    load: { state: 'Loaded', digest: digestOf(version), phases: { fetch: 10, verify: 1, open: 20, warmup: 5 } },
    ...(table && {
      table: {
        revision: table.revision,
        primary: table.primary,
        shares: Object.fromEntries(table.versions.map(({ name, share }) => [name, share])),
      },
    }),
    inFlight: 0,
    versions: {},
    latency: {},
    queue: {},
  };
}

export interface ReportServer extends AsyncDisposable {
  /** For the operator's `--report-url`. */
  template: string;
}

/** The same over HTTP, for an operator that is a process of its own. */
export async function serveReports(source: Pick<SimulatedReports, 'read'>): Promise<ReportServer> {
  const server = createServer((incoming, outgoing) => {
    const [, namespace = '', name = ''] = (incoming.url ?? '').split('/');
    void source.read({ namespace, name }).then((read) => {
      const body = JSON.stringify(read.ok ? read.report : { error: read.reason });
      outgoing.writeHead(read.ok ? 200 : 503, { 'content-type': 'application/json' }).end(body);
    });
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    template: `http://127.0.0.1:${port}/{namespace}/{pod}/report`,
    [Symbol.asyncDispose]: () => closed(server),
  };
}

function closed(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
