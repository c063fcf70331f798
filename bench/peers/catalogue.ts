/** The peers: where each comes from, how it is started, what it speaks. Each in a virtual environment of its own. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Contender, Context } from '../serving/contenders.ts';
import { freePorts, startProcess } from '../serving/processes.ts';
import { type Running, served } from '../serving/running.ts';
import type { WireId } from '../serving/wires/wires.ts';
import { venv } from './venv.ts';

export const PEER_NAMES = ['fastapi', 'triton', 'mlserver', 'kserve', 'bentoml', 'ray'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

export const requirementsOf = (name: PeerName): string => path.join(import.meta.dirname, name, 'requirements.txt');

interface Peer {
  name: PeerName;
  title: string;
  settings: string;
  wires: readonly WireId[];
  /** Answers 200 when it can be asked. */
  ready: string;
  /** Where it is asked, when its wire leaves that open. */
  path?: string;
  restless?: boolean;
  env?: Record<string, string>;
}

const READY_MS = 120_000;
/** Rows a run, where a peer merges requests: as for this runtime. */
const BATCH = 32;

const PEERS_LIST: readonly Peer[] = [
  {
    name: 'fastapi',
    title: 'FastAPI by hand',
    settings: 'uvicorn with uvloop and httptools, a worker a core; `async def`, one run a request, lists by `tolist`',
    wires: ['native-json'],
    ready: '/ready',
    path: '/predict',
  },
  {
    name: 'triton',
    title: 'Triton (nvidia-pytriton)',
    settings: `Python backend, an instance a core; dynamic batcher, ${BATCH} rows, no delay`,
    wires: ['oip-json', 'oip-binary', 'oip-grpc'],
    ready: '/v2/models/model/ready',
  },
  {
    name: 'mlserver',
    title: 'MLServer',
    settings: `a runtime of 40 lines on onnxruntime; in its own process on one core, else a parallel worker a core; adaptive batching, ${BATCH} rows, 1 ms`,
    wires: ['oip-json'],
    ready: '/v2/models/model/ready',
  },
  {
    name: 'kserve',
    title: 'KServe model server',
    settings: 'a model of 30 lines on onnxruntime; a worker a core; it has no batching of its own',
    wires: ['oip-json', 'oip-binary'],
    ready: '/v2/models/model/ready',
  },
  {
    name: 'bentoml',
    title: 'BentoML',
    settings: `a worker a core; \`batchable\`, ${BATCH} rows; answers with the compared output only`,
    wires: ['stacked-json'],
    ready: '/readyz',
    path: '/predict',
    env: { BENTOML_DO_NOT_TRACK: 'True' },
  },
  {
    name: 'ray',
    title: 'Ray Serve',
    settings: `a replica a core, \`serve.batch\` of ${BATCH} rows without a wait, 512 ongoing requests; dashboard off`,
    wires: ['native-json'],
    ready: '/predict/ready',
    path: '/predict/',
    restless: true,
    env: { RAY_USAGE_STATS_ENABLED: '0', RAY_DISABLE_IMPORT_WARNING: '1' },
  },
];

const WIRE_NAMES: Partial<Record<WireId, string>> = { 'oip-binary': 'binary', 'oip-grpc': 'gRPC' };

function contendersOf(peer: Peer): Contender[] {
  return peer.wires.map((wire) => {
    const kind = WIRE_NAMES[wire];
    return {
      id: peer.wires.length === 1 ? peer.name : `${peer.name}-${(kind ?? 'JSON').toLowerCase()}`,
      title: peer.wires.length === 1 ? peer.title : `${peer.title}, ${kind ?? 'JSON'}`,
      role: 'peer',
      wire,
      settings: peer.settings,
      ...(peer.restless && { restless: true }),
      start: (context) => start(peer, wire, context),
    };
  });
}

async function start(peer: Peer, wire: WireId, context: Context): Promise<Running> {
  const { model, pool, placement, folder } = context;
  const python = await venv(peer.name, requirementsOf(peer.name), context.log);
  const [port, other, third] = (await freePorts(3)) as [number, number, number];
  const scratch = path.join(folder, `${peer.name}-${wire}`);
  mkdirSync(scratch, { recursive: true });
  const log = path.join(folder, `${peer.name}-${wire}.log`);
  const grpc = wire === 'oip-grpc';
  const child = startProcess(python, [path.join(import.meta.dirname, peer.name, 'server.py')], {
    cores: placement.server,
    log,
    cwd: scratch,
    env: {
      ...peer.env,
      PYTHONPATH: import.meta.dirname,
      BENCH_MODEL: path.resolve(pool.file),
      BENCH_OUTPUT: model.output,
      BENCH_CORES: String(placement.serverCores),
      BENCH_BATCH: String(BATCH),
      BENCH_PORT: String(port),
      BENCH_GRPC_PORT: String(other),
      BENCH_METRICS_PORT: String(third),
    },
  });
  const ready = `http://127.0.0.1:${port}${peer.ready}`;
  const to = { port: grpc ? other : port, model: 'model', ...(peer.path && { path: peer.path }) };
  return served({ child, log, ready, readyMs: READY_MS, ...to });
}

export const PEERS: readonly Contender[] = PEERS_LIST.flatMap(contendersOf);
