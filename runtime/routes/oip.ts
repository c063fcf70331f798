/** The Open Inference Protocol v2 over REST, for both public doors. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Answer, VERSION_HEADER } from '../answer.ts';
import type { Clock } from '../clock.ts';
import { codedError, errorAnswer } from '../error-answer.ts';
import { RequestError } from '../errors.ts';
import type { OwnVersion } from '../own-version.ts';
import type { Recorder } from '../recorder.ts';
import { MIRROR_HEADER, type Split, type SplitRequest, TIMEOUT_HEADER, unknownVersion } from '../split.ts';
import { type App, route, send } from './app.ts';

export interface OipOptions {
  own: OwnVersion;
  split: Pick<Split, 'handle' | 'versions'>;
  /** Entry doors split; direct doors answer as the own version, or not at all. */
  kind: 'entry' | 'direct';
  runtimeVersion: string;
  limits: { bodyBytes: number; timeoutMs: number };
  clock: Clock;
  recorder: Recorder;
  unforeseen(error: unknown): void;
}

interface Params {
  model: string;
  version?: string;
}

const MODEL_PATHS = ['/v2/models/:model', '/v2/models/:model/versions/:version'];

export function registerOip({ fastify, onRefused }: App, options: OipOptions): void {
  const { own, runtimeVersion, split, recorder } = options;
  // What fastify refuses before the handler, such as a body too large.
  onRefused((request, status) => {
    if (request.method === 'POST' && request.routeOptions.url?.endsWith('/infer')) recorder.refused(status);
  });
  route(fastify, '/v2', { GET: async () => ({ name: 'modelship', version: runtimeVersion, extensions: [] }) });
  route(fastify, '/v2/health/live', { GET: async () => ({ live: true }) });
  route(fastify, '/v2/health/ready', {
    GET: async () => {
      own.requireReady();
      return { ready: true };
    },
  });
  const metadata = () => {
    const { inputs, outputs } = own.metadata();
    return { name: own.model, versions: split.versions(), platform: 'onnxruntime_onnx', inputs, outputs };
  };
  const readiness = () => {
    own.requireReady();
    return { name: own.model, version: own.version, ready: true };
  };
  for (const path of MODEL_PATHS) {
    route(fastify, path, { GET: (request, reply) => question(options, request, reply, metadata) });
    route(fastify, `${path}/ready`, { GET: (request, reply) => question(options, request, reply, readiness) });
    route(fastify, `${path}/infer`, { POST: (request, reply) => infer(options, request, reply) });
  }
}

/** A GET about a model: answered here, unless it names a version that another process serves. */
async function question(
  options: OipOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: () => object,
): Promise<FastifyReply> {
  const { own, clock, limits } = options;
  const pinned = pinnedVersion(options, request);
  const answerOwn = async (): Promise<Answer> => ({
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', [VERSION_HEADER]: own.version },
    body: JSON.stringify(answer()),
  });
  if (pinned === undefined || pinned === own.version) return send(reply, await answerOwn());
  const deadline = clock.now() + limits.timeoutMs;
  return send(reply, await options.split.handle(splitRequest(request, reply, pinned, deadline), answerOwn));
}

async function infer(options: OipOptions, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { own, split, clock, recorder, limits } = options;
  const arrived = clock.now();
  const deadline = arrived + timeoutOf(options, request);
  const mirrored = options.kind === 'direct' && request.headers[MIRROR_HEADER] !== undefined;
  try {
    refuseBinary(request);
    const call = splitRequest(request, reply, pinnedVersion(options, request), deadline);
    const answerOwn = async () => {
      const answer = await own.infer(call);
      if (!mirrored) recorder.answered(answer.status, clock.now() - arrived);
      return answer;
    };
    return send(reply, await split.handle(call, answerOwn));
  } catch (error) {
    const coded = codedError(error, limits.bodyBytes);
    if (coded.code === 'INTERNAL') options.unforeseen(error);
    recorder.refused(coded.status, coded.headers[VERSION_HEADER]);
    return send(reply, errorAnswer(coded, own.version));
  }
}

function refuseBinary(request: FastifyRequest): void {
  const header = 'inference-header-content-length';
  if (request.headers[header] === undefined) return;
  throw new RequestError('INVALID_REQUEST', `${header}: the binary tensor extension is not offered; send JSON`);
}

/** The version that the path or the header names, once the model's name is right. */
function pinnedVersion({ own, kind }: OipOptions, request: FastifyRequest): string | undefined {
  const { model, version } = request.params as Params;
  if (model !== own.model) {
    throw new RequestError(
      'MODEL_NOT_FOUND',
      `there is no model '${model.slice(0, 80)}' here; there is '${own.model}'`,
    );
  }
  const named = request.headers[VERSION_HEADER];
  const header = named === '' || Array.isArray(named) ? undefined : named;
  if (kind === 'direct') {
    for (const wanted of [version, header]) {
      if (wanted !== undefined && wanted !== own.version) throw misdirected(wanted, own);
    }
  } else if (version !== undefined && header !== undefined && version !== header) {
    throw new RequestError(
      'INVALID_REQUEST',
      `the path names version '${version}', the header ${VERSION_HEADER} '${header}'`,
    );
  }
  return version ?? header;
}

function misdirected(wanted: string, own: OwnVersion): RequestError {
  return new RequestError('MISDIRECTED', `this port answers as version '${own.version}' only, not as '${wanted}'`);
}

/** Ms that a request may take. A forwarder says what is left of its own time; nobody may ask for more than the limit. */
function timeoutOf({ kind, limits }: OipOptions, request: FastifyRequest): number {
  const given = kind === 'direct' ? Number(request.headers[TIMEOUT_HEADER]) : Number.NaN;
  return given >= 0 ? Math.min(given, limits.timeoutMs) : limits.timeoutMs;
}

function splitRequest(
  request: FastifyRequest,
  reply: FastifyReply,
  pinned: string | undefined,
  deadline: number,
): SplitRequest {
  const { raw } = reply;
  return {
    method: request.method,
    url: request.raw.url ?? '/',
    headers: request.headers,
    body: request.body as Buffer | undefined,
    pinned,
    deadline,
    onGone(callback) {
      const closed = () => {
        if (!raw.writableFinished) callback();
      };
      raw.once('close', closed);
      return () => raw.off('close', closed);
    },
  };
}

/** What a direct door does in place of a split: the own version answers everything. */
export function ownOnly(own: OwnVersion, split: Pick<Split, 'versions'>): OipOptions['split'] {
  return {
    versions: () => split.versions(),
    async handle({ pinned }, answerOwn) {
      if (pinned !== undefined && pinned !== own.version) throw unknownVersion(pinned, [own.version]);
      return answerOwn();
    },
  };
}
