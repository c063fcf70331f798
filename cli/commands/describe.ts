/** `modelship describe NAME`: one ModelDeployment, all that stands behind it, and what happened last. */
import type { Command } from 'commander';
import { eventLines } from '../cluster/event-lines.ts';
import { type EventRow, readEvents } from '../cluster/events.ts';
import { gather, readable, type Unreadable } from '../cluster/gather.ts';
import { headerLines } from '../cluster/header.ts';
import { findModelDeployment } from '../cluster/listing.ts';
import type { TreeNode } from '../cluster/node.ts';
import type { ModelDeploymentObject } from '../cluster/objects.ts';
import { CLUSTER_EXITS, type Cluster, type ClusterFlags, clusterOptions, onCluster } from '../cluster/options.ts';
import { treeOf } from '../cluster/tree.ts';
import { treeLines } from '../cluster/tree-text.ts';
import type { Context } from '../context.ts';
import { teach } from '../help.ts';
import { json, type Output } from '../output.ts';

/** Events that are told; `modelship events` has the rest. */
const EVENTS_SHOWN = 10;

export function addDescribe(program: Command, context: Context): void {
  const command = program
    .command('describe')
    .summary('show one ModelDeployment and all that stands behind it')
    .description('Shows one ModelDeployment of a cluster, all that stands behind it as a tree, and its last events.')
    .argument('<name>', 'name of the ModelDeployment')
    .action((name: string, flags: ClusterFlags) =>
      onCluster(flags, (cluster) => describe(cluster, name, flags, context)),
    );
  clusterOptions(command, { everywhere: false });
  teach(command, {
    more: [
      'In the tree ✓ is what is well, … what is waited for, ✗ what fails, with its own words below it, and · what is only there.',
      'With --output json it prints one document with the keys modelDeployment, tree and events. Each node of the tree has ' +
        'kind, name, health (ok, waiting, failing, none), words, notes and children.',
    ],
    examples: [
      { does: 'why is it not ready?', command: 'modelship describe digits --namespace models' },
      {
        does: 'what fails, for a program',
        command: `modelship describe digits -o json | jq '.tree | .. | objects | select(.health == "failing")'`,
      },
    ],
    exits: CLUSTER_EXITS,
  });
}

async function describe(
  { client, namespace, now }: Cluster,
  name: string,
  { output }: ClusterFlags,
  { out, err, invoked }: Context,
): Promise<void> {
  const md = await findModelDeployment(client, namespace, name);
  const unreadable: Unreadable[] = [];
  const [family, events] = await Promise.all([
    gather(client, md, unreadable),
    readable(readEvents(client, [md], { namespace, most: EVENTS_SHOWN }), 'Event', unreadable),
  ]);
  const tree = treeOf(family, now);
  if (output === 'json') out.write(json({ modelDeployment: md, tree, events }));
  else out.write(`${descriptionLines({ md, tree, events }, now, out).join('\n')}\n`);
  if (output !== 'json' && events.length === EVENTS_SHOWN) {
    err.write(
      `these are the last ${EVENTS_SHOWN} events; \`${invoked} events ${name} --namespace ${namespace}\` has more\n`,
    );
  }
}

interface Description {
  md: ModelDeploymentObject;
  tree: TreeNode;
  events: readonly EventRow[];
}

/** @param now ms since 1970 */
export function descriptionLines(
  { md, tree, events }: Description,
  now: number,
  { width, paint }: Pick<Output, 'width' | 'paint'>,
): string[] {
  const screen = { width, paint };
  const told =
    events.length > 0 ? eventLines(events, { ...screen, now }) : [paint('dim', 'no events of the last time')];
  return [...headerLines(md, now, screen), '', ...treeLines(tree, screen), '', ...told];
}
