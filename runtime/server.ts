/** One runtime process without its process: doors, apps, model and split put together. A factory; tests make many. */
import type { Logger } from 'pino';
import { SketchRecorder } from '../api/latency-sketch.ts';
import type { Launch } from '../api/launch.ts';
import type { PodReport } from '../api/pod-report.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import type { Clock } from './clock.ts';
import { VersionBook } from './counters.ts';
import { Door } from './door.ts';
import { codedError } from './error-answer.ts';
import { LoadError } from './errors.ts';
import { Inference } from './inference.ts';
import { loadInto } from './load.ts';
import { OwnVersion } from './own-version.ts';
import { createMetrics, type Metrics } from './plugins/metrics.ts';
import { createRecorder } from './recorder.ts';
import { buildReport } from './report.ts';
import { registerAdmin } from './routes/admin.ts';
import { type App, createApp } from './routes/app.ts';
import { registerProtocols } from './routes/protocols.ts';
import { type Split, unknownVersion } from './split.ts';
import { Statistics } from './statistics.ts';
import { createTraffic, type Traffic } from './traffic/traffic.ts';

export interface ServerDeps {
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  logger: Logger;
  /** RFC 3339. */
  startedAt: string;
  runtimeVersion: string;
  /** Called with each table that comes into force. */
  onTable?(table: TrafficTable): void;
}

export interface RuntimeServer {
  own: OwnVersion;
  entry: Door;
  report(): PodReport;
  /** Binds the doors. @throws LoadError ADDRESS_IN_USE */
  listen(): Promise<{ entry: number | undefined; direct: number; admin: number }>;
  /** Fetches, verifies, opens and warms the model. @throws LoadError */
  load(): Promise<void>;
  /** Finishes everything in flight, then closes. @param lameDuckMs see `Door.drain` */
  close(lameDuckMs: number): Promise<void>;
}

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
  const { own, traffic, metrics, apps, report } = assemble(launch, deps, doors);
  const close = async (lameDuckMs: number) => {
    own.startDraining();
    const limit = lameDuckMs + requestTimeoutMs + DRAIN_GRACE_MS;
    await Promise.all([doors.entry.drain(lameDuckMs, limit), doors.direct.drain(lameDuckMs, limit)]);
    // The process aborts if it ends inside a run.
    await own.loaded?.close();
    await traffic.stop();
    await doors.admin.drain(0, DRAIN_GRACE_MS);
    await Promise.all(Object.values(apps).map(({ fastify }) => fastify.close()));
    metrics.stop();
  };
  return {
    own,
    entry: doors.entry,
    report,
    async listen() {
      await Promise.all([apps.entry.register(), apps.direct.register()]);
      for (const name of ['entry', 'direct', 'admin'] as const) doors[name].handler = await apps[name].start();
      await traffic.start();
      return {
        entry: launch.entry === 'none' ? undefined : await bind(doors.entry, '--entry', launch.entry),
        direct: await bind(doors.direct, '--direct', launch.direct),
        admin: await bind(doors.admin, '--admin', launch.admin),
      };
    },
    async load() {
      await loadInto(own, launch, { clock, random, warn });
      if (own.refusal) warn(own.refusal.message);
    },
    close,
  };
}

interface Assembled {
  own: OwnVersion;
  traffic: Traffic;
  metrics: Metrics;
  apps: Record<'entry' | 'direct', App & { register(): void | Promise<void> }> & { admin: App };
  report(): PodReport;
}

function assemble(launch: Launch, deps: ServerDeps, doors: Record<'entry' | 'direct', Door>): Assembled {
  const { model, version, serving } = launch;
  const { clock, logger, runtimeVersion, startedAt } = deps;
  const book = new VersionBook(version);
  const sketch = new SketchRecorder();
  const statistics = new Statistics();
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
  const unforeseen = (error: unknown) => logger.error({ err: error }, 'unforeseen failure');
  const own = new OwnVersion({
    model,
    version,
    observer: {
      unforeseen,
      ran(done) {
        metrics.ran(done.queued / 1_000, done.computed / 1_000);
        statistics.ran(done);
      },
    },
    coded: (error) => codedError(error, serving.limits.bodyBytes),
  });
  const inFlight = () => doors.entry.inFlight + doors.direct.inFlight;
  const metrics = createMetrics({ own, traffic, book, runtimeVersion, inFlight });
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
    const context = { own, inference, split: traffic, statistics, serving, runtimeVersion };
    return { ...made, register: () => registerProtocols(made, context) };
  };
  const admin = app('admin', 1024);
  registerAdmin(admin.fastify, { own, report, metrics: () => metrics.text() });
  return { own, traffic, metrics, apps: { entry: publicDoor('entry'), direct: publicDoor('direct'), admin }, report };
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

async function bind(door: Door, flag: string, address: string): Promise<number> {
  try {
    return await door.listen(address);
  } catch (error) {
    throw new LoadError('ADDRESS_IN_USE', `${flag} ${address} can't be listened on: ${(error as Error).message}`);
  }
}
