/** Who is measured: this runtime by protocol, the limits, the server written by hand. Peers are in `bench/peers`. */
import path from 'node:path';
import { runtimeServingOf } from '../../api/effective.ts';
import { launchArgs } from '../../api/launch.ts';
import { RUNTIME } from '../../test/programs.ts';
import { startLoops } from './loops.ts';
import type { BenchModel } from './models/catalogue.ts';
import type { Pool } from './models/pool.ts';
import { freePorts, type Placement, startNode } from './processes.ts';
import { type Running, served } from './running.ts';
import type { WireId } from './wires/wires.ts';

export interface Context {
  model: BenchModel;
  pool: Pool;
  /** Where the pool is written. */
  poolFile: string;
  placement: Placement;
  /** For logs and scratch files. */
  folder: string;
  log(line: string): void;
}

export type Role = 'own' | 'limit' | 'by hand' | 'peer';

export interface Contender {
  id: string;
  title: string;
  role: Role;
  /** What goes over the wire; `none` for a loop without a server. */
  wire: WireId | 'none';
  /** How it is set up, for the page. */
  settings: string;
  /** It uses CPU at rest: started for its turn only. */
  restless?: boolean;
  /** There is nothing to measure with fewer requests in flight. */
  leastConcurrency?: number;
  /** @throws Error with the reason */
  start(context: Context): Promise<Running>;
}

const ROOT = path.resolve(import.meta.dirname, '../..');
const SERVERS = path.join(import.meta.dirname, 'servers');
const READY_MS = 60_000;

const script = (name: string): string => path.join(SERVERS, name);

function own(id: string, title: string, wire: WireId): Contender {
  return {
    id,
    title,
    wire,
    role: 'own',
    settings: 'as it comes: `serving` left out, `resources.limits.cpu` the number of cores',
    start: (context) => startRuntime(id, wire === 'oip-grpc', context),
  };
}

export const OWN_MODEL = 'model';

export async function startRuntime(
  id: string,
  grpc: boolean,
  { pool, placement, folder }: Pick<Context, 'pool' | 'placement' | 'folder'>,
  { table, env }: { table?: string | undefined; env?: Record<string, string> } = {},
): Promise<Running> {
  const [entry, direct, admin, entryGrpc, directGrpc] = (await freePorts(5)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const at = (port: number) => `127.0.0.1:${port}`;
  const args = launchArgs({
    model: OWN_MODEL,
    version: 'v1',
    uri: path.resolve(ROOT, pool.file),
    serving: runtimeServingOf({ resources: { limits: { cpu: String(placement.serverCores) } } }),
    entry: at(entry),
    direct: at(direct),
    admin: at(admin),
    ...(grpc && { entryGrpc: at(entryGrpc), directGrpc: at(directGrpc) }),
    ...(table && { table }),
    drainDelayMs: 0,
    logLevel: 'warn',
  });
  const log = path.join(folder, `${id}.log`);
  const child = startNode([RUNTIME, ...args], {
    cores: placement.server,
    log,
    ...(env && { env }),
  });
  const ready = `http://${at(entry)}/v2/health/ready`;
  return served({ child, log, ready, readyMs: READY_MS, port: grpc ? entryGrpc : entry, model: OWN_MODEL });
}

function nodeServer(
  about: Pick<Contender, 'id' | 'title' | 'role' | 'wire' | 'settings'>,
  args: (context: Context, port: number) => string[],
): Contender {
  return {
    ...about,
    async start(context) {
      const [port] = (await freePorts(1)) as [number];
      const log = path.join(context.folder, `${about.id}.log`);
      const child = startNode(args(context, port), { cores: context.placement.server, log });
      const ready = `http://127.0.0.1:${port}/v2/health/ready`;
      return served({ child, log, ready, readyMs: READY_MS, port, model: 'model', predicts: about.role !== 'limit' });
    },
  };
}

const ECHOES = {
  same: { title: 'echo of the body, JSON', settings: 'fastify; JSON.parse, and JSON.stringify of the same' },
  json: { title: 'echo, JSON', settings: 'fastify; JSON.parse, a ready-made answer' },
  binary: { title: 'echo, binary', settings: 'fastify; bytes in, ready-made bytes out' },
};

function echo(kind: keyof typeof ECHOES): Contender {
  const { title, settings } = ECHOES[kind];
  return nodeServer(
    {
      id: `echo-${kind}`,
      title,
      role: 'limit',
      wire: kind === 'binary' ? 'oip-binary' : 'oip-json',
      settings,
    },
    ({ poolFile }, port) => [script('echo.ts'), String(port), poolFile, kind],
  );
}

function loop(id: 'loop' | 'loop-batched', title: string, most: number): Contender {
  const settings = `onnxruntime-node, one thread and one process a core, ${most > 1 ? `as many rows a run as requests in flight, ${most} at most` : 'one row a run'}`;
  return {
    id,
    title,
    role: 'limit',
    wire: 'none',
    settings,
    leastConcurrency: most > 1 ? 2 : 1,
    start: (context) => startLoops(script('compute.ts'), most, context),
  };
}

const MOST_ROWS = 32;

export const BASE: readonly Contender[] = [
  own('modelship-json', 'modelship, REST JSON', 'oip-json'),
  own('modelship-binary', 'modelship, REST binary', 'oip-binary'),
  own('modelship-grpc', 'modelship, gRPC', 'oip-grpc'),
  echo('same'),
  echo('json'),
  echo('binary'),
  nodeServer(
    {
      id: 'one-run',
      title: 'fastify, one run a request',
      role: 'by hand',
      wire: 'oip-json',
      settings: 'fastify and onnxruntime-node on one thread, `await session.run` a request',
    },
    ({ pool }, port) => [script('one-run.ts'), String(port), pool.file],
  ),
  loop('loop', 'onnxruntime loop', 1),
  loop('loop-batched', 'onnxruntime loop, batched', MOST_ROWS),
];
