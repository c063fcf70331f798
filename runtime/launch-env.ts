/**
 * A launch that its platform describes by the environment: as a container of SageMaker (`serve`) or of Vertex AI
 * (`AIP_HTTP_PORT`). What the command line says stays; the environment fills in the rest.
 */
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { runtimeServingOf } from '../api/effective.ts';
import type { RuntimeServing } from '../api/launch.ts';
import { LoadError } from './errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

export interface Machine {
  env: Env;
  /** Whole cores that this process may count on. */
  cores: number;
  /** Names of the files in a folder; undefined when there is no such folder. */
  filesIn(folder: string): string[] | undefined;
}

export function thisMachine(): Machine {
  return { env: process.env, cores: availableParallelism(), filesIn };
}

function filesIn(folder: string): string[] | undefined {
  try {
    return readdirSync(folder);
  } catch {
    // Whatever is wrong with it is told when the model is fetched from it.
    return undefined;
  }
}

/** Flags by their names, without the dashes. */
type Flags = Record<string, string>;

const MIB = 2 ** 20;

/**
 * The command line with what the environment adds; pure. Without a platform, or with `--model`, it is returned as it is.
 * @param args after the script's name
 * @throws LoadError LAUNCH_INVALID, MODEL_URI_UNSUPPORTED, naming the variable and what to do
 */
export function withEnvironment(args: readonly string[], machine: Machine): readonly string[] {
  if (names(args, 'model')) return args;
  const { env } = machine;
  const folder = `${env.SAGEMAKER_BASE_DIR || '/opt/ml'}/model`;
  const [first, ...rest] = args;
  if (first === 'serve' && machine.filesIn(folder)) return filled(rest, () => sagemaker(folder, rest, machine), env);
  if (env.AIP_HTTP_PORT) return filled(args, () => vertex(args, machine), env);
  return args;
}

function filled(args: readonly string[], platform: () => Flags, env: Env): string[] {
  const flags = {
    model: env.MODELSHIP_MODEL || 'model',
    version: env.MODELSHIP_VERSION || 'v1',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    ...platform(),
  };
  const added = Object.entries(flags).filter(([name]) => !names(args, name));
  return [...added.flatMap(([name, value]) => [`--${name}`, value]), ...args];
}

function names(args: readonly string[], flag: string): boolean {
  return args.some((arg) => arg === `--${flag}` || arg.startsWith(`--${flag}=`));
}

/** @see https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html */
function sagemaker(folder: string, args: readonly string[], machine: Machine): Flags {
  const { env } = machine;
  const [direct, admin] = safePorts(env.SAGEMAKER_SAFE_PORT_RANGE);
  const payload = positive(env, 'SAGEMAKER_MAX_PAYLOAD_IN_MB');
  const seconds = positive(env, 'SAGEMAKER_MODEL_SERVER_TIMEOUT') ?? SAGEMAKER_SECONDS;
  const limits = { bodyBytes: (payload ?? SAGEMAKER_PAYLOAD_MB) * MIB, timeoutMs: seconds * 1_000 };
  return {
    uri: env.MODELSHIP_URI || modelIn(folder, machine),
    entry: `0.0.0.0:${portOf(env, 'SAGEMAKER_BIND_TO_PORT') ?? 8080}`,
    direct: `127.0.0.1:${direct}`,
    admin: `127.0.0.1:${admin}`,
    ...(!names(args, 'serving') && { serving: serving(machine, ['rest', 'tensorflow', 'sagemaker'], limits) }),
  };
}

/** Room for the largest payload of a real-time endpoint, which has its own quota (6 MB and more), and its time-out. */
const SAGEMAKER_PAYLOAD_MB = 25;
const SAGEMAKER_SECONDS = 60;

/** The first two of `21000-22000`: with several containers on a host, others' ports begin elsewhere. */
function safePorts(range: string | undefined): [number, number] {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(range ?? '') ?? [];
  return from !== undefined && Number(to) > Number(from) ? [Number(from), Number(from) + 1] : [0, 0];
}

/** @see https://cloud.google.com/vertex-ai/docs/predictions/custom-container-requirements#aip-variables */
function vertex(args: readonly string[], machine: Machine): Flags {
  const { env } = machine;
  return {
    ...(!names(args, 'uri') && { uri: env.MODELSHIP_URI || artifact(machine) }),
    entry: `0.0.0.0:${portOf(env, 'AIP_HTTP_PORT')}`,
    ...(!names(args, 'serving') && { serving: serving(machine, ['rest', 'tensorflow', 'vertex'], {}) }),
  };
}

/** The model in the folder that AIP_STORAGE_URI names. @throws LoadError LAUNCH_INVALID, MODEL_URI_UNSUPPORTED */
function artifact(machine: Machine): string {
  const uri = machine.env.AIP_STORAGE_URI?.replace(/\/+$/, '');
  if (!uri) {
    const todo = 'upload the model with an artifact URI, or name it by MODELSHIP_URI or --uri';
    throw new LoadError('LAUNCH_INVALID', `AIP_STORAGE_URI is empty, so there is no model to serve: ${todo}`);
  }
  const [, bucketScheme, path] = /^(gs|s3):\/\/(.+)$/.exec(uri) ?? [];
  if (bucketScheme === undefined)
    return /^https?:/.test(uri) ? fileAt(uri) : modelIn(uri.replace(/^file:\/\//, ''), machine);
  const mounted = `/gcs/${path}`;
  if (bucketScheme === 'gs' && (machine.filesIn(mounted) || machine.filesIn(folderOf(mounted))?.length)) {
    return modelIn(mounted, machine);
  }
  const todo = `mount the bucket (at /gcs), put the model in the image, or name it by MODELSHIP_URI, a path or https://`;
  throw new LoadError('MODEL_URI_UNSUPPORTED', `AIP_STORAGE_URI=${uri}: ${bucketScheme}:// is not read here; ${todo}`);
}

/** `model.onnx` in a folder, or the only .onnx file there; a path that is a file already stays. */
function modelIn(path: string, { filesIn }: Machine): string {
  if (path.endsWith('.onnx')) return path;
  const models = filesIn(path)?.filter((name) => name.endsWith('.onnx')) ?? [];
  const [only] = models;
  return models.length === 1 ? `${path}/${only}` : fileAt(path);
}

function fileAt(path: string): string {
  return path.endsWith('.onnx') ? path : `${path}/model.onnx`;
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** The defaults, what the platform wants, and MODELSHIP_SERVING over both, each one level deep. */
function serving({ env, cores }: Machine, protocols: string[], limits: Partial<RuntimeServing['limits']>): string {
  const defaults = runtimeServingOf({});
  const base: Record<string, unknown> = {
    ...defaults,
    protocols,
    execution: { cores },
    limits: { ...defaults.limits, ...limits },
  };
  for (const [field, value] of Object.entries(statedServing(env))) {
    const both = [base[field], value].every((one) => typeof one === 'object' && one !== null && !Array.isArray(one));
    base[field] = both ? { ...(base[field] as object), ...(value as object) } : value;
  }
  return JSON.stringify(base);
}

function statedServing({ MODELSHIP_SERVING: text }: Env): object {
  if (!text) return {};
  try {
    const stated: unknown = JSON.parse(text);
    if (typeof stated === 'object' && stated !== null && !Array.isArray(stated)) return stated;
  } catch {}
  const example = '{"session": {"threads": 4}}';
  throw new LoadError(
    'LAUNCH_INVALID',
    `MODELSHIP_SERVING is no JSON object; write it as --serving, such as ${example}`,
  );
}

function portOf(env: Env, name: string): number | undefined {
  const port = positive(env, name);
  if (port === undefined || (Number.isInteger(port) && port <= 65_535)) return port;
  throw new LoadError('LAUNCH_INVALID', `${name}='${env[name]}' is no port; give a number from 1 to 65535`);
}

function positive(env: Env, name: string): number | undefined {
  const text = env[name];
  if (!text) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new LoadError('LAUNCH_INVALID', `${name}='${text}' is no number above 0`);
}
