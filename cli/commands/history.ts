/** `modelship history NAME`: the changes of the split that were accepted, and the spec of each. */
import type { Command } from 'commander';
import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import { asYaml } from '../../operator/render/text.ts';
import { findModelDeployment } from '../cluster/listing.ts';
import { CLUSTER_EXITS, type Cluster, type ClusterFlags, clusterOptions, onCluster } from '../cluster/options.ts';
import { type Revision, readRevisions, revisionLines } from '../cluster/revisions.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';
import { atLeast } from './values.ts';

interface Flags extends ClusterFlags {
  revision?: number;
}

export function addHistory(program: Command, context: Context): void {
  const command = program
    .command('history')
    .summary('list the accepted changes of a ModelDeployment')
    .description(
      'Lists the accepted changes of a ModelDeployment in a cluster, the newest first, and what each changed.',
    )
    .argument('<name>', 'name of the ModelDeployment')
    .option('--revision <n>', 'print the manifest of this revision', atLeast(0))
    .action((name: string, flags: Flags) => onCluster(flags, (cluster) => history(cluster, name, flags, context)));
  clusterOptions(command, { everywhere: false });
  teach(command, {
    more: [
      'The spec is yours alone: nothing here changes it. To go back, print a revision, put it where your manifest lives ' +
        'in Git, and apply it as any other change. A revision holds the spec alone, without labels and annotations.',
    ],
    examples: [
      { does: 'what changed when', command: 'modelship history digits' },
      { does: 'an earlier spec, to put back', command: 'modelship history digits --revision 3 > digits.yaml' },
    ],
    exits: { ...CLUSTER_EXITS, 1: `${CLUSTER_EXITS[1]}; there is no such revision` },
  });
}

async function history(
  { client, namespace, now }: Cluster,
  name: string,
  { output, revision }: Flags,
  { out, err }: Context,
): Promise<void> {
  const revisions = await readRevisions(client, await findModelDeployment(client, namespace, name));
  if (revision !== undefined) {
    const found = revisions.find((each) => each.revision === revision);
    if (!found) throw missing(name, revision, revisions);
    const manifest = { apiVersion: API_VERSION, kind: KIND, metadata: { name, namespace }, spec: found.spec };
    const head = `# Revision ${revision} of ${name}, accepted at ${found.acceptedAt}\n`;
    out.write(output === 'json' ? json(manifest) : head + asYaml([manifest]));
  } else if (output === 'json') {
    out.write(json({ name, namespace, revisions }));
  } else if (revisions.length === 0) {
    err.write(`no change of ${name} was accepted yet; \`kubectl describe modeldeployment ${name}\` may tell why\n`);
  } else {
    out.write(`${revisionLines(revisions, { now, width: out.width, paint: out.paint }).join('\n')}\n`);
  }
}

function missing(name: string, revision: number, revisions: readonly Revision[]): CliError {
  const kept = revisions.map((each) => each.revision);
  const hint = kept.length > 0 ? `those that are kept are ${kept.join(', ')}` : 'none is kept';
  return new CliError(`${name} has no revision ${revision}: ${hint}`, EXIT.failed, 'RevisionMissing');
}
