/** The Open Inference Protocol v2 over REST, for both public doors. */
import { RequestError } from '../errors.ts';
import { PLATFORM } from '../protocol/model-config.ts';
import { oipRest } from '../protocol/oip-rest.ts';
import { fastifyCall, type RegisterProtocol } from './protocol.ts';
import { REPOSITORY_EXTENSIONS, registerRepository } from './repository.ts';
import { route, send } from './route.ts';

interface Params {
  model: string;
  version?: string;
}

const MODEL_PATHS = ['/v2/models/:model', '/v2/models/:model/versions/:version'];

/** By Triton's names. */
const EXTENSIONS = ['binary_tensor_data', 'classification', ...REPOSITORY_EXTENSIONS];

export const registerOip: RegisterProtocol = async (app, context) => {
  const { fastify } = app;
  const { own, runtimeVersion, split, inference } = context;
  route(fastify, '/v2', { GET: async () => ({ name: 'modelship', version: runtimeVersion, extensions: EXTENSIONS }) });
  route(fastify, '/v2/health/live', { GET: async () => ({ live: true }) });
  route(fastify, '/v2/health/ready', {
    GET: async () => {
      own.requireReady();
      return { ready: true };
    },
  });
  const metadata = () => {
    const { inputs, outputs } = own.metadata();
    return { name: own.model, versions: split.versions(), platform: PLATFORM, inputs, outputs };
  };
  const readiness = () => {
    own.requireReady();
    return { name: own.model, version: own.version, ready: true };
  };
  for (const path of MODEL_PATHS) {
    for (const [at, answer] of [
      [path, metadata],
      [`${path}/ready`, readiness],
    ] as const) {
      route(fastify, at, {
        GET: async (request, reply) =>
          send(reply, await inference.ask(fastifyCall(request, reply, request.params as Params), answer)),
      });
    }
  }
  await registerOipInfer(app, context);
  await registerRepository(app, context);
};

/** For mirrors alone, whose copies all go this way, whatever protocol the users' requests came by. */
export const registerCopies: RegisterProtocol = ({ fastify }, { inference }) => {
  fastify.route({
    method: 'POST',
    url: `${MODEL_PATHS[0]}/infer`,
    onRequest: async ({ headers, method, url }) => {
      if (inference.isCopy(headers)) return;
      throw new RequestError('ROUTE_NOT_FOUND', `there is nothing at ${method} ${url.slice(0, 200)}`);
    },
    handler: async (request, reply) =>
      send(reply, await inference.infer(fastifyCall(request, reply, request.params as Params), oipRest)),
  });
};

/** The inference routes alone: what other protocols forward to. */
export const registerOipInfer: RegisterProtocol = ({ fastify }, { inference }) => {
  for (const path of MODEL_PATHS) {
    route(fastify, `${path}/infer`, {
      POST: async (request, reply) =>
        send(reply, await inference.infer(fastifyCall(request, reply, request.params as Params), oipRest)),
    });
  }
};
