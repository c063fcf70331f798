/** `modelship get [NAME]`: the ModelDeployments of a cluster, one a line. */
import type { Command } from 'commander';
import { listLines } from '../cluster/list-table.ts';
import { findModelDeployment, listModelDeployments } from '../cluster/listing.ts';
import { byName, type ModelDeploymentObject } from '../cluster/objects.ts';
import { CLUSTER_EXITS, type Cluster, type ClusterFlags, clusterOptions, onCluster } from '../cluster/options.ts';
import type { Context } from '../context.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';

export function addGet(program: Command, context: Context): void {
  const command = program
    .command('get')
    .summary('list the ModelDeployments of a cluster')
    .description(
      'Lists the ModelDeployments of a cluster: the split in force, what is ready, and what to look at next.',
    )
    .argument('[name]', 'only this one')
    .action((name: string | undefined, flags: ClusterFlags) =>
      onCluster(flags, (cluster) => get(cluster, name, flags, context)),
    );
  clusterOptions(command, { everywhere: true });
  teach(command, {
    more: [
      'VERSIONS tells for each version how many replicas are ready and how many are wanted. READY is marked "old" while ' +
        'the operator has not looked at the newest spec.',
      'With --output json it prints what is stored: the object itself where a name is given, else a List.',
    ],
    examples: [
      { does: 'those of the namespace at hand', command: 'modelship get' },
      { does: 'all of the cluster', command: 'modelship get --all-namespaces' },
      {
        does: 'wait in a script until one is ready',
        command: 'kubectl wait --for=condition=Ready modeldeployment/digits --timeout=10m',
      },
    ],
    exits: CLUSTER_EXITS,
  });
}

async function get(
  { client, namespace, now }: Cluster,
  name: string | undefined,
  { output, allNamespaces = false }: ClusterFlags,
  { out, err }: Context,
): Promise<void> {
  const one = name !== undefined && !allNamespaces;
  const all = one
    ? [await findModelDeployment(client, namespace, name)]
    : await listModelDeployments(client, allNamespaces ? undefined : namespace, name);
  all.sort(byName);
  if (output === 'json') {
    out.write(json(one ? all[0] : listOf(all)));
  } else if (all.length === 0) {
    err.write(
      `no ModelDeployment${name ? ` ${name}` : ''} in ${allNamespaces ? 'any namespace' : `the namespace ${namespace}`}\n`,
    );
  } else {
    const lines = listLines(all, { now, namespaces: allNamespaces, width: out.width, paint: out.paint });
    out.write(`${lines.join('\n')}\n`);
  }
}

const listOf = (items: readonly ModelDeploymentObject[]) => ({ apiVersion: 'v1', kind: 'List', items });
