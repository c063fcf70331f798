/** Who may connect to the pods of a model. Rendered when the installation switches it on. */
import { metadata, type NetworkPolicyOptions, type Subject } from './input.ts';
import { selector } from './labels.ts';
import type { KubeObject } from './objects.ts';
import { ADMIN, DIRECT_GRPC, DIRECT_HTTP, ENTRY_GRPC, ENTRY_HTTP } from './ports.ts';

/**
 * Entry ports for clients, direct ports for the model's own pods (and a gateway, where one splits), the admin port for
 * the operator and Prometheus; the kubelet's probes are let in by the network itself. What pods connect to is left open.
 */
export function networkPolicy(subject: Subject, options: NetworkPolicyOptions, gateway: boolean): KubeObject {
  const podSelector = { matchLabels: selector(subject.model) };
  const gateways = options.gateways && [{ podSelector }, ...options.gateways];
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadata(subject, subject.model),
    spec: {
      podSelector,
      policyTypes: ['Ingress'],
      ingress: [
        { ports: tcp(ENTRY_HTTP.port, ENTRY_GRPC.port), from: options.clients },
        { ports: tcp(DIRECT_HTTP.port, DIRECT_GRPC.port), from: gateway ? gateways : [{ podSelector }] },
        { ports: tcp(ADMIN.port), from: options.admins },
      ],
    },
  };
}

function tcp(...ports: number[]): object[] {
  return ports.map((port) => ({ protocol: 'TCP', port }));
}
