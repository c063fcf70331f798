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
  golden: { type: 'string' },
  'golden-tolerance': { type: 'string' },
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
  'golden.uri': 'golden',
  'golden.tolerance': 'golden-tolerance',
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
    'golden-tolerance': tolerance,
    golden,
    serving,
    ...rest
  } = flags;
  const given = {
    ...rest,
    serving: serving === undefined ? undefined : readServing(serving),
    ...goldenOf(golden, tolerance),
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
    const [field = '', ...inside] = path.map(String);
    const own = FLAG_OF[path.join('.')];
    const flag = `--${own ?? FLAG_OF[field] ?? field}`;
    const where = own === undefined && inside.length > 0 ? `${flag} (${inside.join('.')})` : flag;
    return `${where}: ${isMissing(given, own === undefined ? [field] : path) ? 'is missing' : message}`;
  });
  throw new LoadError('LAUNCH_INVALID', faults.join('; '));
}

/** The termination log that the arguments name, even when the rest of them is wrong. */
export function terminationLogOf(args: readonly string[]): string | undefined {
  const at = args.indexOf('--termination-log');
  if (at >= 0) return args[at + 1];
  return args.find((arg) => arg.startsWith('--termination-log='))?.slice('--termination-log='.length);
}

/** Either flag asks for both. */
function goldenOf(uri: string | undefined, tolerance: string | undefined) {
  if (uri === undefined && tolerance === undefined) return {};
  return { golden: { uri, tolerance: tolerance === undefined ? undefined : Number(tolerance) } };
}

function isMissing(given: object, path: readonly PropertyKey[]): boolean {
  let value: unknown = given;
  for (const part of path) value = (value as Record<PropertyKey, unknown>)[part];
  return value === undefined;
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
