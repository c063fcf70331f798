/** `modelship rollout status NAME`: where a rollout stands, once. */
import type { Command } from 'commander';
import { CLUSTER_EXITS } from '../../cluster/options.ts';
import type { Context } from '../../context.ts';
import { teach } from '../../help.ts';
import { json } from '../../output.ts';
import type { Hand } from '../../rollout/hand.ts';
import { pictureLines } from '../../rollout/lines.ts';
import { outputOption, type PlaceFlags, placeOptions } from '../../rollout/place.ts';
import type { RolloutView } from '../../rollout/view.ts';
import { withHand } from '../../rollout/with-hand.ts';

export function addStatus(rollout: Command, context: Context): void {
  const command = rollout
    .command('status')
    .summary('show where a rollout stands')
    .description('Shows where a rollout stands: its steps, the shares wanted and seen, each check with its numbers.')
    .argument('<name>', 'name of the ModelDeployment')
    .action((name: string, flags: PlaceFlags) =>
      withHand(name, flags, async (hand) => showView(await hand.read(), hand, flags, context)),
    );
  outputOption(placeOptions(command));
  teach(command, {
    more: ['The last rollout is shown also when it is over. For a script that waits, take `modelship rollout watch`.'],
    examples: [
      { does: 'in a cluster', command: 'modelship rollout status digits' },
      { does: 'the phase alone', command: 'modelship rollout status digits -o json | jq -r .rollout.phase' },
    ],
    exits: PLACE_EXITS,
  });
}

export const PLACE_EXITS = {
  ...CLUSTER_EXITS,
  1: 'there is no such ModelDeployment, or the cluster or the run cannot be reached or says no',
  2: 'the command line, the kubeconfig or the state folder cannot be used',
};

/** One look, as a picture or as a document. */
export function showView(
  view: RolloutView,
  { where }: Hand,
  { output }: Pick<PlaceFlags, 'output'>,
  { out, invoked }: Context,
): void {
  if (output === 'json') out.write(json(view));
  else {
    const options = { now: Date.now(), width: out.width, paint: out.paint, invoked, where };
    const lines = pictureLines(view, options).join('\n').trimEnd();
    out.write(`${lines}\n${view.gone ? `${view.gone}; this is how it was\n` : ''}`);
  }
}
