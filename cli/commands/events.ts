/** `modelship events [NAME]`: what happened to ModelDeployments and to all that stands behind them. */
import type { Command } from 'commander';
import { eventLines } from '../cluster/event-lines.ts';
import { MOST_EVENTS, readEvents } from '../cluster/events.ts';
import { findModelDeployment, listModelDeployments } from '../cluster/listing.ts';
import { CLUSTER_EXITS, type Cluster, type ClusterFlags, clusterOptions, onCluster } from '../cluster/options.ts';
import type { Context } from '../context.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';

interface Flags extends ClusterFlags {
  warnings?: boolean;
}

export function addEvents(program: Command, context: Context): void {
  const command = program
    .command('events')
    .summary('list what happened to ModelDeployments and all behind them')
    .description(
      'Lists the events about ModelDeployments of a cluster and about all that stands behind them, the newest last.',
    )
    .argument('[name]', 'only of this one')
    .option('--warnings', 'only warnings')
    .action((name: string | undefined, flags: Flags) =>
      onCluster(flags, (cluster) => events(cluster, name, flags, context)),
    );
  clusterOptions(command, { everywhere: true });
  teach(command, {
    more: [
      `Events of Deployments, pods, autoscalers and the like are among them, also of pods that are gone. A cluster forgets ` +
        `events after an hour or so; of what it has, the newest ${MOST_EVENTS.toLocaleString('en')} are shown.`,
    ],
    examples: [
      { does: 'what happened to one', command: 'modelship events digits' },
      { does: 'all that went wrong lately', command: 'modelship events --all-namespaces --warnings' },
    ],
    exits: CLUSTER_EXITS,
  });
}

async function events(
  { client, namespace, now }: Cluster,
  name: string | undefined,
  { output, warnings = false, allNamespaces = false }: Flags,
  { out, err }: Context,
): Promise<void> {
  const where = allNamespaces ? undefined : namespace;
  const all =
    name !== undefined && !allNamespaces
      ? [await findModelDeployment(client, namespace, name)]
      : await listModelDeployments(client, where, name);
  const found = await readEvents(client, all, { namespace: where, warningsOnly: warnings });
  if (output === 'json') {
    out.write(json({ events: found }));
  } else if (found.length === 0) {
    const about = name ?? `ModelDeployments in ${where ? `the namespace ${where}` : 'any namespace'}`;
    err.write(`no ${warnings ? 'warnings' : 'events'} about ${about}\n`);
  } else {
    const lines = eventLines(found, { now, namespaces: allNamespaces, width: out.width, paint: out.paint });
    out.write(`${lines.join('\n')}\n`);
    if (found.length === MOST_EVENTS)
      err.write(`these are the newest ${MOST_EVENTS}; a name or --warnings shows fewer\n`);
  }
}
