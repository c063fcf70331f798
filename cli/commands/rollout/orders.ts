/** `modelship rollout approve|pause|resume|promote|abort|retry NAME`. */
import type { Command } from 'commander';
import type { RolloutCommandName } from '../../../api/rollout-command.ts';
import type { Context } from '../../context.ts';
import { teach } from '../../help.ts';
import { give } from '../../rollout/give.ts';
import { outputOption, type PlaceFlags, placeOptions } from '../../rollout/place.ts';
import { withHand } from '../../rollout/with-hand.ts';
import { stepText } from '../../rollout/words.ts';
import { spanValue } from '../values.ts';
import { PLACE_EXITS, showView } from './status.ts';

interface Flags extends PlaceFlags {
  timeout: number;
  wait: boolean;
}

interface Order {
  command: RolloutCommandName;
  summary: string;
  does: string;
  more: string;
}

const ORDERS: readonly Order[] = [
  {
    command: 'approve',
    summary: 'let the step go on that waits for an approval',
    does: 'Approves the step that a rollout waits at (`approval: required`).',
    more: 'It counts for this step of this rollout alone. Checks that fail take it back all the same.',
  },
  {
    command: 'pause',
    summary: 'stay at the shares in force',
    does: 'Makes a rollout stay at the shares that are in force.',
    more: 'A check that fails still takes it back.',
  },
  {
    command: 'resume',
    summary: 'go on after a pause',
    does: 'Lets a paused rollout go on; the analysis of the step starts anew.',
    more: 'It is the answer to a pause that was asked for and to one that came by itself: inconclusive, or a failed check with `onFailure: Pause`.',
  },
  {
    command: 'promote',
    summary: 'skip the rest of the steps',
    does: 'Skips the rest of the steps: all that was asked for, as soon as it is ready.',
    more: 'Holds, approvals and checks that are left are skipped. Versions that are not ready get no traffic by it.',
  },
  {
    command: 'abort',
    summary: 'back to the split before, at once',
    does: 'Takes a rollout back to the split that it came from, at once.',
    more: 'The spec is left as it is, and the same one is not tried again until you `retry`, change or revert it.',
  },
  {
    command: 'retry',
    summary: 'start a rollout again that was taken back',
    does: 'Starts a rollout again that was rolled back or aborted, from its first step.',
    more: 'An edit of what is rolled out (models, shares, serving, checks) starts one by itself.',
  },
];

export function addOrders(rollout: Command, context: Context): void {
  for (const order of ORDERS) addOrder(rollout, order, context);
}

function addOrder(rollout: Command, order: Order, context: Context): void {
  const command = rollout
    .command(order.command)
    .summary(order.summary)
    .description(order.does)
    .argument('<name>', 'name of the ModelDeployment')
    .option('--timeout <time>', 'how long to wait until it is honoured', spanValue, 30_000)
    .option('--no-wait', 'write it and do not wait')
    .action((name: string, flags: Flags) => carryOut(order.command, name, flags, context));
  command.options.find(({ long }) => long === '--timeout')?.default(30_000, '30s');
  outputOption(placeOptions(command));
  teach(command, {
    more: [
      order.more,
      'It names the rollout and its step as they are now: should they be others when it arrives, it does nothing.',
    ],
    examples: [
      { does: 'in a cluster', command: `modelship rollout ${order.command} digits --namespace models` },
      { does: 'on a laptop', command: `modelship rollout ${order.command} digits --state-dir .modelship` },
    ],
    exits: {
      ...PLACE_EXITS,
      0: 'honoured; with --no-wait: written',
      1: `it makes no sense now, or was not honoured in time; ${PLACE_EXITS[1]}`,
    },
  });
}

async function carryOut(command: RolloutCommandName, name: string, flags: Flags, context: Context): Promise<void> {
  await withHand(name, flags, async (hand) => {
    const { text, view } = await give(hand, command, { timeoutMs: flags.wait ? flags.timeout : 0 });
    if (!flags.wait) {
      const { rollout } = view;
      const at = rollout ? ` for the rollout ${rollout.id}, ${stepText(rollout)}` : '';
      if (flags.output === 'json') context.out.write(`${JSON.stringify({ written: text })}\n`);
      else context.out.write(`${command} is written${at}\n`);
      return;
    }
    showView(view, hand, flags, context);
  });
}
