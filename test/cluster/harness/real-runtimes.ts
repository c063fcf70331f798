/**
 * Real runtime processes for simulated pods: what a kubelet would do, by hand. A pod that no node takes gets a process of
 * the runtime with a real model, and its status says what becomes of it; the table reaches the process as a file, with
 * ports of this machine in place of Services.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kill } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RuntimeServing } from '../../../api/launch.ts';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import { realClock } from '../../../local/clock.ts';
import { ChildRuntime, type End } from '../../../local/process.ts';
import { readReport } from '../../../local/report-reader.ts';
import type { PodAddress, ReportRead, ReportSource } from '../../../operator/evidence/reports.ts';
import { CONFIG_MAPS, SERVICES } from '../../../operator/reconcile/resources.ts';
import { VERSION_LABEL } from '../../../operator/render/labels.ts';
import { freePorts } from '../../control-plane/servers.ts';
import { RUNTIME } from '../../programs.ts';
import { SERVING } from '../../runtime/harness.ts';
import type { World } from './operator.ts';
import { container, place, RUNNING, say } from './pod-words.ts';

const POLL_MS = 100;
/** How long a container waits after it ended. */
const BACK_OFF_MS = 2_000;
const condition = (status: string) => ['Ready', 'ContainersReady'].map((type) => ({ type, status }));

interface Running {
  version: string;
  process: ChildRuntime;
  entry: number;
  exits: number;
  /** As the pod's status says. */
  ready: boolean;
  going: boolean;
}

export class RealRuntimes implements ReportSource, AsyncDisposable {
  /** File of the model by version. */
  readonly models: Record<string, string> = {};
  /** By version, where it is not the ordinary one. */
  readonly serving: Record<string, RuntimeServing> = {};
  /** Versions whose process ends by itself once it has answered so many requests. */
  readonly endsAfter: Record<string, number> = {};
  readonly #folder = mkdtempSync(join(tmpdir(), 'modelship-runtimes-'));
  readonly #pods = new Map<string, Running>();
  /** Direct port by version: a table of the same revision may not change. So there is one pod of a version at a time. */
  readonly #direct = new Map<string, number>();
  #door: string | undefined;
  #table = '';
  #world: World | undefined;
  #over = false;
  #loop: Promise<void> | undefined;

  start(world: World): void {
    this.#world = world;
    this.#loop = this.#run(world);
  }

  async read({ name }: PodAddress, custom?: readonly string[]): Promise<ReportRead> {
    const pod = this.#pods.get(name);
    const { process } = pod ?? {};
    if (!pod || !process || !(await process.poll(custom)) || !process.report) {
      return { ok: false, reason: 'no route to the pod' };
    }
    const ends = this.endsAfter[pod.version] ?? Number.POSITIVE_INFINITY;
    const answered = process.report.versions[pod.version]?.answered ?? 0;
    // As an error in it would: it is not asked to.
    if (answered >= ends && !pod.going && process.pid !== undefined) kill(process.pid, 'SIGSEGV');
    return { ok: true, report: process.report };
  }

  /** Where the public Service leads to; undefined while there is nobody. */
  get door(): string | undefined {
    const behind = [...this.#pods.values()].find((pod) => pod.version === this.#door && pod.ready && !pod.going);
    return behind && `http://127.0.0.1:${behind.entry}`;
  }

  /** Address of the metrics of each pod that is ready, by the pod's name. */
  get admin(): ReadonlyMap<string, string> {
    const ready = [...this.#pods].filter(([, pod]) => pod.ready && !pod.going);
    return new Map(ready.map(([name, { process }]) => [name, `127.0.0.1:${process.adminPort}`]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await this.#loop;
    for (const { process } of this.#pods.values()) process.kill();
    await Promise.all([...this.#pods.values()].map(({ process }) => process.ended));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #run(world: World): Promise<void> {
    while (!this.#over) {
      await this.#look(world).catch((error: unknown) => {
        // A pod that goes while it is spoken of.
        if (!/NotFound|not found|404/.test(String(error))) throw error;
      });
      await sleep(POLL_MS);
    }
  }

  async #look(world: World): Promise<void> {
    const pods = await world.pods();
    for (const { metadata } of pods) {
      const version = metadata.labels?.[VERSION_LABEL];
      const known = this.#pods.get(metadata.name);
      if (metadata.deletionTimestamp) {
        if (known && !known.going) known.process.drain(300);
        if (known) known.going = true;
      } else if (version !== undefined && !known) await this.#begin(metadata.name, version);
      else if (known && !known.ready && known.process.state === 'ready') {
        known.ready = true;
        await say(world, metadata.name, { ...RUNNING, ...this.#containers(known, true) });
      }
    }
    for (const [name, { process, going }] of this.#pods) {
      if (!pods.some(({ metadata }) => metadata.name === name) && !going) process.drain(300);
      if (process.state === 'ended' && going) this.#pods.delete(name);
    }
    await this.#writeTable(world);
    const { spec } = ((await world.get(SERVICES, 'digits')) ?? {}) as { spec?: { selector?: Record<string, string> } };
    this.#door = spec?.selector?.[VERSION_LABEL];
  }

  async #begin(pod: string, version: string): Promise<void> {
    const [entry = 0, direct = 0] = await freePorts(2);
    if (!this.#direct.has(version)) this.#direct.set(version, direct);
    const running = { version, entry, exits: 0, ready: false, going: false, process: this.#spawn(pod, version, entry) };
    this.#pods.set(pod, running);
    this.#follow(pod, running);
    const unready = [{ type: 'PodScheduled', status: 'True' }, ...condition('False')];
    await place(this.#world as World, pod, {
      phase: 'Running',
      conditions: unready,
      ...this.#containers(running, false),
    });
  }

  #spawn(pod: string, version: string, entry: number): ChildRuntime {
    const launch = {
      ...{ model: 'digits', version, uri: this.models[version] ?? 'nowhere' },
      ...{ serving: this.serving[version] ?? SERVING },
      ...{ table: join(this.#folder, 'traffic.json'), entry: `127.0.0.1:${entry}` },
      ...{ direct: `127.0.0.1:${this.#direct.get(version)}`, admin: '127.0.0.1:0' },
      ...{ drainDelayMs: 0, logLevel: 'warn' as const },
      terminationLog: join(this.#folder, `${pod}.last`),
    };
    const logFile = join(this.#folder, `${pod}.log`);
    return new ChildRuntime({ launch, script: RUNTIME, logFile, clock: realClock, readReport, onChange: () => {} });
  }

  /** The container is started again: at once after its first end, later after the others. */
  #follow(pod: string, running: Running): void {
    void running.process.ended.then(async (end) => {
      if (running.going || this.#over) return;
      running.exits++;
      running.ready = false;
      const world = this.#world as World;
      await say(world, pod, { conditions: condition('False'), ...this.#containers(running, false, end) }).catch(
        () => {},
      );
      if (running.exits > 1) await sleep(BACK_OFF_MS);
      if (running.going || this.#over) return;
      running.process = this.#spawn(pod, running.version, running.entry);
      this.#follow(pod, running);
    });
  }

  #containers({ exits }: Running, ready: boolean, end?: End) {
    const finishedAt = new Date().toISOString();
    const terminated = { exitCode: 1, reason: 'Error', message: end?.cause ?? '', startedAt: finishedAt, finishedAt };
    const backedOff = end && exits > 1;
    const state = backedOff ? { waiting: { reason: 'CrashLoopBackOff' } } : { running: { startedAt: finishedAt } };
    return container(state, { ready, restartCount: exits, ...(end && { lastState: { terminated } }) });
  }

  async #writeTable(world: World): Promise<void> {
    const { data } = ((await world.get(CONFIG_MAPS, 'digits-traffic')) ?? {}) as { data?: Record<string, string> };
    if (!data) return;
    const table = JSON.parse(data['traffic.json'] ?? '') as TrafficTable;
    const versions = table.versions.map(({ address, ...row }) => {
      const http = address && this.#direct.get(row.name);
      return http ? { ...row, address: { host: '127.0.0.1', http } } : row;
    });
    // A version that has no pod yet has no port yet.
    if (table.versions.some(({ name, share }) => share > 0 && !this.#direct.has(name))) return;
    const text = JSON.stringify({ ...table, versions });
    if (text === this.#table) return;
    this.#table = text;
    const path = join(this.#folder, 'traffic.json');
    await writeFile(`${path}.next`, text);
    await rename(`${path}.next`, path);
  }
}
