/** The REST API of TensorFlow Serving: predict, classify, regress, status and metadata. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { VERSION_HEADER } from '../answer.ts';
import { RequestError } from '../errors.ts';
import type { Call } from '../inference.ts';
import type { Codec } from '../protocol/codec.ts';
import { tensorflowPredict } from '../protocol/tensorflow.ts';
import { tensorflowClassify, tensorflowRegress } from '../protocol/tensorflow-examples.ts';
import { signatureMetadata, versionStatus } from '../protocol/tensorflow-metadata.ts';
import { labelsOf, numberOf, versionLabelled, versionNamed } from '../protocol/tensorflow-names.ts';
import { FORWARDED_HEADER } from '../traffic/headers.ts';
import { fastifyCall, type ProtocolContext, type RegisterProtocol } from './protocol.ts';
import { route, send } from './route.ts';

const VERBS = new Map<string, Codec>([
  ['predict', tensorflowPredict],
  ['classify', tensorflowClassify],
  ['regress', tensorflowRegress],
]);

/** The last part of a path may end in a verb, as in `digits:predict`; the router takes it whole. */
const PATHS = ['/v1/models/:model', '/v1/models/:model/versions/:version', '/v1/models/:model/labels/:label'];

interface Params {
  model: string;
  version?: string;
  label?: string;
}

export const registerTensorflow: RegisterProtocol = ({ fastify }, context) => {
  const { own, inference, split } = context;
  const ask = async (request: FastifyRequest, reply: FastifyReply, params: Params, answer: () => object) =>
    send(reply, await inference.ask(tensorflowCall(request, reply, params, context), answer));
  for (const path of PATHS) {
    route(fastify, path, {
      GET: async (request, reply) => {
        const { params, verb } = splitVerb(request.params as Params);
        if (verb !== undefined) throw notAllowed(request, 'POST');
        const one = params.version !== undefined || params.label !== undefined;
        return ask(request, reply, params, () => ({
          model_version_status: one ? [ownStatus(context)] : statuses(context),
        }));
      },
      POST: async (request, reply) => {
        const { params, verb } = splitVerb(request.params as Params);
        if (verb === undefined) throw notAllowed(request, 'GET, HEAD');
        const codec = VERBS.get(verb) as Codec;
        return send(reply, await inference.infer(tensorflowCall(request, reply, params, context), codec));
      },
    });
    route(fastify, `${path}/metadata`, {
      GET: async (request, reply) =>
        ask(request, reply, request.params as Params, () => {
          own.metadata();
          const version = numberOf(own.version, split.versions());
          return signatureMetadata(own.model, version, own.signature ?? { inputs: [], outputs: [] });
        }),
    });
  }
};

function splitVerb(params: Params): { params: Params; verb: string | undefined } {
  const last = params.label === undefined ? (params.version === undefined ? 'model' : 'version') : 'label';
  const text = params[last] as string;
  const at = text.lastIndexOf(':');
  const verb = at < 0 ? undefined : text.slice(at + 1);
  if (verb === undefined || !VERBS.has(verb)) return { params, verb: undefined };
  return { params: { ...params, [last]: text.slice(0, at) }, verb };
}

function notAllowed(request: FastifyRequest, allow: string): RequestError {
  const message = `${request.url.slice(0, 200)} takes ${allow}; a verb is one of :${[...VERBS.keys()].join(', :')}`;
  return new RequestError('METHOD_NOT_ALLOWED', message, { allow });
}

/**
 * The call, with the version by its own name. What another process forwarded says its version in a header, which the
 * sender resolved; the path may hold a label that means something else here.
 */
function tensorflowCall(
  request: FastifyRequest,
  reply: FastifyReply,
  { model, version, label }: Params,
  { own, inference, split }: ProtocolContext,
): Call {
  const { headers } = request;
  const forwarded = headers[FORWARDED_HEADER] !== undefined && headers[VERSION_HEADER] !== undefined;
  if (model !== own.model || (inference.kind === 'direct' && forwarded)) return fastifyCall(request, reply, { model });
  if (label !== undefined) {
    return fastifyCall(request, reply, {
      model,
      version: versionLabelled(label, labelsOf(split.table(), own.version)),
    });
  }
  return fastifyCall(request, reply, { model, version: version && versionNamed(version, split.versions()) });
}

function ownStatus({ own, split }: ProtocolContext): object {
  const { state, ready } = own;
  return versionStatus(numberOf(own.version, split.versions()), { state, ready, failure: own.failure ?? own.refusal });
}

/** Every version: of others this process knows only whether the traffic table has an address for them. */
function statuses(context: ProtocolContext): object[] {
  const { own, split } = context;
  const versions = split.versions();
  const table = split.table();
  return versions.map((name) => {
    if (name === own.version) return ownStatus(context);
    const ready = table?.versions.some((version) => version.name === name && version.address) ?? false;
    return versionStatus(numberOf(name, versions), { state: 'Pending', ready, failure: undefined });
  });
}
