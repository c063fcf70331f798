/** Clocks, tables, requests and real servers for the tests of `runtime/traffic/`; all gone at the end of the test. */
import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { moveShares } from '../../core/split.ts';
import type { Answer } from '../../runtime/answer.ts';
import { realClock } from '../../runtime/clock.ts';
import { VersionBook } from '../../runtime/counters.ts';
import type { SplitRequest } from '../../runtime/split.ts';
import { createTraffic, type Traffic, type TrafficOptions } from '../../runtime/traffic/traffic.ts';

export { FakeClock } from '../runtime/fake-clock.ts';

export const MODEL = 'digits';

/** mulberry32: uniform in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export interface TableParts {
  revision?: number;
  primary?: string;
  cohort?: string;
  /** Basis points by version. */
  shares: Record<string, number>;
  /** Port or address by version. */
  at?: Record<string, number | { host: string; http: number }>;
  previous?: TrafficTable;
}

export function tableOf(parts: TableParts): TrafficTable {
  const entries = moveShares(parts.previous?.versions, new Map(Object.entries(parts.shares)));
  return {
    model: MODEL,
    revision: parts.revision ?? (parts.previous?.revision ?? 0) + 1,
    primary: parts.primary ?? (Object.keys(parts.shares)[0] as string),
    ...(parts.cohort !== undefined && { cohort: { header: parts.cohort } }),
    versions: entries.map((entry) => {
      const at = parts.at?.[entry.name];
      const address = typeof at === 'number' ? { host: '127.0.0.1', http: at } : at;
      return { ...entry, shadow: 0, ...(address && { address }) };
    }),
  };
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'modelship-traffic-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** As the supervisor writes it: beside the file, then a rename over it. */
export function writeTable(file: string, table: TrafficTable): Promise<void> {
  return replaceFile(file, JSON.stringify(table));
}

/** In one step: a reader sees the old content or the new one, never half of it. */
export async function replaceFile(file: string, content: string): Promise<void> {
  await writeFile(`${file}.new`, content);
  await rename(`${file}.new`, file);
}

export interface Rig {
  traffic: Traffic;
  book: VersionBook;
  file: string;
  logged: string[];
  /** Sends one request through the split, as an entry route does. */
  send(request?: Partial<SplitRequest>): Promise<Answer>;
}

/** A split as version v1 of a process, with this table in force. */
export async function rigWith(table: TrafficTable | undefined, options: Partial<TrafficOptions> = {}): Promise<Rig> {
  const file = join(await temporaryFolder(), 'traffic.json');
  if (table) await writeTable(file, table);
  const ownVersion = options.ownVersion ?? 'v1';
  const book = new VersionBook(ownVersion);
  const logged: string[] = [];
  const log = (_details: object, message: string) => void logged.push(message);
  const clock = options.clock ?? realClock;
  const traffic = createTraffic({
    model: MODEL,
    ownVersion,
    tableFile: file,
    clock,
    random: seeded(1),
    logger: { info: log, warn: log },
    counters: book,
    ...options,
  });
  await traffic.start();
  onTestFinished(() => traffic.stop());
  const send = (changes: Partial<SplitRequest> = {}) =>
    traffic.handle(requestWith({ deadline: clock.now() + 10_000, ...changes }), async () => ownAnswer(ownVersion));
  return { traffic, book, file, logged, send };
}

export function ownAnswer(version: string): Answer {
  return { status: 200, headers: { 'modelship-version': version }, body: `own ${version}` };
}

export function requestWith(changes: Partial<SplitRequest> = {}): SplitRequest {
  return {
    method: 'POST',
    url: `/v2/models/${MODEL}/infer?a=1`,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('{}'),
    pinned: undefined,
    deadline: Number.POSITIVE_INFINITY,
    onGone: () => () => {},
    ...changes,
  };
}

export interface Upstream {
  port: number;
  /** Requests that came whole. */
  requests: number;
  /** Connections made to it so far. */
  connections: number;
  /** Connections open now. */
  readonly open: number;
  /** Requests whose caller hung up before the answer. */
  cancelled: number;
  /** Stops at once, cutting what there is. */
  kill(): Promise<void>;
}

/** A version's direct port, as the test wants it to behave. */
export async function upstream(
  answer: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void,
  { host = '127.0.0.1', port = 0 } = {},
): Promise<Upstream> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    response.once('close', () => {
      if (!response.writableFinished) result.cancelled++;
    });
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      result.requests++;
      answer(request, response, Buffer.concat(chunks));
    });
  });
  server.on('connection', (socket) => {
    result.connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  const result: Upstream = {
    port: (server.address() as AddressInfo).port,
    requests: 0,
    connections: 0,
    get open() {
      return sockets.size;
    },
    cancelled: 0,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
  onTestFinished(() => result.kill());
  return result;
}

/** Answers as a healthy version. */
export function healthy(version: string) {
  return (_request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { 'modelship-version': version }).end(`from ${version}`);
  };
}

/** A port on which nothing listens until the test is over: a connection has it, so the system gives it to nobody else. */
export async function deadPort(): Promise<number> {
  const { port } = await upstream(() => {});
  const holder = connect(port, '127.0.0.1');
  onTestFinished(() => void holder.destroy());
  await once(holder, 'connect');
  return holder.localPort as number;
}

/** A user for `SplitRequest.onGone`, who hangs up when told to. */
export function user(): { onGone: SplitRequest['onGone']; hangUp(): void; listened: number } {
  const callbacks = new Set<() => void>();
  return {
    onGone(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    hangUp: () => {
      for (const callback of callbacks) callback();
    },
    get listened() {
      return callbacks.size;
    },
  };
}

/** Waits until it is so; the test's own time limit ends it. */
export async function until(check: () => boolean): Promise<void> {
  while (!check()) await new Promise((resolve) => setTimeout(resolve, 5));
}
