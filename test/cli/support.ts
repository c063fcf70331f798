/** The real command line, as a process and in this one, and a small server for it to talk to. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import { run } from '../../cli/main.ts';
import { outputOf } from '../../cli/output.ts';
import type { DeploymentView, Snapshot, VersionView } from '../../local/snapshot.ts';

export const ROOT = path.resolve(import.meta.dirname, '../..');
export const LAUNCHER = path.join(ROOT, 'cli/modelship.mjs');
export const DIGITS = 'examples/digits/modeldeployment.yaml';

export interface Ended {
  code: number;
  out: string;
  err: string;
}

interface CliOptions {
  stdin?: string;
  env?: Record<string, string>;
  cwd?: string;
  script?: string;
  nodeArgs?: string[];
}

export function startCli(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const { env = {}, cwd = ROOT, script = LAUNCHER, nodeArgs = [] } = options;
  const { NO_COLOR: _no, FORCE_COLOR: _force, npm_command: _npm, ...inherited } = process.env;
  return spawn(process.execPath, [...nodeArgs, script, ...args], { cwd, env: { ...inherited, ...env } });
}

/**
 * Runs one command line to its end in this process, for one of its own costs a third of a second. What only a process
 * shows (standard input, signals, colours by the environment) is for cli().
 */
export async function ran(
  args: readonly string[],
  env: Readonly<Record<string, string>> = { NO_COLOR: '1' },
): Promise<Ended> {
  const said = { out: '', err: '' };
  const sink = (to: 'out' | 'err') => outputOf({ write: (text: string) => (said[to] += text) }, env);
  const before = process.exitCode;
  try {
    const failed = await run(args, { out: sink('out'), err: sink('err'), invoked: 'modelship' });
    return { code: failed ?? Number(process.exitCode ?? 0), ...said };
  } finally {
    process.exitCode = before;
  }
}

/** Runs one command line to its end, as a process. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<Ended> {
  const child = startCli(args, options);
  // It may have ended without a look at it.
  child.stdin?.on('error', () => {}).end(options.stdin ?? '');
  const [out, err, [code]] = await Promise.all([
    text(child.stdout as NodeJS.ReadableStream),
    text(child.stderr as NodeJS.ReadableStream),
    once(child, 'exit'),
  ]);
  return { code, out, err };
}

/** An empty folder, gone when the test is over. */
export function folder(): string {
  const made = mkdtempSync(path.join(tmpdir(), 'modelship-cli-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

export interface Asked {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

interface Reply {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

export interface FakeServer {
  url: string;
  asked: Asked[];
  server: Server;
}

/** Answers as told, closed when the test is over. */
export async function fakeServer(answer: (asked: Asked, nth: number) => Reply): Promise<FakeServer> {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request;
    const said = { method, url, headers, body: await text(request) };
    asked.push(said);
    const { status = 200, headers: more = {}, body } = answer(said, asked.length);
    response.writeHead(status, { 'content-type': 'application/json', ...more });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as { port: number }).port}`, asked, server };
}

export const DIGITS_METADATA = {
  name: 'digits',
  versions: ['v1', 'v2'],
  platform: 'onnxruntime_onnx',
  inputs: [{ name: 'image', datatype: 'FP32', shape: [-1, 64] }],
  outputs: [
    { name: 'label', datatype: 'INT64', shape: [-1] },
    { name: 'probabilities', datatype: 'FP32', shape: [-1, 10] },
  ],
};

export function versionView(name: string, fields: Partial<VersionView> = {}): VersionView {
  const traffic = { requestsPerSecond: 0, errorsPerSecond: 0, requests: 0, errors: 0 };
  const place = { wanted: 100, share: 100, shadow: 0, entry: false, shielded: 0, restarts: 0 };
  return { name, phase: 'Ready', ...traffic, ...place, ...fields };
}

export function snapshotOf(
  versions: VersionView[],
  fields: Partial<DeploymentView> = {},
  time = '2026-11-21T05:00:00.000Z',
): Snapshot {
  const sum = (pick: (version: VersionView) => number) => versions.reduce((total, each) => total + pick(each), 0);
  const total = {
    requestsPerSecond: sum((v) => v.requestsPerSecond),
    errorsPerSecond: sum((v) => v.errorsPerSecond),
    requests: sum((v) => v.requests),
    errors: sum((v) => v.errors),
  };
  const url = 'http://127.0.0.1:8080';
  const view: DeploymentView = { name: 'digits', url, phase: 'Serving', inForce: true, waiting: [], versions, total };
  return { time, deployments: [{ ...view, ...fields }] };
}
