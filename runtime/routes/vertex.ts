/** The container contract of Vertex AI: a health route and a predict route, named by the environment. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { LoadError, RequestError } from '../errors.ts';
import { vertexPredict } from '../protocol/vertex.ts';
import { fastifyCall, type RegisterProtocol } from './protocol.ts';
import { route, send } from './route.ts';

/** Where Vertex AI asks, as paths; undefined: at the default, whatever the ids of endpoint and deployed model. */
export interface VertexRoutes {
  health: string | undefined;
  predict: string | undefined;
}

/** Reads AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE. @throws LoadError LAUNCH_INVALID when one is no path */
export function vertexRoutes(env: Record<string, string | undefined>): VertexRoutes {
  const read = (name: string) => {
    const path = env[name];
    if (path === undefined || path === '') return undefined;
    if (/^\/[^\s?#*]*$/.test(path)) return path;
    throw new LoadError('LAUNCH_INVALID', `${name}='${path}' is no path; write one such as /health, without ? and *`);
  };
  return { health: read('AIP_HEALTH_ROUTE'), predict: read('AIP_PREDICT_ROUTE') };
}

const DEFAULT_PATH = '/v1/endpoints/:endpoint/deployedModels/:deployed';
const PREDICT = ':predict';

export const registerVertex: RegisterProtocol = ({ fastify }, { own, inference }) => {
  const { health, predict } = vertexRoutes(process.env);
  const healthy = async (_request: FastifyRequest, reply: FastifyReply) => {
    own.requireReady();
    return reply.send({});
  };
  const predicted = async (request: FastifyRequest, reply: FastifyReply) =>
    send(reply, await inference.infer(fastifyCall(request, reply, {}), vertexPredict));
  route(fastify, DEFAULT_PATH, {
    GET: async (request, reply) => {
      if (asksToPredict(request)) throw wrongMethod(request, 'POST');
      return healthy(request, reply);
    },
    POST: async (request, reply) => {
      if (!asksToPredict(request)) throw wrongMethod(request, 'GET, HEAD');
      return predicted(request, reply);
    },
  });
  // Routes that another protocol has already mean the same there, such as /ping and /v2/health/ready.
  const named = [
    [health, 'GET', healthy],
    [predict, 'POST', predicted],
  ] as const;
  if (health !== undefined && health === predict) {
    return route(fastify, literal(health), { GET: healthy, POST: predicted });
  }
  for (const [path, method, handler] of named) {
    if (path === undefined || fastify.hasRoute({ method, url: literal(path) })) continue;
    route(fastify, literal(path), { [method]: handler });
  }
};

/** A colon begins a parameter for the router unless it is doubled. */
function literal(path: string): string {
  return path.replaceAll(':', '::');
}

function asksToPredict({ params }: FastifyRequest): boolean {
  return (params as { deployed: string }).deployed.endsWith(PREDICT);
}

function wrongMethod(request: FastifyRequest, allow: string): RequestError {
  return new RequestError('METHOD_NOT_ALLOWED', `${request.url.slice(0, 200)} takes ${allow}`, { allow });
}
