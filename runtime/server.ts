/** One runtime process without its process: doors, apps, model and split put together. A factory; tests make many. */
import type { Logger } from 'pino';
import type { Diffs } from '../api/diffs.ts';
import type { DoorName, Placement } from '../api/handoff.ts';
import type { Launch } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import { bind } from './bind.ts';
import type { Clock } from './clock.ts';
import { codedError } from './error-answer.ts';
import { createGrpcDoors, type GrpcDoors } from './grpc/doors.ts';
import { grpcHandler } from './grpc/services.ts';
import { Door } from './http1/door.ts';
import type { Lane } from './http1/lane.ts';
import { Inference } from './inference.ts';
import { type GivenModel, loadInto } from './load.ts';
import { createObservations } from './observations.ts';
import { OwnVersion } from './own-version.ts';
import { createMetrics, type Metrics } from './plugins/metrics.ts';
import { createPressure } from './pressure.ts';
import { createRecorder } from './recorder.ts';
import { buildReport } from './report.ts';
import { registerAdmin } from './routes/admin.ts';
import { type App, createApp } from './routes/app.ts';
import { fastLane } from './routes/fast-lane.ts';
import { plainLane } from './routes/plain-lane.ts';
import { registerProtocols } from './routes/protocols.ts';
import { ownOnly } from './split.ts';
import type { HandedDoor } from './supervisor.ts';
import type { Tracing } from './tracing/trace.ts';
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
  /** Whether there is enough to do already, so that nothing is mirrored; measured unless a test says otherwise. */
  pressure?(): boolean;
  /** Left out: nothing is traced. It is stopped by `close`. */
  tracing?: Tracing | undefined;
  /** Called with each table that comes into force. */
  onTable?(table: TrafficTable): void;
}

export interface RuntimeServer {
  own: OwnVersion;
  /** Those that another process can hand sockets to. */
  doors: Readonly<Partial<Record<DoorName, HandedDoor>>>;
  report(): PodReport;
  /** Requests that were answered differently by another version, where the table says to keep some. */
  diffs(): Diffs;
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
  const unforeseen = (error: unknown, trace_id?: string) =>
    logger.error({ err: error, ...(trace_id && { trace_id }) }, 'unforeseen failure');
  const grpc = createGrpcDoors(launch, { clock, requestTimeoutMs, warn, unforeseen });
  const { own, traffic, metrics, apps, report, diffs } = assemble(launch, { ...deps, unforeseen }, doors, grpc);
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
    await deps.tracing?.stop();
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
    diffs,
    metrics: () => metrics.json(),
    placement: () => own.loaded && { on: own.loaded.execution.place },
    async listen() {
      for (const name of ['entry', 'direct'] as const) {
        const { lanes, register, start } = apps[name];
        await register();
        const framework = await start();
        doors[name].handler = (request, response) => lanes?.fast(request, response) || framework(request, response);
        doors[name].lane = lanes?.plain;
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
  /** Past the framework; undefined: there is no way but the framework's. */
  lanes: { fast: ReturnType<typeof fastLane>; plain: Lane } | undefined;
}

interface Assembled {
  own: OwnVersion;
  traffic: Traffic;
  metrics: Metrics;
  apps: Record<'entry' | 'direct', PublicApp> & { admin: App };
  report(): PodReport;
  diffs(): Diffs;
}

function assemble(
  launch: Launch,
  deps: ServerDeps & { unforeseen(error: unknown, traceId?: string): void },
  doors: Record<'entry' | 'direct', Door>,
  grpc: GrpcDoors,
): Assembled {
  const { model, version, serving } = launch;
  const { clock, logger, runtimeVersion, startedAt, unforeseen } = deps;
  const { wallClock = Date.now } = deps;
  const observed = createObservations({ model, version, cached: serving.cache !== undefined, wallClock });
  const { book, predictions, statistics } = observed;
  const onTable = (table: TrafficTable) => {
    const before = own.refusal;
    predictions.use(table.observe);
    own.expect(table.versions.find(({ name }) => name === version)?.digest);
    const { refusal } = own;
    if (refusal && !before) logger.warn({ revision: table.revision }, refusal.message);
    if (before && !refusal) logger.info({ revision: table.revision }, 'the traffic table takes this model again');
    deps.onTable?.(table);
  };
  const waiting = () => own.loaded?.batching().waiting ?? 0;
  const { pressure = createPressure({ clock, waiting, room: serving.limits.queue }) } = deps;
  const split = { model, ownVersion: version, tableFile: launch.table, counters: book };
  const traffic = createTraffic({ ...split, ...deps, ...serving.limits, wallClock, pressure, onTable });
  const own = new OwnVersion({
    model,
    version,
    clock,
    observer: {
      unforeseen,
      ran(done, decodedMs, encodedMs, copied) {
        recorder.ran(done, copied);
        statistics.ran(done, decodedMs, encodedMs);
        if (predictions.on) predictions.count(done.outputs);
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
  const recorder = createRecorder({ ...observed, metrics, versions: () => traffic.versions() });
  const report = () => buildReport({ own, split: traffic, startedAt, inFlight, ...observed.counted });
  const diffs = () => ({ model, stable: version, ...traffic.mirror.diffs() });
  const app = (name: string, bodyBytes: number) => createApp({ name, version, bodyBytes, unforeseen, logger });
  const publicDoor = (kind: Inference['kind']) => {
    const { limits } = serving;
    const made = app(kind, limits.bodyBytes);
    // What fastify refuses before the handler, such as a body too large.
    made.onRefused(({ method, routeOptions, headers }, status) => {
      if (method !== 'POST' || !routeOptions.url || NO_INFERENCE.test(routeOptions.url)) return;
      if (!inference.isCopy(headers)) recorder.refused(status);
    });
    const { tracing } = deps;
    const parts = { own, kind, limits, clock, recorder, mirror: traffic.mirror, tracing, unforeseen };
    const inference = new Inference({ ...parts, split: kind === 'entry' ? traffic : ownOnly(version) });
    const context = { own, inference, split: traffic, statistics, serving, runtimeVersion, unforeseen };
    const grpcDoor = grpc[kind];
    if (grpcDoor) grpcDoor.handler = grpcHandler({ ...context, clock, recorder });
    return { ...made, register: () => registerProtocols(made, context), lanes: lanesOf(launch, inference, logger) };
  };
  const admin = app('admin', 1024);
  registerAdmin(admin.fastify, {
    requireReady: () => own.requireReady(),
    report: async (names) => ({ ...report(), ...(names.length > 0 && { custom: await metrics.custom(names) }) }),
    diffs,
    metrics: () => metrics.text(),
  });
  const apps = { entry: publicDoor('entry'), direct: publicDoor('direct'), admin };
  return { own, traffic, metrics, apps, report, diffs };
}

/** Where each request is logged, each is the framework's: its hooks do that. */
function lanesOf({ model, serving }: Launch, inference: Inference, logger: Logger): PublicApp['lanes'] {
  if (!serving.protocols.includes('rest') || logger.isLevelEnabled('debug')) return undefined;
  const options = { model, inference, bodyBytes: serving.limits.bodyBytes };
  return { fast: fastLane(options), plain: plainLane(options) };
}

/** Routes that take a POST and run no model by it. */
const NO_INFERENCE = /repository|graphql/;
