/** The traffic table as a ConfigMap, mounted as a folder by all pods of a model. */
import { type TableVersion, TRAFFIC_TABLE_FILE, type TrafficTable } from '../../api/traffic-table.ts';
import { metadata, type PlannedVersion, type Subject } from './input.ts';
import { tableName, versionName } from './names.ts';
import type { KubeObject } from './objects.ts';
import { DIRECT_GRPC, DIRECT_HTTP, speaksGrpc } from './ports.ts';

export function tableConfigMap(subject: Subject, table: TrafficTable, versions: readonly PlannedVersion[]): KubeObject {
  const full = withAddresses(subject.model, table, versions);
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: metadata(subject, tableName(subject.model)),
    data: { [TRAFFIC_TABLE_FILE]: `${JSON.stringify(full)}\n` },
  };
}

/**
 * The table with the address of each reachable version: its headless Service, by the bare name. The pods' search list
 * finds that with its first query; a longer form costs two misses before the hit, and an absolute one would have to
 * know the cluster's domain.
 */
export function withAddresses(model: string, table: TrafficTable, versions: readonly PlannedVersion[]): TrafficTable {
  const planned = new Map(versions.map((version) => [version.name, version]));
  return {
    ...table,
    versions: table.versions.map(({ address: _, ...row }): TableVersion => {
      const version = planned.get(row.name);
      return version?.reachable ? { ...row, address: addressOf(model, version) } : row;
    }),
  };
}

/** Where the direct ports of a version are. */
export function addressOf(model: string, { name, serving }: Pick<PlannedVersion, 'name' | 'serving'>) {
  const grpc = speaksGrpc(serving) ? { grpc: DIRECT_GRPC.port } : {};
  return { host: versionName(model, name), http: DIRECT_HTTP.port, ...grpc };
}
