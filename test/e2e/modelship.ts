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
import type { Snapshot, VersionView } from '../../local/snapshot.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const REQUEST = readFileSync(path.join(ROOT, 'examples/digits/request.json'), 'utf8');

interface ManifestOptions {
  cohort?: string;
  retireAfter?: string;
}

/** A digits ModelDeployment with these shares, in percent. Version vN is model N. */
export function manifest(traffic: Record<string, number>, { cohort, retireAfter }: ManifestOptions = {}): string {
  return stringify({
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: {
      versions: Object.entries(traffic).map(([name, share]) => ({
        name,
        model: { uri: `pvc://models/digits/models/${name.slice(1)}/model.onnx` },
        traffic: share,
      })),
      ...(cohort && { cohort: { header: cohort } }),
      ...(retireAfter && { retireAfter }),
    },
  });
}

/**
 * A port that is free, and the one after it, where gRPC goes. Below those that the system gives to connections, or one of
 * another test's could have it by the time it is wanted.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + 2 * Math.floor(Math.random() * 10_000);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
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
  readonly #child: ChildProcess;
  readonly #exited: Promise<number>;
  readonly #lines: string[] = [];
  #snapshot: Snapshot | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `http://127.0.0.1:${port}`;
    this.file = path.join(folder, 'digits.yaml');
    const args = ['run', this.file, '--port', String(port), '--volume', `models=${path.join(ROOT, 'examples')}`];
    this.#child = spawn(process.execPath, [path.join(ROOT, 'cli/modelship.mjs'), ...args, '--output', 'json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'exit').then(([code]) => code as number);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => this.#hear(line));
    }
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
  async until(what: string, holds: () => boolean, ms = 15_000): Promise<void> {
    const end = performance.now() + ms;
    while (!holds()) {
      if (performance.now() > end || this.#child.exitCode !== null) {
        throw new Error(`${what}: not within ${ms} ms; it said\n${this.#lines.slice(-20).join('\n')}`);
      }
      await sleep(50);
    }
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
    const snapshot = said.snapshot ?? said;
    if (Array.isArray(snapshot.deployments)) this.#snapshot = snapshot;
  }
}
