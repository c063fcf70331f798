/**
 * Where gRPC calls for this version arrive from other processes: over HTTP/1.1, as protobuf without gRPC's frames, so that
 * what forwards REST forwards them too. They come to direct doors only.
 */
import { understands } from '../compression.ts';
import { RequestError } from '../errors.ts';
import { oipGrpc } from '../grpc/infer-codec.ts';
import { readHead } from '../grpc/infer-request.ts';
import { pathOf, type Question, questionsOf } from '../grpc/questions.ts';
import { fastifyCall, type RegisterProtocol } from './protocol.ts';
import { route, send } from './route.ts';

export const registerGrpcForward: RegisterProtocol = ({ fastify }, context) => {
  const { inference } = context;
  if (inference.kind !== 'direct') return;
  route(fastify, pathOf('ModelInfer'), {
    POST: async (request, reply) => {
      const { 'content-encoding': encoding } = request.headers;
      if (encoding !== undefined && understands(encoding) && encoding !== 'identity') {
        throw new RequestError('UNSUPPORTED_MEDIA_TYPE', 'a forwarded message is not compressed; send it as it is');
      }
      const { model, version } = readHead((request.body as Buffer | undefined) ?? NOTHING);
      return send(reply, await inference.infer(fastifyCall(request, reply, { model, version }), oipGrpc));
    },
  });
  for (const [question, answer] of Object.entries(questionsOf(context)) as [Question, () => object][]) {
    route(fastify, pathOf(question), {
      GET: async (request, reply) => send(reply, await inference.ask(fastifyCall(request, reply, {}), answer)),
    });
  }
};

const NOTHING = Buffer.alloc(0);
