/**
 * Simulated pods made real: for each pod that the control plane runs, a runtime process on this machine, started with the
 * very arguments that the operator rendered (but for ports and files), with the traffic table in a file as the kubelet
 * would mount it, and an EndpointSlice that leads to it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { podReport, REPORT_PATH } from '../../api/pod-report.ts';
import { TRAFFIC_TABLE_FILE } from '../../api/traffic-table.ts';
import type { PodAddress, ReportRead, ReportSource } from '../../operator/evidence/reports.ts';
import type { StoredObject } from '../../operator/kube/object.ts';
import { MODEL_LABEL, VERSION_LABEL } from '../../operator/render/labels.ts';
import { tableName, versionName } from '../../operator/render/names.ts';
import { type Api, pathOf } from '../faults/api.ts';
import { RUNTIME } from '../programs.ts';

const LOOK_EVERY_MS = 50;
/** From out of its Service to its end: what a pod's preStop time is for. */
const DRAIN_MS = 4_000;

interface RealPod {
  labels: Record<string, string>;
  process: ChildProcess;
  /** Once it is ready. */
  ports: Record<string, number> | undefined;
  leaving: boolean;
}

/** An address of this machine that an EndpointSlice may hold: those of loopback are refused by the API server. */
function ownAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (!found) throw new Error('no interface of this machine has an IPv4 address beside loopback');
  return found.address;
}

export class RealPods implements ReportSource, AsyncDisposable {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #address = ownAddress();
  readonly #folder = mkdtempSync(join(tmpdir(), 'modelship-gateway-'));
  readonly #pods = new Map<string, RealPod>();
  readonly #tables = new Map<string, string>();
  /** Versions that their Services may not list. */
  readonly #hidden = new Set<string>();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  /** @param models the file of a version's model */
  constructor(api: Api, namespace: string, models: (version: string) => string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#running = this.#run(models);
  }

  async read({ name }: PodAddress): Promise<ReportRead> {
    const admin = this.#pods.get(name)?.ports?.admin;
    if (admin === undefined) return { ok: false, reason: `${name} is not up yet` };
    try {
      const answer = await fetch(`http://127.0.0.1:${admin}${REPORT_PATH}`);
      return { ok: true, report: podReport.parse(await answer.json()) };
    } catch (error) {
      return { ok: false, reason: String(error) };
    }
  }

  /** Has the pods of a version be not ready, while they answer on, or ready again. */
  async list(version: string, listed: boolean): Promise<void> {
    if (listed) this.#hidden.delete(version);
    else this.#hidden.add(version);
    const { items } = await this.#api.list(pathOf('pods', this.#namespace));
    for (const { metadata } of items) {
      if (metadata.labels?.[VERSION_LABEL] !== version) continue;
      const pod = this.#pods.get(metadata.name);
      if (pod) await this.#publish(metadata.name, pod);
      await this.#sayReady(metadata.name, listed);
    }
  }

  /** As `kill -9` does; it is started again, as a kubelet would. */
  async kill(version: string): Promise<void> {
    const pods = [...this.#pods.values()].filter(({ labels }) => labels[VERSION_LABEL] === version);
    await Promise.all(pods.map((pod) => end(pod.process, 'SIGKILL')));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
    await Promise.all([...this.#pods.values()].map((pod) => end(pod.process, 'SIGKILL')));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #run(models: (version: string) => string): Promise<void> {
    while (!this.#ending.signal.aborted) {
      try {
        await this.#look(models);
      } catch (error) {
        if (!this.#ending.signal.aborted) process.stderr.write(`real pods: ${error}\n`);
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  async #look(models: (version: string) => string): Promise<void> {
    const { items } = await this.#api.list(pathOf('pods', this.#namespace));
    for (const pod of items) {
      const { name, labels, deletionTimestamp } = pod.metadata;
      if (!labels?.[VERSION_LABEL] || deletionTimestamp || this.#pods.has(name)) continue;
      await this.#mount(labels[MODEL_LABEL] as string);
      this.#start(pod, models(labels[VERSION_LABEL]));
    }
    for (const model of new Set([...this.#pods.values()].map(({ labels }) => labels[MODEL_LABEL] as string))) {
      await this.#mount(model);
    }
    const there = new Set(items.filter((pod) => !pod.metadata.deletionTimestamp).map(({ metadata }) => metadata.name));
    for (const [name, pod] of this.#pods) if (!there.has(name) && !pod.leaving) void this.#leave(name, pod);
  }

  #tableFile(model: string): string {
    return join(this.#folder, `${model}-${TRAFFIC_TABLE_FILE}`);
  }

  async #mount(model: string): Promise<void> {
    const configMap = await this.#api.get(pathOf('configmaps', this.#namespace, tableName(model)));
    const text = (configMap?.data as Record<string, string> | undefined)?.[TRAFFIC_TABLE_FILE];
    if (text === undefined || this.#tables.get(model) === text) return;
    this.#tables.set(model, text);
    const file = this.#tableFile(model);
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  #start({ metadata, spec }: StoredObject, uri: string): void {
    const { name, labels = {} } = metadata;
    const { containers } = spec as { containers: { args: string[] }[] };
    const changed: Record<string, string> = {
      '--uri': uri,
      '--table': this.#tableFile(labels[MODEL_LABEL] as string),
      '--entry': '127.0.0.1:0',
      '--entry-grpc': '127.0.0.1:0',
      '--direct': `${this.#address}:0`,
      '--direct-grpc': `${this.#address}:0`,
      '--admin': '127.0.0.1:0',
      '--termination-log': join(this.#folder, `${name}.words`),
      '--drain-delay': '0',
    };
    const args = (containers[0]?.args ?? []).map((arg, i, all) => changed[all[i - 1] ?? ''] ?? arg);
    const child = spawn(process.execPath, [RUNTIME, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pod: RealPod = { labels, process: child, ports: undefined, leaving: false };
    this.#pods.set(name, pod);
    let ports: Record<string, number> = {};
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as { msg: string } & Record<string, number>;
      if (said.msg === 'listening') ports = said;
      if (said.msg !== 'ready') return;
      pod.ports = ports;
      void this.#publish(name, pod);
    });
    child.once('exit', () => {
      if (pod.leaving || this.#ending.signal.aborted) return;
      // It is found without a process, and started.
      pod.ports = undefined;
      this.#pods.delete(name);
    });
  }

  async #sayReady(name: string, ready: boolean): Promise<void> {
    const status = ready ? 'True' : 'False';
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status }));
    const path = `${pathOf('pods', this.#namespace, name)}/status`;
    await this.#api.must('PATCH', path, { status: { conditions } }, 'application/strategic-merge-patch+json');
  }

  async #leave(name: string, pod: RealPod): Promise<void> {
    pod.leaving = true;
    await this.#api.request('DELETE', slicePath(this.#namespace, name));
    await sleep(DRAIN_MS);
    await end(pod.process, 'SIGTERM');
    this.#pods.delete(name);
  }

  /** A slice of its own: two processes on one machine differ in their ports. */
  async #publish(name: string, { labels, ports, leaving }: RealPod): Promise<void> {
    if (!ports || leaving) return;
    const port = (of: string, value: number | undefined, appProtocol: string) =>
      value === undefined ? [] : [{ name: of, port: value, protocol: 'TCP', appProtocol }];
    const service = versionName(labels[MODEL_LABEL] as string, labels[VERSION_LABEL] as string);
    const slice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        name,
        namespace: this.#namespace,
        labels: { ...sliceLabels(labels), 'kubernetes.io/service-name': service },
      },
      addressType: 'IPv4',
      endpoints: [
        { addresses: [this.#address], conditions: { ready: !this.#hidden.has(labels[VERSION_LABEL] as string) } },
      ],
      ports: [
        ...port('http-direct', ports.direct, 'http'),
        ...port('grpc-direct', ports.directGrpc, 'kubernetes.io/h2c'),
      ],
    };
    await this.#api.apply(slicePath(this.#namespace, name), slice, 'test');
  }
}

/** Of the Service, as the endpointslice controller copies them. */
function sliceLabels(labels: Record<string, string>): Record<string, string> {
  const keys = [MODEL_LABEL, VERSION_LABEL];
  return Object.fromEntries(keys.map((key) => [key, labels[key] as string]));
}

const slicePath = (namespace: string, name: string): string =>
  `/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices/${name}`;

async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill(signal);
  await gone;
}
