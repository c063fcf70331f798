/** One process that serves: by itself, under a laptop's supervisor, or as one of several under a head. */
import { pino } from 'pino';
import type { ToRuntime } from '../api/handoff.ts';
import type { Launch } from '../api/launch.ts';
import manifest from '../package.json' with { type: 'json' };
import { realClock } from './clock.ts';
import { asLoadError, type LastWords } from './last-words.ts';
import { createServer, type RuntimeServer } from './server.ts';
import { type Channel, listenToSupervisor, tellSupervisor } from './supervisor.ts';
import { startTracing } from './tracing/start.ts';

/** After SIGTERM: how long idle connections may stay once nothing new is accepted, ms. */
const LAME_DUCK_MS = 2_000;

/** Resolves once the model is loaded and warm; the process goes on. @throws LoadError */
export async function run(launch: Launch, words: LastWords): Promise<void> {
  const underHead = launch.admin === 'none';
  const { model, version } = launch;
  const logger = pino({ level: launch.logLevel, base: { model, version, ...(underHead && { pid: process.pid }) } });
  // What a head says of all of its processes, none of them says of itself.
  const log = (details: object, message: string) => logger[underHead ? 'debug' : 'info'](details, message);
  const channel = process as Channel;
  const tell = tellSupervisor(channel);
  const runtimeVersion = manifest.version;
  const tracing = await startTracing(process.env, { model, version, runtimeVersion, clock: realClock, logger });
  const server = createServer(launch, {
    clock: realClock,
    random: Math.random,
    logger,
    startedAt: new Date().toISOString(),
    runtimeVersion,
    tracing,
    onTable: ({ revision }) => tell({ type: 'table', revision }),
  });
  let draining = false;
  const drain = async (delayMs: number, lameDuckMs: number) => {
    if (draining) return;
    draining = true;
    server.own.startDraining();
    log({ delayMs, lameDuckMs }, 'draining');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await server.close(lameDuckMs);
    log({}, 'drained');
    words.clear();
    process.exit(0);
  };
  const given = Promise.withResolvers<Extract<ToRuntime, { type: 'model' }>>();
  listenToSupervisor(channel, {
    doors: server.doors,
    drain: (lameDuckMs) => void drain(0, lameDuckMs),
    warn: (message) => logger.warn(message),
    head: {
      unready: () => server.own.startDraining(),
      model: given.resolve,
      report: server.report,
      diffs: server.diffs,
      metrics: server.metrics,
    },
  });
  // Under a head a signal to the whole group is not meant for this process: the head decides who ends, and when.
  process.on('SIGTERM', () => underHead || void drain(launch.drainDelayMs, LAME_DUCK_MS));
  process.on('SIGINT', () => underHead || void drain(0, 0));
  const ports = await server.listen();
  log(ports, 'listening');
  tell({ type: 'listening', direct: ports.direct, admin: ports.admin });
  try {
    await load(server, words, underHead ? given.promise : undefined);
  } catch (error) {
    // Who asked it to end does not want to hear that it could not start.
    if (draining) return;
    if (underHead) return fail(error, channel);
    throw error;
  }
  const { digest, phases, ready, loaded } = server.own;
  log({ digest, phases, execution: loaded?.execution }, ready ? 'ready' : 'loaded');
  tell({ type: 'ready', placement: server.placement() });
}

async function load(
  server: RuntimeServer,
  words: LastWords,
  given: Promise<Extract<ToRuntime, { type: 'model' }>> | undefined,
): Promise<void> {
  words.expectDeath();
  if (given) {
    await server.load(await given);
  } else {
    await server.load();
  }
  words.clear();
}

/** The head hears why, and it is the head that tells people. */
function fail(error: unknown, channel: Channel): void {
  const { code, message } = asLoadError(error);
  channel.send?.({ type: 'failed', code, message }, () => process.exit(1));
}
