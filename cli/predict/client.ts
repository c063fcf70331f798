/** Speaks the Open Inference Protocol v2 over REST to a Modelship server. */
import { z } from 'zod';
import { type TensorMetadata, tensorMetadata } from '../../api/pod-report.ts';
import { CliError, EXIT } from '../exit-codes.ts';

export interface Target {
  /** Base URL, without a slash at its end. */
  url: string;
  model: string;
  /** A version to ask for by name; else the server draws one. */
  version?: string | undefined;
  headers?: Readonly<Record<string, string>>;
}

const modelMetadata = z.looseObject({
  name: z.string(),
  versions: z.array(z.string()).default([]),
  inputs: z.array(z.looseObject(tensorMetadata.shape)),
  outputs: z.array(z.looseObject(tensorMetadata.shape)),
});
export interface ModelMetadata {
  name: string;
  versions: string[];
  inputs: TensorMetadata[];
  outputs: TensorMetadata[];
}

const tensor = z.looseObject({
  name: z.string(),
  datatype: z.string(),
  shape: z.array(z.number()),
  data: z.array(z.unknown()),
});
export type OutputTensor = z.output<typeof tensor>;

const inferAnswer = z.looseObject({ model_version: z.string().optional(), outputs: z.array(tensor) });

export interface Prediction {
  /** The version that answered, as far as the server says. */
  version: string | undefined;
  /** Milliseconds from the request's first byte to the answer's last. */
  latencyMs: number;
  outputs: OutputTensor[];
}

/** An answer that is not a prediction. */
export class ServerError extends CliError {
  readonly status: number;
  readonly version: string | undefined;

  constructor(message: string, code: string, status: number, version: string | undefined) {
    super(message, EXIT.failed, code);
    this.name = 'ServerError';
    this.status = status;
    this.version = version;
  }
}

/** @throws ServerError, or CliError when nobody answers */
export async function fetchMetadata(target: Target): Promise<ModelMetadata> {
  const { body } = await call(target, 'GET', '');
  const parsed = modelMetadata.safeParse(body);
  if (!parsed.success) throw new CliError(`${pathOf(target)} does not describe a model`, EXIT.failed, 'NO_METADATA');
  return parsed.data;
}

/** @param body an Open Inference Protocol request @throws ServerError, or CliError when nobody answers */
export async function infer(target: Target, body: string): Promise<Prediction> {
  await http();
  const began = performance.now();
  const { body: answer, version } = await call(target, 'POST', '/infer', body);
  const latencyMs = performance.now() - began;
  const parsed = inferAnswer.safeParse(answer);
  if (!parsed.success) throw new CliError(`${pathOf(target)} gave no prediction`, EXIT.failed, 'NO_PREDICTION');
  return { version: version ?? parsed.data.model_version, latencyMs, outputs: parsed.data.outputs };
}

function pathOf({ url, model, version }: Target): string {
  const base = `${url}/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? base : `${base}/versions/${encodeURIComponent(version)}`;
}

async function call(target: Target, method: 'GET' | 'POST', end: string, body?: string) {
  const address = pathOf(target) + end;
  const { status, version, text } = await exchange(address, method, target, body);
  const json = parsed(text);
  if (status >= 400) throw refusal(target, status, json, version);
  if (json === undefined) {
    throw new CliError(`${address} answered, but not with JSON: is it a Modelship server?`, EXIT.failed, 'NOT_JSON');
  }
  return { body: json, version };
}

/** Loaded when it is needed, which most commands never do; no request's latency has it in it. */
const http = () => import('undici');

async function exchange(address: string, method: 'GET' | 'POST', { url, headers }: Target, body: string | undefined) {
  const { request } = await http();
  try {
    const response = await request(address, {
      method,
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      body: body ?? null,
    });
    const version = response.headers['modelship-version'];
    return {
      status: response.statusCode,
      version: typeof version === 'string' ? version : undefined,
      text: await response.body.text(),
    };
  } catch (error) {
    throw unreachable(url, error as Error);
  }
}

function refusal({ url }: Target, status: number, body: unknown, version: string | undefined): ServerError {
  const said = z.looseObject({ error: z.string(), code: z.string().optional() }).safeParse(body);
  if (!said.success) {
    const message = `${url} answered with HTTP ${status} and no reason: is it a Modelship server?`;
    return new ServerError(message, `HTTP_${status}`, status, version);
  }
  const { error, code = `HTTP_${status}` } = said.data;
  const hint =
    code === 'MODEL_NOT_FOUND' ? '; each ModelDeployment of a run has a URL of its own: choose it with --url' : '';
  return new ServerError(error + hint, code, status, version);
}

function unreachable(url: string, error: Error): CliError {
  // One attempt for each address of the host; they fail alike.
  const first: Error & { code?: string } = error instanceof AggregateError ? (error.errors[0] as Error) : error;
  const { code, message } = first;
  const why = code === 'ECONNREFUSED' ? 'nothing listens there' : message || code || 'no reason given';
  return new CliError(
    `cannot reach ${url}: ${why}.\nStart a server with \`modelship run FILE\`, or say where one is with --url.`,
    EXIT.failed,
    'UNREACHABLE',
  );
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
