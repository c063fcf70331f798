/** The ports of a runtime pod. Entry ports pick a version, direct ports answer as their own, the admin port is for us. */
import type { Serving } from '../../api/serving.ts';

interface Port {
  /** At most 15 characters. Starts with the protocol, as service meshes read it. */
  name: string;
  port: number;
  appProtocol: string;
}

export const ENTRY_HTTP = { name: 'http', port: 8080, appProtocol: 'http' } as const satisfies Port;
export const ENTRY_GRPC = { name: 'grpc', port: 8081, appProtocol: 'kubernetes.io/h2c' } as const satisfies Port;
export const DIRECT_HTTP = { name: 'http-direct', port: 8082, appProtocol: 'http' } as const satisfies Port;
export const DIRECT_GRPC = {
  name: 'grpc-direct',
  port: 8083,
  appProtocol: 'kubernetes.io/h2c',
} as const satisfies Port;
export const ADMIN = { name: 'http-admin', port: 9090, appProtocol: 'http' } as const satisfies Port;

export function speaksGrpc(serving: Serving): boolean {
  return serving.protocols === undefined || serving.protocols.includes('grpc');
}

export function entryPorts(grpc: boolean): Port[] {
  return grpc ? [ENTRY_HTTP, ENTRY_GRPC] : [ENTRY_HTTP];
}

export function directPorts(grpc: boolean): Port[] {
  return grpc ? [DIRECT_HTTP, DIRECT_GRPC] : [DIRECT_HTTP];
}

/** `protocol` is named although TCP is the default: it is part of the key by which server-side apply merges ports. */
export function containerPorts(grpc: boolean): object[] {
  return [...entryPorts(grpc), ...directPorts(grpc), ADMIN].map(({ name, port }) => ({
    name,
    containerPort: port,
    protocol: 'TCP',
  }));
}

/** Service ports that lead to the container's ports of the same name and number. */
export function servicePorts(ports: readonly Port[]): object[] {
  return ports.map(({ name, port, appProtocol }) => ({ name, port, targetPort: name, protocol: 'TCP', appProtocol }));
}
