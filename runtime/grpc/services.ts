/** All that a gRPC door answers: paths → methods. */
import type { Clock } from '../clock.ts';
import { RequestError } from '../errors.ts';
import type { Recorder } from '../recorder.ts';
import type { ProtocolContext } from '../routes/protocol.ts';
import type { GrpcCall } from './call.ts';
import type { GrpcHandler } from './door.ts';
import { healthMethods } from './health.ts';
import { inferenceMethods } from './inference-service.ts';
import { reflectionMethods } from './reflection.ts';

export interface GrpcContext extends ProtocolContext {
  clock: Clock;
  recorder: Pick<Recorder, 'refused'>;
}

export type Method = (call: GrpcCall) => void;
/** By path. */
export type Methods = Readonly<Record<string, Method>>;

export function grpcHandler(context: GrpcContext): GrpcHandler {
  const methods = new Map<string, Method>(
    Object.entries({ ...inferenceMethods(context), ...healthMethods(context), ...reflectionMethods() }),
  );
  return (call, path) => {
    const method = methods.get(path);
    if (!method) throw new RequestError('ROUTE_NOT_FOUND', `there is no method ${path.slice(0, 200)}`);
    method(call);
  };
}
