/** Kinds of objects that the commands read beside those that the operator does. */
import type { Resource } from '../../operator/kube/object.ts';

const namespaced = (apiVersion: string, kind: string, plural: string): Resource => ({
  apiVersion,
  kind,
  plural,
  namespaced: true,
});

export const REPLICA_SETS = namespaced('apps/v1', 'ReplicaSet', 'replicasets');
export const ENDPOINT_SLICES = namespaced('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');
export const HTTP_ROUTES = namespaced('gateway.networking.k8s.io/v1', 'HTTPRoute', 'httproutes');
export const GRPC_ROUTES = namespaced('gateway.networking.k8s.io/v1', 'GRPCRoute', 'grpcroutes');
/** Of the core API: Kubernetes' own roles view and edit let their users read them there, not in events.k8s.io. */
export const EVENTS = namespaced('v1', 'Event', 'events');
