/** How a request came: what its server span is named after. Few values, whatever the URLs. Pure. */
import type { Call } from '../inference.ts';

export interface Came {
  protocol: 'rest' | 'grpc' | 'graphql' | 'tensorflow' | 'sagemaker' | 'vertex' | undefined;
  /** Of HTTP, as the router has it. */
  route: string | undefined;
  /** Of gRPC, in place of a route. */
  rpc: string | undefined;
}

const GRPC_SERVICE = 'inference.GRPCInferenceService';
const OIP = /^\/v2\/models\/[^/]+(\/versions\/[^/]+)?\/infer\/?$/;
const TENSORFLOW = /^\/v1\/models\/[^/]+?(?:\/(versions|labels)\/[^/]+?)?:(predict|classify|regress)\/?$/;

/** @param predict path of AIP_PREDICT_ROUTE, where there is one */
export function howItCame({ url, via }: Pick<Call, 'url' | 'via'>, predict: string | undefined): Came {
  if (via === 'graphql') return http('graphql', '/graphql');
  if (via !== undefined) {
    const method = via === 'grpc' ? 'ModelInfer' : 'ModelStreamInfer';
    return { protocol: 'grpc', route: undefined, rpc: `${GRPC_SERVICE}/${method}` };
  }
  const query = url.indexOf('?');
  const path = query < 0 ? url : url.slice(0, query);
  const oip = OIP.exec(path);
  if (oip) return http('rest', oip[1] ? '/v2/models/:model/versions/:version/infer' : '/v2/models/:model/infer');
  if (path === `/${GRPC_SERVICE}/ModelInfer`) return http('grpc', path);
  if (/^\/invocations\/?$/.test(path)) return http('sagemaker', '/invocations');
  if (path.startsWith('/v1/endpoints/')) {
    return http('vertex', '/v1/endpoints/:endpoint/deployedModels/:deployed');
  }
  const [verbed, by, verb] = TENSORFLOW.exec(path) ?? [];
  if (verbed !== undefined) {
    const named = by === undefined ? '' : by === 'versions' ? '/versions/:version' : '/labels/:label';
    return http('tensorflow', `/v1/models/:model${named}:${verb}`);
  }
  return predict !== undefined && path === predict ? http('vertex', predict) : http(undefined, undefined);
}

function http(protocol: Came['protocol'], route: string | undefined): Came {
  return { protocol, route, rpc: undefined };
}
