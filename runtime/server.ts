/** One runtime process without its process: doors, apps, model and split put together. A factory; tests make many. */
import type { Logger } from 'pino';
import type { DoorName, Placement } from '../api/handoff.ts';
import { SketchRecorder } from '../api/latency-sketch.ts';
import type { Launch } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import type { Clock } from './clock.ts';
import { VersionBook } from './counters.ts';
import { Door } from './door.ts';
import { codedError } from './error-answer.ts';
import { LoadError } from './errors.ts';
import { createGrpcDoors, type GrpcDoors } from './grpc/doors.ts';
import { grpcHandler } from './grpc/services.ts';
import { Inference } from './inference.ts';
import { type GivenModel, loadInto } from './load.ts';
import { OwnVersion } from './own-version.ts';
import { createMetrics, type Metrics } from './plugins/metrics.ts';
import { createRecorder } from './recorder.ts';
import { buildReport } from './report.ts';
import { registerAdmin } from './routes/admin.ts';
import { type App, createApp } from './routes/app.ts';
import { fastLane } from './routes/fast-lane.ts';
import { registerProtocols } from './routes/protocols.ts';
import { type Split, unknownVersion } from './split.ts';
import { Statistics } from './statistics.ts';
import type { HandedDoor } from './supervisor.ts';
import { createTraffic, type Traffic } from './traffic/traffic.ts';

export interface ServerDeps {
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  logger: Logger;
  /** RFC 3339. */
  startedAt: string;
  runtimeVersion: string;
  /** Ms since 1970; the system's unless a test says otherwise. */
  wallClock?(): number;
  /** Called with each table that comes into force. */
  onTable?(table: TrafficTable): void;
}

export interface RuntimeServer {
  own: OwnVersion;
  /** Those that another process can hand sockets to. */
  doors: Readonly<Partial<Record<DoorName, HandedDoor>>>;
  report(): PodReport;
  /** Metrics as prom-client's JSON. */
  metrics(): Promise<unknown>;
  /** Where the model runs, once it is loaded. */
  placement(): Placement | undefined;
  /** Binds the doors that have an address. @throws LoadError ADDRESS_IN_USE */
  listen(): Promise<Ports>;
  /** Fetches, verifies, opens and warms the model. @param given what was fetched and verified already @throws LoadError */
  load(given?: GivenModel): Promise<void>;
  /** Finishes everything in flight, then closes. @param lameDuckMs see `Door.drain` */
  close(lameDuckMs: number): Promise<void>;
}

/** Ports of the doors; undefined for one that is not there or has no address of its own. */
export type Ports = Record<'entry' | 'direct' | 'admin' | 'entryGrpc' | 'directGrpc', number | undefined>;

/** How much longer than the longest request a drain may take before connections are cut, ms. */
const DRAIN_GRACE_MS = 5_000;
/** A request must arrive whole within this time, or within the time it may take if that is longer, ms. */
const LEAST_REQUEST_TIMEOUT_MS = 30_000;

export function createServer(launch: Launch, deps: ServerDeps): RuntimeServer {
  const { clock, logger, random } = deps;
  const warn = (message: string) => logger.warn(message);
  const requestTimeoutMs = Math.max(launch.serving.limits.timeoutMs, LEAST_REQUEST_TIMEOUT_MS);
  const door = () => new Door({ clock, requestTimeoutMs, warn });
  const doors = { entry: door(), direct: door(), admin: door() };
  const unforeseen = (error: unknown) => logger.error({ err: error }, 'unforeseen failure');
  const grpc = createGrpcDoors(launch, { clock, requestTimeoutMs, warn, unforeseen });
  const { own, traffic, metrics, apps, report } = assemble(launch, { ...deps, unforeseen }, doors, grpc);
  const breakOff = new AbortController();
  let loading: Promise<void> | undefined;
  const close = async (lameDuckMs: number) => {
    own.startDraining();
    const limit = lameDuckMs + requestTimeoutMs + DRAIN_GRACE_MS;
    const open = [doors.entry, doors.direct, grpc.entry, grpc.direct];
    await Promise.all(open.map((door) => door?.drain(lameDuckMs, limit)));
    // The process aborts if it ends inside a run, or while a worker opens the model.
    breakOff.abort();
    await loading?.catch(() => {});
    await own.loaded?.close();
    await traffic.stop();
    await doors.admin.drain(0, DRAIN_GRACE_MS);
    await Promise.all(Object.values(apps).map(({ fastify }) => fastify.close()));
    metrics.stop();
  };
  return {
    own,
    doors: {
      http: doors.entry,
      direct: doors.direct,
      ...(grpc.entry && { grpc: grpc.entry }),
      ...(grpc.direct && { 'direct-grpc': grpc.direct }),
    },
    report,
    metrics: () => metrics.json(),
    placement: () => own.loaded && { on: own.loaded.execution.place },
    async listen() {
      for (const name of ['entry', 'direct'] as const) {
        const { lane, register, start } = apps[name];
        await register();
        const framework = await start();
        doors[name].handler = (request, response) => lane(request, response) || framework(request, response);
      }
      doors.admin.handler = await apps.admin.start();
      await traffic.start();
      return {
        entry: await bind(doors.entry, '--entry', launch.entry),
        direct: await bind(doors.direct, '--direct', launch.direct),
        admin: await bind(doors.admin, '--admin', launch.admin),
        entryGrpc: await bind(grpc.entry, '--entry-grpc', launch.entryGrpc),
        directGrpc: await bind(grpc.direct, '--direct-grpc', launch.directGrpc),
      };
    },
    async load(given) {
      loading = loadInto(own, launch, { clock, random, warn, signal: breakOff.signal }, given);
      await loading;
      if (own.refusal) warn(own.refusal.message);
    },
    close,
  };
}

interface PublicApp extends App {
  register(): void | Promise<void>;
  lane: ReturnType<typeof fastLane>;
}

interface Assembled {
  own: OwnVersion;
  traffic: Traffic;
  metrics: Metrics;
  apps: Record<'entry' | 'direct', PublicApp> & { admin: App };
  report(): PodReport;
}

function assemble(
  launch: Launch,
  deps: ServerDeps & { unforeseen(error: unknown): void },
  doors: Record<'entry' | 'direct', Door>,
  grpc: GrpcDoors,
): Assembled {
  const { model, version, serving } = launch;
  const { clock, logger, runtimeVersion, startedAt, unforeseen } = deps;
  const book = new VersionBook(version);
  const sketch = new SketchRecorder();
  const { wallClock = Date.now } = deps;
  const statistics = new Statistics({ model, version, cached: serving.cache !== undefined, wallClock });
  const onTable = (table: TrafficTable) => {
    const before = own.refusal;
    own.expect(table.versions.find(({ name }) => name === version)?.digest);
    const { refusal } = own;
    if (refusal && !before) logger.warn({ revision: table.revision }, refusal.message);
    if (before && !refusal) logger.info({ revision: table.revision }, 'the traffic table takes this model again');
    deps.onTable?.(table);
  };
  const split = { model, ownVersion: version, tableFile: launch.table, counters: book };
  const traffic = createTraffic({ ...split, ...deps, onTable });
  const own = new OwnVersion({
    model,
    version,
    clock,
    observer: {
      unforeseen,
      ran(done, decodedMs, encodedMs) {
        metrics.ran(done);
        statistics.ran(done, decodedMs, encodedMs);
      },
      failed: (ms) => statistics.failed(ms),
    },
    coded: (error) => codedError(error, serving.limits.bodyBytes),
  });
  const open = [doors.entry, doors.direct, grpc.entry, grpc.direct];
  const inFlight = () => open.reduce((sum, door) => sum + (door?.inFlight ?? 0), 0);
  const metrics = createMetrics({
    own,
    traffic,
    book,
    runtimeVersion,
    inFlight,
    clock,
    warn: (text) => logger.warn(text),
  });
  const recorder = createRecorder({ book, metrics, sketch, versions: () => traffic.versions() });
  const report = () =>
    buildReport({ own, split: traffic, book, startedAt, inFlight, latency: () => sketch.snapshot() });
  const app = (name: string, bodyBytes: number) => createApp({ name, version, bodyBytes, unforeseen, logger });
  const publicDoor = (kind: Inference['kind']) => {
    const { limits } = serving;
    const made = app(kind, limits.bodyBytes);
    // What fastify refuses before the handler, such as a body too large.
    made.onRefused(({ method, routeOptions }, status) => {
      if (method === 'POST' && routeOptions.url && !NO_INFERENCE.test(routeOptions.url)) recorder.refused(status);
    });
    const handling = kind === 'entry' ? traffic : ownOnly(own);
    const inference = new Inference({ own, split: handling, kind, limits, clock, recorder, unforeseen });
    const context = { own, inference, split: traffic, statistics, serving, runtimeVersion, unforeseen };
    const grpcDoor = grpc[kind];
    if (grpcDoor) grpcDoor.handler = grpcHandler({ ...context, clock, recorder });
    return { ...made, register: () => registerProtocols(made, context), lane: laneOf(launch, inference, logger) };
  };
  const admin = app('admin', 1024);
  registerAdmin(admin.fastify, { requireReady: () => own.requireReady(), report, metrics: () => metrics.text() });
  return { own, traffic, metrics, apps: { entry: publicDoor('entry'), direct: publicDoor('direct'), admin }, report };
}

/** Where each request is logged, each is the framework's: its hooks do that. */
function laneOf({ model, serving }: Launch, inference: Inference, logger: Logger): PublicApp['lane'] {
  if (!serving.protocols.includes('rest') || logger.isLevelEnabled('debug')) return () => false;
  return fastLane({ model, inference, bodyBytes: serving.limits.bodyBytes });
}

/** Routes that take a POST and run no model by it. */
const NO_INFERENCE = /repository|graphql/;

/** What a direct door does in place of a split: the own version answers everything. */
function ownOnly(own: OwnVersion): Pick<Split, 'handle'> {
  return {
    async handle({ pinned }, answerOwn) {
      if (pinned !== undefined && pinned !== own.version) throw unknownVersion(pinned, [own.version]);
      return answerOwn();
    },
  };
}

async function bind(
  door: Pick<Door, 'listen'> | undefined,
  flag: string,
  address: string | undefined,
): Promise<number | undefined> {
  if (!door || address === undefined || address === 'none') return undefined;
  try {
    return await door.listen(address);
  } catch (error) {
    throw new LoadError('ADDRESS_IN_USE', `${flag} ${address} can't be listened on: ${(error as Error).message}`);
  }
}
