/** `modelship rollout record NAME`: writes down what the processes count, for `modelship simulate`. */
import type { Command } from 'commander';
import { podReport, REPORT_PATH } from '../../../api/pod-report.ts';
import { Increments } from '../../../core/analysis/increments.ts';
import { askAll, assertAnswered, type ListProcesses, withProcesses } from '../../admin/processes.ts';
import type { Context } from '../../context.ts';
import { teach } from '../../help.ts';
import { counted } from '../../numbers.ts';
import { type Pace, realPace } from '../../rollout/pace.ts';
import { type PlaceFlags, placeOptions } from '../../rollout/place.ts';
import { spanText } from '../../rollout/words.ts';
import { spanValue } from '../values.ts';
import { PLACE_EXITS } from './status.ts';

interface Flags extends PlaceFlags {
  for: number;
  interval: number;
}

export function addRecord(rollout: Command, context: Context): void {
  const command = rollout
    .command('record')
    .summary('write down what is counted, for `modelship simulate`')
    .description('Writes to standard output what the processes of a ModelDeployment count: one JSON sample a line.')
    .argument('<name>', 'name of the ModelDeployment')
    .option('--for <time>', 'how long', spanValue)
    .option('--interval <time>', 'time between two samples', spanValue)
    .action((name: string, flags: Flags) =>
      withProcesses(name, flags, async (list) => {
        const samples = await record(name, list, flags, (line) => context.out.write(line));
        context.err.write(`${counted(samples, 'sample')} in ${spanText(flags.for)}\n`);
      }),
    );
  for (const [long, ms, said] of [
    ['--for', 600_000, '10m'],
    ['--interval', 5_000, '5s'],
  ] as const) {
    command.options.find((option) => option.long === long)?.default(ms, said);
    command.setOptionValueWithSource(long.slice(2), ms, 'default');
  }
  placeOptions(command);
  teach(command, {
    more: [
      'The samples hold counts, never requests: answers and failures, latencies, mirrored pairs and how many differed, how ' +
        'predictions are distributed. Where the spec asks for checks of a Prometheus or of custom metrics, these are not in it.',
      'In a cluster the processes are read through the API server, which takes the right to `get` `pods/proxy`.',
    ],
    examples: [
      {
        does: 'ten minutes with both versions under traffic, then what other checks would have made of it',
        command:
          'modelship rollout record digits --for 10m > samples.jsonl\nmodelship simulate digits.yaml --samples samples.jsonl',
      },
    ],
    exits: { ...PLACE_EXITS, 0: 'recorded' },
  });
}

/** @returns how many samples were written */
export async function record(
  name: string,
  list: ListProcesses,
  { for: whole, interval }: Pick<Flags, 'for' | 'interval'>,
  write: (line: string) => void,
  pace: Pace = realPace,
): Promise<number> {
  const increments = new Increments();
  let start = 0;
  let written = 0;
  for (let look = 0; ; look++) {
    const asked = await askAll(await list(), REPORT_PATH, (answer) => podReport.parse(answer));
    const at = pace.now();
    if (look === 0) {
      assertAnswered(name, asked);
      // The base to count from, however long it took to be had.
      start = at;
    }
    const reports = asked.answers.map(({ process, answer }) => ({ process: process.id, report: answer }));
    // `since` is of a clock that a file knows nothing of.
    const { since, ...sample } = increments.sample(
      at,
      reports,
      asked.failed.map(({ process }) => process),
    );
    if (look > 0) {
      write(`${JSON.stringify({ ...sample, at: at - start })}\n`);
      written++;
    }
    if (at - start >= whole) return written;
    await pace.wait(Math.min(interval, start + whole - at));
  }
}
