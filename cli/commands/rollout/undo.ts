/** `modelship rollout undo NAME` and `modelship rollout history NAME`. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { API_VERSION, KIND } from '../../../api/model-deployment.ts';
import { HISTORY_FILE, readHistory } from '../../../local/history.ts';
import type { Manifest } from '../../../operator/kube/object.ts';
import { asYaml } from '../../../operator/render/text.ts';
import { findModelDeployment } from '../../cluster/listing.ts';
import { onCluster } from '../../cluster/options.ts';
import { type Revision, readRevisions, revisionLines, revisionsOf } from '../../cluster/revisions.ts';
import type { Context } from '../../context.ts';
import { CliError, EXIT } from '../../exit-codes.ts';
import { teach } from '../../help.ts';
import { json } from '../../output.ts';
import { readLaptop } from '../../rollout/laptop-hand.ts';
import { outputOption, type PlaceFlags, placeOptions } from '../../rollout/place.ts';
import { specInto } from '../../rollout/spec-file.ts';
import { applyUndo, planUndo, revisionToTake } from '../../rollout/undo.ts';
import { atLeast } from '../values.ts';
import { PLACE_EXITS } from './status.ts';

interface Flags extends PlaceFlags {
  toRevision?: number;
  print?: boolean;
  write?: string;
}

export function addUndo(rollout: Command, context: Context): void {
  const command = rollout
    .command('undo')
    .summary('go back to the spec before, or print it to be committed')
    .description(
      'Goes back to the spec before the one that is there. Where a GitOps tool would take that back, and on a laptop, it prints the manifest instead.',
    )
    .argument('<name>', 'name of the ModelDeployment')
    .option('--to-revision <n>', 'the revision to go back to, as in `modelship rollout history`', atLeast(0))
    .option('--print', 'print the manifest and change nothing')
    .option('--write <file>', 'put the spec into this file, in place of the one of the same ModelDeployment')
    .action((name: string, flags: Flags) => undo(name, flags, context));
  outputOption(placeOptions(command));
  teach(command, {
    more: [
      'To put the old spec back is a change like any other, and one that Modelship knows: a revert in the middle of a rollout goes back at once.',
      'In a cluster the spec is written in the name of the one who wrote it last, so that their next apply meets no ' +
        'conflict. Argo CD and Flux are known by their field managers, labels and annotations.',
      'On a laptop, --write FILE with the file that `modelship run` watches is what takes it back.',
    ],
    examples: [
      { does: 'back to the spec before', command: 'modelship rollout undo digits' },
      { does: 'to be committed', command: 'modelship rollout undo digits --print > digits.yaml' },
      {
        does: 'on a laptop',
        command: 'modelship rollout undo digits --state-dir .modelship --write modeldeployment.yaml',
      },
    ],
    exits: { ...PLACE_EXITS, 0: 'written, or printed', 1: `there is nothing to go back to; ${PLACE_EXITS[1]}` },
  });
}

export function addRolloutHistory(rollout: Command, context: Context): void {
  const command = rollout
    .command('history')
    .summary('list the accepted changes')
    .description('Lists the accepted changes of a ModelDeployment, the newest first, and what each changed.')
    .argument('<name>', 'name of the ModelDeployment')
    .action(async (name: string, flags: Flags) => {
      const { out, err } = context;
      const revisions = await revisionsFor(name, flags);
      if (flags.output === 'json') out.write(json({ name, revisions }));
      else if (revisions.length === 0) err.write(`no change of ${name} was accepted yet\n`);
      else {
        const lines = revisionLines(revisions, { now: Date.now(), width: out.width, paint: out.paint });
        out.write(`${lines.join('\n')}\n`);
      }
    });
  outputOption(placeOptions(command));
  teach(command, {
    more: ['`modelship history` is the same for a cluster, and prints a revision as a manifest.'],
    examples: [
      { does: 'in a cluster', command: 'modelship rollout history digits' },
      { does: 'on a laptop', command: 'modelship rollout history digits --state-dir .modelship' },
    ],
    exits: PLACE_EXITS,
  });
}

async function revisionsFor(name: string, flags: Flags): Promise<Revision[]> {
  if (flags.stateDir !== undefined) return laptopRevisions(flags.stateDir, name);
  return onCluster(flags, async ({ client, namespace }) =>
    readRevisions(client, await findModelDeployment(client, namespace, name)),
  );
}

/** @throws CliError when the run has no such ModelDeployment */
function laptopRevisions(stateDir: string, name: string): Revision[] {
  const folder = resolve(stateDir);
  readLaptop(folder, name);
  const accepted = readHistory(join(folder, name, HISTORY_FILE));
  return revisionsOf(
    accepted.map(({ revision, acceptedAt, spec }) => ({
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name, uid: '', resourceVersion: '', creationTimestamp: acceptedAt },
      revision,
      data: { spec },
    })),
  );
}

async function undo(name: string, flags: Flags, context: Context): Promise<void> {
  if (flags.stateDir !== undefined) return undoOnLaptop(name, flags.stateDir, flags, context);
  await onCluster(flags, async (cluster) => {
    const { revision, manifest, tool } = await planUndo(cluster, name, flags.toRevision);
    const what = `revision ${revision.revision} of ${name} (${revision.traffic}, accepted at ${revision.acceptedAt})`;
    if (flags.print || flags.write !== undefined || tool !== undefined) {
      if (tool !== undefined && !flags.print) {
        context.err.write(`${tool} manages ${name} and would take a change back: commit this manifest instead\n`);
      }
      hand(manifest, what, flags, context);
      return;
    }
    const { manager } = await applyUndo(cluster, name, revision.spec);
    const said = { revision: revision.revision, manager };
    if (flags.output === 'json') context.out.write(json({ name, undone: said }));
    else context.out.write(`${name} has the spec of ${what} again, written as ${manager}\n`);
  });
}

function undoOnLaptop(name: string, stateDir: string, flags: Flags, context: Context): void {
  const revisions = laptopRevisions(stateDir, name);
  const [now] = revisions;
  if (!now) throw new CliError(`no spec of ${name} was accepted yet`, EXIT.failed, 'NothingToDo');
  const found = revisionToTake(name, revisions, now.spec, flags.toRevision);
  const manifest = { apiVersion: API_VERSION, kind: KIND, metadata: { name }, spec: found.spec };
  hand(
    manifest,
    `revision ${found.revision} of ${name} (${found.traffic}, accepted at ${found.acceptedAt})`,
    flags,
    context,
  );
}

/** Prints the manifest, or puts its spec into a file. */
function hand(manifest: Manifest, what: string, { write, output }: Flags, { out, err }: Context): void {
  if (write !== undefined) {
    writeFileSync(write, specInto(write, manifest));
    err.write(`${write} has the spec of ${what} now\n`);
    return;
  }
  if (output === 'json') out.write(json(manifest));
  else out.write(`# ${what[0]?.toUpperCase()}${what.slice(1)}\n${asYaml([manifest])}`);
}
