/** `modelship run` as a user starts it: a process of its own, a file that is edited, its words on stdout. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { stringify } from 'yaml';
import type { Rollout } from '../../api/rollout.ts';
import { ROLLOUT_COMMAND_FILE, type RolloutCommandName, rolloutCommandText } from '../../api/rollout-command.ts';
import type { RolloutStatus } from '../../api/status.ts';
import type { LocalEvent, Snapshot, VersionView } from '../../local/snapshot.ts';
import { isAlive } from '../runtime/fleet/replica.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const REQUEST = readFileSync(path.join(ROOT, 'examples/digits/request.json'), 'utf8');

interface ManifestOptions {
  cohort?: string;
  retireAfter?: string;
  rollout?: Rollout;
  /** Absolute paths of models that are not of the example, by version. */
  models?: Record<string, string>;
}

/** A digits ModelDeployment with these shares, in percent. Version vN is model N, unless told otherwise. */
export function manifest(
  traffic: Record<string, number>,
  { cohort, retireAfter, rollout, models = {} }: ManifestOptions = {},
): string {
  return stringify({
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: {
      versions: Object.entries(traffic).map(([name, share]) => ({
        name,
        model: { uri: models[name] ?? `pvc://models/digits/models/${name.slice(1)}/model.onnx` },
        traffic: share,
      })),
      ...(cohort && { cohort: { header: cohort } }),
      ...(retireAfter && { retireAfter }),
      ...(rollout && { rollout }),
    },
  });
}

/** Ports of each worker of vitest: two files that run at once choose from different ones. */
const PORTS = 4_000;
const WORKERS = 4;

/**
 * A port that is free, and those with these distances from it: gRPC goes to the one after it. Below those that the system
 * gives to connections, or one of another test's could have it by the time it is wanted.
 */
export async function freePort(distances: readonly number[] = [0, 1]): Promise<number> {
  const first = 10_000 + PORTS * (Number(process.env.VITEST_POOL_ID ?? 0) % WORKERS);
  for (;;) {
    const port = first + 2 * Math.floor((Math.random() * (PORTS - Math.max(...distances))) / 2);
    const free = await Promise.all(distances.map((distance) => isFree(port + distance)));
    if (free.every(Boolean)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}

export class Modelship {
  readonly url: string;
  readonly file: string;
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess;
  #exited: Promise<number>;
  readonly #lines: string[] = [];
  readonly events: LocalEvent[] = [];
  #snapshot: Snapshot | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    this.file = path.join(folder, 'digits.yaml');
    this.#port = port;
    [this.#child, this.#exited] = this.#spawn();
  }

  #spawn(): [ChildProcess, Promise<number>] {
    const volume = `models=${path.join(ROOT, 'examples')}`;
    const args = ['run', this.file, '--port', String(this.#port), '--volume', volume, '--state-dir', this.#stateDir];
    const child = spawn(process.execPath, [path.join(ROOT, 'cli/modelship.mjs'), ...args, '--output', 'json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
    // Not before all that it said has been read: what an earlier process says must not be taken for the next one's.
    return [child, once(child, 'close').then(([code]) => code as number)];
  }

  get #stateDir(): string {
    return path.join(this.#folder, 'state');
  }

  /** Starts it and waits until the stated split is in force. */
  static async start(traffic: Record<string, number>, options: ManifestOptions = {}): Promise<Modelship> {
    const folder = mkdtempSync(path.join(tmpdir(), 'modelship-e2e-'));
    writeFileSync(path.join(folder, 'digits.yaml'), manifest(traffic, options));
    const modelship = new Modelship(folder, await freePort());
    await modelship.until('the split is in force', () => {
      const digits = modelship.#snapshot?.deployments[0];
      return digits?.phase === 'Serving' && digits.inForce;
    });
    return modelship;
  }

  /** Kills the supervisor without a word, with all that it started, and starts it again over the same state folder. */
  async crash(): Promise<void> {
    const pids = this.#snapshot?.deployments.flatMap(({ versions }) => versions.flatMap(({ pid }) => pid ?? []));
    this.#child.kill('SIGKILL');
    await this.#exited;
    // Its processes end by themselves, and hold the port until then.
    while (pids?.some(isAlive)) await sleep(10);
    this.#snapshot = undefined;
    [this.#child, this.#exited] = this.#spawn();
  }

  /** Whether every process has the table that was written last. */
  get inForce(): boolean {
    return this.#snapshot?.deployments[0]?.inForce ?? false;
  }

  /** Where the rollout stands now. */
  get rollout(): RolloutStatus | undefined {
    return this.#snapshot?.deployments[0]?.rollout;
  }

  /** Tells the rollout something, as `modelship rollout` does. */
  command(command: RolloutCommandName, at = new Date().toISOString()): void {
    if (!this.rollout) throw new Error('there is no rollout');
    const { id, step } = this.rollout;
    this.commandText(rolloutCommandText(command, id, step, at));
  }

  commandText(text: string): void {
    writeFileSync(path.join(this.#stateDir, 'digits', ROLLOUT_COMMAND_FILE), text);
  }

  /** What it shows of a version now. */
  version(name: string): VersionView | undefined {
    return this.#snapshot?.deployments[0]?.versions.find((v) => v.name === name);
  }

  said(pattern: RegExp): boolean {
    return this.#lines.some((line) => pattern.test(line));
  }

  edit(traffic: Record<string, number>, options: ManifestOptions = {}): void {
    writeFileSync(this.file, manifest(traffic, options));
  }

  editText(change: (text: string) => string): void {
    writeFileSync(this.file, change(readFileSync(this.file, 'utf8')));
  }

  /** Kills a version's process, as a crash or the kernel would. */
  kill(name: string): void {
    const pid = this.version(name)?.pid;
    if (!pid) throw new Error(`${name} has no process`);
    process.kill(pid, 'SIGKILL');
  }

  async predict({
    path: at = '/v2/models/digits/infer',
    headers = {},
  }: {
    path?: string;
    headers?: Record<string, string>;
  }) {
    const response = await request(this.url + at, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: REQUEST,
    });
    return {
      status: response.statusCode,
      version: String(response.headers['modelship-version']),
      body: (await response.body.json()) as Record<string, unknown>,
    };
  }

  /** Waits for something that it shows; fails with its last words. */
  async until(what: string, holds: () => boolean, ms = 30_000): Promise<void> {
    const end = performance.now() + ms;
    while (!holds()) {
      if (performance.now() > end || this.#child.exitCode !== null) {
        throw new Error(`${what}: not within ${ms} ms; it said\n${this.#lines.slice(-20).join('\n')}`);
      }
      await sleep(50);
    }
  }

  /** Ends all of it at once, where the end is not what is tested. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Ctrl-C. @returns the exit code */
  async stop(): Promise<number> {
    if (this.#child.exitCode === null) this.#child.kill('SIGINT');
    const code = await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
    return code;
  }

  #hear(line: string): void {
    this.#lines.push(line);
    if (!line.startsWith('{')) return;
    const said = JSON.parse(line);
    if (said.event) this.events.push(said.event);
    const snapshot = said.snapshot ?? said;
    if (Array.isArray(snapshot.deployments)) this.#snapshot = snapshot;
  }
}
