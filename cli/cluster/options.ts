/** What all commands on a cluster are told, and how they get at it. */
import { type Command, Option } from 'commander';
import type { KubeClient } from '../../operator/kube/client.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { Lesson } from '../help.ts';
import { clusterError } from './errors.ts';

export interface ClusterFlags {
  kubeconfig?: string;
  context?: string;
  namespace?: string;
  allNamespaces?: boolean;
  output: 'table' | 'json';
}

export interface Cluster {
  client: KubeClient;
  /** What the flag says, or else the context. */
  namespace: string;
  /** Ms since 1970. */
  now: number;
}

/** @param everywhere whether the command can look at all namespaces */
export function clusterOptions(command: Command, { everywhere }: { everywhere: boolean }): Command {
  const all = new Option('-A, --all-namespaces', 'look at all namespaces').conflicts('namespace');
  command
    .option('-n, --namespace <name>', 'namespace to look at (default: what the context says)')
    .option('--kubeconfig <file>', 'how to reach the cluster (default: as kubectl finds it)')
    .option('--context <name>', 'context of the kubeconfig (default: its current one)');
  if (everywhere) command.addOption(all);
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'),
  );
}

export const CLUSTER_EXITS: Lesson['exits'] = {
  0: 'printed',
  1: 'there is no such ModelDeployment, or the cluster cannot be reached or says no',
  2: 'the command line or the kubeconfig cannot be used',
};

/** Connects, acts, and lets go. @throws CliError in place of what the API server refused */
export async function onCluster<T>(flags: ClusterFlags, act: (cluster: Cluster) => Promise<T>): Promise<T> {
  // Loaded late: the other commands must not pay for it.
  const [{ connect, ConnectError }, { KubeError }] = await Promise.all([
    import('../../operator/kube/connect.ts'),
    import('../../operator/kube/error.ts'),
  ]);
  const { kubeconfig, context } = flags;
  const connection = await connect({ kubeconfig, context, userAgent: 'modelship-cli' }).catch((error: unknown) => {
    throw error instanceof ConnectError ? new CliError(error.message, EXIT.usage, 'KubeconfigUnusable') : error;
  });
  try {
    const namespace = flags.namespace ?? connection.namespace;
    return await act({ client: connection.client, namespace, now: Date.now() });
  } catch (error) {
    throw error instanceof KubeError ? clusterError(error, connection.server) : error;
  } finally {
    await connection.close();
  }
}
