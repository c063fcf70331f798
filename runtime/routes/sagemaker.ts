/** The container contract of SageMaker: /ping, /invocations and, for batch transform, /execution-parameters. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RuntimeServing } from '../../api/launch.ts';
import { VERSION_HEADER } from '../answer.ts';
import type { Call } from '../inference.ts';
import { sagemakerInvocation, targetOf } from '../protocol/sagemaker.ts';
import { labelsOf, versionNamed } from '../protocol/tensorflow-names.ts';
import { FORWARDED_HEADER } from '../traffic/headers.ts';
import { fastifyCall, type ProtocolContext, type RegisterProtocol } from './protocol.ts';
import { route, send } from './route.ts';

export const registerSagemaker: RegisterProtocol = ({ fastify }, context) => {
  const { own, inference, serving } = context;
  route(fastify, '/ping', {
    GET: async (_request, reply) => {
      own.requireReady();
      return reply.send('');
    },
  });
  const parameters = executionParameters(serving.limits);
  route(fastify, '/execution-parameters', { GET: async () => parameters });
  route(fastify, '/invocations', {
    POST: async (request, reply) =>
      send(reply, await inference.infer(sagemakerCall(request, reply, context), sagemakerInvocation)),
  });
};

const MIB = 2 ** 20;
/** What batch transform lets a job have in flight, by its own rule: payload times transforms. */
const MOST_IN_FLIGHT_MB = 100;

/**
 * How batch transform may send: as much at once as it lets be in flight.
 * @see https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
 */
export function executionParameters({ bodyBytes, queue }: RuntimeServing['limits']): object {
  // 0 would mean: no limit.
  const payload = Math.min(MOST_IN_FLIGHT_MB, Math.max(1, Math.floor(bodyBytes / MIB)));
  return {
    MaxConcurrentTransforms: Math.max(1, Math.min(queue, Math.floor(MOST_IN_FLIGHT_MB / payload))),
    BatchStrategy: 'MULTI_RECORD',
    MaxPayloadInMB: payload,
  };
}

/**
 * The call, with the version that the target variant means. Without a traffic table there is no choice here: SageMaker
 * has made it, and its variants have names of their own. What was forwarded says its version in a header of ours.
 */
function sagemakerCall(request: FastifyRequest, reply: FastifyReply, { own, inference, split }: ProtocolContext): Call {
  const { headers } = request;
  const { variant, model } = targetOf(headers);
  const table = split.table();
  const forwarded = headers[FORWARDED_HEADER] !== undefined && headers[VERSION_HEADER] !== undefined;
  if (variant === undefined || table === undefined || (inference.kind === 'direct' && forwarded)) {
    return fastifyCall(request, reply, { model });
  }
  const version = versionNamed(variant, split.versions());
  const labelled = split.versions().includes(version) ? undefined : labelsOf(table, own.version).get(variant);
  return fastifyCall(request, reply, { model, version: labelled ?? version });
}
