/** The command line → launch. */
import { parseArgs } from 'node:util';
import { type Launch, launch } from '../api/launch.ts';
import { LoadError } from './errors.ts';

const FLAGS = {
  model: { type: 'string' },
  version: { type: 'string' },
  uri: { type: 'string' },
  sha256: { type: 'string' },
  serving: { type: 'string' },
  table: { type: 'string' },
  entry: { type: 'string' },
  direct: { type: 'string' },
  admin: { type: 'string' },
  'entry-grpc': { type: 'string' },
  'direct-grpc': { type: 'string' },
  'cache-dir': { type: 'string' },
  'termination-log': { type: 'string' },
  'drain-delay': { type: 'string', default: '0' },
  'log-level': { type: 'string', default: 'info' },
} as const;

/** The flag that gives a field of the launch. */
const FLAG_OF: Record<string, string> = {
  terminationLog: 'termination-log',
  entryGrpc: 'entry-grpc',
  directGrpc: 'direct-grpc',
  cacheDir: 'cache-dir',
  drainDelayMs: 'drain-delay',
  logLevel: 'log-level',
};

/**
 * Reads the arguments after the script's name.
 * @throws LoadError LAUNCH_INVALID, naming the flag and what it takes
 */
export function parseLaunch(args: readonly string[]): Launch {
  const flags = readFlags(args);
  const {
    'termination-log': terminationLog,
    'entry-grpc': entryGrpc,
    'direct-grpc': directGrpc,
    'cache-dir': cacheDir,
    'drain-delay': drainDelay,
    'log-level': logLevel,
    serving,
    ...rest
  } = flags;
  const given = {
    ...rest,
    serving: serving === undefined ? undefined : readServing(serving),
    terminationLog,
    entryGrpc,
    directGrpc,
    cacheDir,
    drainDelayMs: Number(drainDelay),
    logLevel,
  };
  const parsed = launch.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => {
    const [field, ...inside] = path.map(String);
    const flag = `--${FLAG_OF[field ?? ''] ?? field}`;
    return `${inside.length > 0 ? `${flag} (${inside.join('.')})` : flag}: ${isMissing(given, field) ? 'is missing' : message}`;
  });
  throw new LoadError('LAUNCH_INVALID', faults.join('; '));
}

/** The termination log that the arguments name, even when the rest of them is wrong. */
export function terminationLogOf(args: readonly string[]): string | undefined {
  const at = args.indexOf('--termination-log');
  if (at >= 0) return args[at + 1];
  return args.find((arg) => arg.startsWith('--termination-log='))?.slice('--termination-log='.length);
}

function isMissing(given: object, field: string | undefined): boolean {
  return (given as Record<string, unknown>)[field ?? ''] === undefined;
}

function readFlags(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, strict: true }).values;
  } catch (error) {
    throw new LoadError('LAUNCH_INVALID', (error as Error).message);
  }
}

function readServing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new LoadError('LAUNCH_INVALID', `--serving: not JSON: ${(error as Error).message}`);
  }
}
