/** A runtime of one's own for each test: real model, real sockets, port 0, gone at the end of the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { Launch, RuntimeServing } from '../../api/launch.ts';
import { type Clock, realClock } from '../../runtime/clock.ts';
import { createServer, type RuntimeServer } from '../../runtime/server.ts';
import type { Tracing } from '../../runtime/tracing/trace.ts';
import { writeModel } from './onnx-builder.ts';

export const DIGITS = 'examples/digits/models/1/model.onnx';

export const SERVING: RuntimeServing = {
  batching: { maxBatchSize: 1, maxDelayMs: 0 },
  warmupRequests: 1,
  session: {
    threads: 1,
    graphOptimization: 'all',
    executionProviders: ['cpu'],
    arena: true,
    device: 0,
    keepOptimized: false,
  },
  execution: { cores: 1 },
  limits: { bodyBytes: 16 * 2 ** 20, queue: 1024, timeoutMs: 30_000 },
  protocols: ['rest'],
};

export type ServingChanges = { [K in keyof RuntimeServing]?: Partial<RuntimeServing[K]> | RuntimeServing[K] };

export function servingWith(changes: ServingChanges = {}): RuntimeServing {
  const merged = { ...SERVING, ...changes } as RuntimeServing;
  for (const key of ['batching', 'session', 'execution', 'limits'] as const) {
    Object.assign(merged, { [key]: { ...SERVING[key], ...changes[key] } });
  }
  return merged;
}

export function launchWith(changes: Partial<Launch> = {}): Launch {
  return {
    model: 'm',
    version: 'v1',
    uri: DIGITS,
    serving: SERVING,
    entry: '127.0.0.1:0',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'silent',
    ...changes,
  };
}

/** A folder that is removed at the end of the test. */
export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'modelship-test-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Running {
  server: RuntimeServer;
  /** Base URLs. */
  entry: string;
  direct: string;
  admin: string;
  /** `HOST:PORT`, where the launch has such doors. */
  entryGrpc: string;
  directGrpc: string;
  warnings: string[];
}

export interface RunOptions {
  /** Bytes of the model, in place of `launch.uri`. */
  model?: Buffer;
  launch?: Partial<Launch>;
  serving?: ServingChanges;
  clock?: Clock;
  /** Default: none, however busy the machine. */
  pressure?: () => boolean;
  /** Default: nothing is traced. */
  tracing?: Tracing;
  /** False: the doors are open, the model is not loaded. */
  load?: boolean;
}

/** Starts a runtime; it is closed at the end of the test. */
export async function run(options: RunOptions = {}): Promise<Running> {
  const uri = options.model ? await writeModel(await temporaryFolder(), options.model) : undefined;
  const launch = launchWith({
    ...(uri !== undefined && { uri }),
    ...(options.serving && { serving: servingWith(options.serving) }),
    ...options.launch,
  });
  const warnings: string[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  const server = createServer(launch, {
    clock: options.clock ?? realClock,
    random: () => 0,
    pressure: options.pressure ?? (() => false),
    logger,
    tracing: options.tracing,
    startedAt: '2026-01-01T00:00:00Z',
    runtimeVersion: 'test',
  });
  onTestFinished(() => server.close(0));
  const ports = await server.listen();
  if (options.load !== false) await server.load();
  const base = (port: number | undefined) => `http://127.0.0.1:${port}`;
  return {
    server,
    entry: base(ports.entry),
    direct: base(ports.direct),
    admin: base(ports.admin),
    entryGrpc: `127.0.0.1:${ports.entryGrpc}`,
    directGrpc: `127.0.0.1:${ports.directGrpc}`,
    warnings,
  };
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: bodies of many shapes, wrong ones on purpose; each field is asserted by its test, and a type here would claim what the test is to find out
  json: any;
}

export async function ask(url: string, body?: unknown, init: RequestInit = {}): Promise<Reply> {
  const content =
    body === undefined || typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
  const response = await fetch(url, {
    ...(content === undefined ? {} : { method: 'POST', body: content as string }),
    ...init,
    headers: { ...(content === undefined ? {} : { 'content-type': 'application/json' }), ...init.headers },
  });
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {}
  return { status: response.status, headers: response.headers, text, json };
}

/** Sends one inference request to the entry door. */
export function infer(running: Running, body: unknown, init: RequestInit = {}): Promise<Reply> {
  return ask(`${running.entry}/v2/models/m/infer`, body, init);
}
