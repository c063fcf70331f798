/** Entry of a runtime process: command line, signals, exit code, last words. */
import { writeFileSync } from 'node:fs';
import { pino } from 'pino';
import type { Launch } from '../api/launch.ts';
import manifest from '../package.json' with { type: 'json' };
import { realClock } from './clock.ts';
import { LoadError } from './errors.ts';
import { parseLaunch, terminationLogOf } from './launch-args.ts';
import { createServer } from './server.ts';
import { type Channel, listenToSupervisor, tellSupervisor } from './supervisor.ts';

/** After SIGTERM: how long idle connections may stay once nothing new is accepted, ms. */
const LAME_DUCK_MS = 2_000;
/** What Kubernetes keeps of a termination message. */
const LAST_WORDS_BYTES = 4_096;

const args = process.argv.slice(2);
const terminationLog = terminationLogOf(args);

/** A crash inside ONNX Runtime and a kill for memory let nobody speak, so these words are left before and taken back after. */
const DIED = new LoadError('LOAD_DIED', 'the process was ended while it opened the model: out of memory, or a crash');

async function run(launch: Launch): Promise<void> {
  const logger = pino({ level: launch.logLevel, base: { model: launch.model, version: launch.version } });
  const channel = process as Channel;
  const tell = tellSupervisor(channel);
  const server = createServer(launch, {
    clock: realClock,
    random: Math.random,
    logger,
    startedAt: new Date().toISOString(),
    runtimeVersion: manifest.version,
    onTable: ({ revision }) => tell({ type: 'table', revision }),
  });
  let draining = false;
  const drain = async (delayMs: number, lameDuckMs: number) => {
    if (draining) return;
    draining = true;
    server.own.startDraining();
    logger.info({ delayMs, lameDuckMs }, 'draining');
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await server.close(lameDuckMs);
    logger.info('drained');
    leave(Buffer.alloc(0));
    process.exit(0);
  };
  listenToSupervisor(channel, {
    entry: server.entry,
    drain: (lameDuckMs) => void drain(0, lameDuckMs),
    warn: (message) => logger.warn(message),
  });
  process.on('SIGTERM', () => void drain(launch.drainDelayMs, LAME_DUCK_MS));
  process.on('SIGINT', () => void drain(0, 0));
  const ports = await server.listen();
  logger.info(ports, 'listening');
  tell({ type: 'listening', direct: ports.direct, admin: ports.admin });
  leave(lastWords(DIED));
  try {
    await server.load();
  } catch (error) {
    // Who asked it to end does not want to hear that it could not start.
    if (draining) return;
    throw error;
  }
  leave(Buffer.alloc(0));
  const { digest, phases } = server.own;
  logger.info({ digest, phases }, server.own.ready ? 'ready' : 'loaded');
  tell({ type: 'ready' });
}

/** Says why the process could not start, where people and Kubernetes look for it, and ends it. */
function giveUp(error: unknown): never {
  const failure =
    error instanceof LoadError ? error : new LoadError('INTERNAL', String((error as Error)?.stack ?? error));
  const words = lastWords(failure);
  process.stderr.write(words);
  leave(words);
  process.exit(1);
}

function lastWords({ code, message }: LoadError): Buffer {
  return Buffer.from(`${code}: ${message}\n`).subarray(0, LAST_WORDS_BYTES);
}

/** Leaves words in the termination log, if there is one. */
function leave(words: Buffer): void {
  if (terminationLog === undefined) return;
  try {
    writeFileSync(terminationLog, words);
  } catch (failure) {
    process.stderr.write(`${terminationLog} could not be written: ${(failure as Error).message}\n`);
  }
}

process.on('uncaughtException', giveUp);
try {
  await run(parseLaunch(args));
} catch (error) {
  giveUp(error);
}
