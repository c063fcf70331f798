/** `modelship diffs NAME`: requests that two versions answered differently, as the processes keep them. */
import type { Command } from 'commander';
import { DIFFS_PATH, diffs } from '../../api/diffs.ts';
import { askAll, assertAnswered, withProcesses } from '../admin/processes.ts';
import type { Context } from '../context.ts';
import { collectDiffs, diffLines, diffTable, nothingKept } from '../diffs/text.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';
import { outputOption, type PlaceFlags, placeOptions } from '../rollout/place.ts';
import { PLACE_EXITS } from './rollout/status.ts';
import { atLeast } from './values.ts';

interface Flags extends PlaceFlags {
  show?: number;
  limit: number;
}

export function addDiffs(program: Command, context: Context): void {
  const command = program
    .command('diffs')
    .summary('show requests that two versions answered differently')
    .description(
      'Shows mirrored requests that a new version answered differently than the stable one, the newest first.',
    )
    .argument('<name>', 'name of the ModelDeployment')
    .option('--show <n>', 'show this one whole, by its number in the table', atLeast(1))
    .option('--limit <n>', 'show at most so many', atLeast(1), 20)
    .action((name: string, flags: Flags) => run(name, flags, context));
  outputOption(placeOptions(command));
  teach(command, {
    more: [
      'None are kept unless `rollout.analysis.compare.keep` says how many each process may keep: they hold what your users ' +
        'sent. They are in the memory of the processes alone and go with them.',
      'In a cluster they are read through the API server, which takes the right to `get` `pods/proxy`.',
    ],
    examples: [
      { does: 'the newest', command: 'modelship diffs digits' },
      { does: 'one of them whole', command: 'modelship diffs digits --show 1' },
      { does: 'their inputs, for a program', command: 'modelship diffs digits -o json | jq ".diffs[].inputs"' },
    ],
    exits: { ...PLACE_EXITS, 0: 'printed, also where none are kept' },
  });
}

async function run(name: string, flags: Flags, { out, err }: Context): Promise<void> {
  const asked = await withProcesses(name, flags, async (list) => {
    const processes = await list();
    return askAll(processes, DIFFS_PATH, (answer) => diffs.parse(answer));
  });
  assertAnswered(name, asked);
  const answers = asked.answers.map(({ process, answer }) => ({ process: process.name, answer }));
  const keep = Math.max(...answers.map(({ answer }) => answer.keep));
  const kept = collectDiffs(answers);
  for (const { process, reason } of asked.failed) err.write(`${process} could not be asked: ${reason}\n`);
  if (flags.output === 'json') {
    out.write(json({ name, keep, diffs: kept.slice(0, flags.limit), failed: asked.failed }));
    return;
  }
  const look = { now: Date.now(), width: out.width, paint: out.paint };
  if (kept.length === 0) err.write(`${nothingKept(name, keep)}\n`);
  else if (flags.show !== undefined) {
    const one = kept[flags.show - 1];
    if (!one) throw new CliError(`there is no number ${flags.show}: ${kept.length} are kept`, EXIT.failed, 'NotFound');
    out.write(`${diffLines(one, look).join('\n')}\n`);
  } else {
    out.write(`${diffTable(kept.slice(0, flags.limit), look).join('\n')}\n`);
    if (kept.length > flags.limit)
      err.write(`these are the newest ${flags.limit} of ${kept.length}; --limit shows more\n`);
  }
}
