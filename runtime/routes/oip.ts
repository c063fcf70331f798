/** The Open Inference Protocol v2 over REST, for both public doors. */
import { oipRest } from '../protocol/oip-json.ts';
import { route, send } from './app.ts';
import { callOf, type RegisterProtocol } from './protocol.ts';

interface Params {
  model: string;
  version?: string;
}

const MODEL_PATHS = ['/v2/models/:model', '/v2/models/:model/versions/:version'];

export const registerOip: RegisterProtocol = ({ fastify }, { own, runtimeVersion, split, inference }) => {
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
    for (const [at, answer] of [
      [path, metadata],
      [`${path}/ready`, readiness],
    ] as const) {
      route(fastify, at, {
        GET: async (request, reply) =>
          send(reply, await inference.ask(callOf(request, reply, request.params as Params), answer)),
      });
    }
    route(fastify, `${path}/infer`, {
      POST: async (request, reply) =>
        send(reply, await inference.infer(callOf(request, reply, request.params as Params), oipRest)),
    });
  }
};
