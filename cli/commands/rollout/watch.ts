/** `modelship rollout watch NAME`: looks at a rollout until it ends. */
import { type Command, Option } from 'commander';
import type { Context } from '../../context.ts';
import { teach } from '../../help.ts';
import type { Hand } from '../../rollout/hand.ts';
import { realPace } from '../../rollout/pace.ts';
import { type PlaceFlags, placeOptions } from '../../rollout/place.ts';
import { jsonWatch, LiveWatch, plainWatch } from '../../rollout/reporters.ts';
import { type WatchReporter, watchRollout } from '../../rollout/watch.ts';
import { withHand } from '../../rollout/with-hand.ts';
import { spanValue } from '../values.ts';

interface Flags extends Omit<PlaceFlags, 'output'> {
  timeout?: number;
  untilPause?: boolean;
  output?: (typeof OUTPUTS)[number];
}

const OUTPUTS = ['table', 'plain', 'json'] as const;

export function addWatch(rollout: Command, context: Context): void {
  const command = rollout
    .command('watch')
    .summary('look at a rollout until it ends')
    .description(
      'Looks at a rollout until it ends: a live picture at a terminal, else a line for each change. The exit code says how it ended.',
    )
    .argument('<name>', 'name of the ModelDeployment')
    .option('--timeout <time>', 'look no longer than that, such as 30m (default: until it ends)', spanValue)
    .option('--until-pause', 'end also where it waits for a person')
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await withHand(name, { ...flags, output: 'table' }, (hand) => {
        const { timeout: timeoutMs, untilPause = false } = flags;
        return watchRollout(hand, { timeoutMs, untilPause }, reporterFor(flags.output, hand, context));
      });
    });
  placeOptions(command).addOption(
    new Option('-o, --output <format>', 'how to print (default: table at a terminal, else plain)').choices(OUTPUTS),
  );
  teach(command, {
    more: [
      'Right after a new manifest was applied it waits for the operator to look at it, so that the rollout before does not ' +
        'answer for the new one. A cluster that cannot be reached for a while is asked again. Ctrl-C stops looking; the ' +
        'rollout goes on.',
      'With --output json each line is an object: time, name, rollout (as in the status), versions, waiting.',
    ],
    examples: [
      { does: 'at a terminal', command: 'modelship rollout watch digits' },
      {
        does: 'in a pipeline: fail when it is taken back, or not over in half an hour',
        command: 'kubectl apply -f digits.yaml && modelship rollout watch digits --timeout 30m',
      },
    ],
    exits: {
      0: 'completed',
      1: 'there is no such ModelDeployment or no rollout to look at, or the cluster or the run says no',
      2: 'the command line, the kubeconfig or the state folder cannot be used',
      5: 'rolled back or aborted',
      6: 'not over: --timeout ran out, the run ended, or with --until-pause it waits for a person',
    },
  });
}

function reporterFor(output: Flags['output'], { where }: Hand, { out, invoked }: Context): WatchReporter {
  switch (output ?? (out.live ? 'table' : 'plain')) {
    case 'json':
      return jsonWatch(out, realPace);
    case 'table':
      return out.live ? new LiveWatch(out, process.stdout, realPace, { invoked, where }) : plainWatch(out, realPace);
    default:
      return plainWatch(out, realPace);
  }
}
