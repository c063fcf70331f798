/** Triton's extensions of the Open Inference Protocol that are questions: repository index, statistics, configuration. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { inflate } from '../compression.ts';
import { RequestError } from '../errors.ts';
import { show } from '../protocol/json-tensor.ts';
import { parseJson } from '../protocol/json-text.ts';
import { requireJson } from '../protocol/media-type.ts';
import { modelConfig } from '../protocol/model-config.ts';
import { repositoryIndex, repositoryReadOnly } from '../protocol/repository-index.ts';
import { fastifyCall, type ProtocolContext, type RegisterProtocol } from './protocol.ts';
import { route, send } from './route.ts';

/** Names of the extensions that these routes are, as `/v2` lists them. */
export const REPOSITORY_EXTENSIONS = ['model_configuration', 'model_repository', 'statistics'];

export const registerRepository: RegisterProtocol = ({ fastify }, context) => {
  const { own, split, statistics, serving, inference } = context;
  const stats = () => ({ model_stats: [statistics.snapshot()] });
  const config = () => modelConfig(own.model, own.requireLoaded(), serving);
  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    for (const [at, answer] of [
      [`${path}/stats`, stats],
      [`${path}/config`, config],
    ] as const) {
      route(fastify, at, {
        GET: async (request, reply) =>
          send(reply, await inference.ask(fastifyCall(request, reply, request.params as { model: string }), answer)),
      });
    }
  }
  // A model of this name has its metadata there.
  if (own.model !== 'stats') route(fastify, '/v2/models/stats', { GET: async () => stats() });
  route(fastify, '/v2/repository/index', {
    POST: async (request) => repositoryIndex({ own, split }, await readOnlyReady(request, context)),
  });
  for (const action of ['load', 'unload'] as const) {
    route(fastify, `/v2/repository/models/:model/${action}`, {
      POST: async (request: FastifyRequest, _reply: FastifyReply) => {
        throw repositoryReadOnly(action, (request.params as { model: string }).model);
      },
    });
  }
};

/** `ready` of the body, if there is one. @throws RequestError of status 4xx */
async function readOnlyReady({ headers, body }: FastifyRequest, { serving }: ProtocolContext): Promise<boolean> {
  let bytes = body as Buffer | undefined;
  if (!bytes || bytes.length === 0) return false;
  requireJson(headers);
  const encoding = headers['content-encoding'];
  if (encoding !== undefined) bytes = await inflate(bytes, encoding, serving.limits.bodyBytes);
  const asked = parseJson(bytes, false);
  if (typeof asked !== 'object' || asked === null || Array.isArray(asked)) {
    throw new RequestError(
      'INVALID_REQUEST',
      `the body must be a JSON object such as {"ready": true}, not ${show(asked)}`,
    );
  }
  const { ready = false } = asked as { ready?: unknown };
  if (typeof ready !== 'boolean') {
    throw new RequestError('INVALID_REQUEST', `'ready' must be true or false, not ${show(ready)}`);
  }
  return ready;
}
