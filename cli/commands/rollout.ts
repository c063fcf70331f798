/** `modelship rollout …`: looks at the walk of a ModelDeployment from one split to another, and has a say in it. */
import type { Command } from 'commander';
import type { Context } from '../context.ts';
import { teach } from '../help.ts';
import { addOrders } from './rollout/orders.ts';
import { addRecord } from './rollout/record.ts';
import { addStatus } from './rollout/status.ts';
import { addRolloutHistory, addUndo } from './rollout/undo.ts';
import { addWatch } from './rollout/watch.ts';

export function addRollout(program: Command, context: Context): void {
  const rollout = program
    .command('rollout')
    .summary('look at a rollout, and have a say in it')
    .description(
      'Looks at the walk of a ModelDeployment from one split of the traffic to another, and has a say in it.',
    );
  addStatus(rollout, context);
  addWatch(rollout, context);
  addOrders(rollout, context);
  addUndo(rollout, context);
  addRolloutHistory(rollout, context);
  addRecord(rollout, context);
  teach(rollout, {
    more: [
      'In a cluster the rollout is seen in the status and told by the annotation modelship.dev/rollout; the spec is never ' +
        'written, but for an undo. With --state-dir it is one of `modelship run` on this machine.',
    ],
    examples: [
      { does: 'where does it stand?', command: 'modelship rollout status digits' },
      { does: 'look at it until it ends', command: 'modelship rollout watch digits --namespace models' },
      { does: 'on a laptop', command: 'modelship rollout watch digits --state-dir .modelship' },
    ],
    exits: { 0: 'as the commands below say', 2: 'the command line is wrong' },
  });
}
