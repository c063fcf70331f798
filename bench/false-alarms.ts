/**
 * How often a good canary is rolled back, and how soon a bad one is: simulated rollouts, seeded, through the analyst that
 * the operator and `modelship run` use. `npm run bench:false-alarms`: 10,000 rollouts of good canaries, some two minutes of
 * CPU. Exits 1 where 1 % of them or more are rolled back.
 *   --rollouts N   of good canaries, over all scenarios     --bad N   of bad ones
 *   --seed S       --output table|json                      --write   puts the table into docs/decisions/analysis.md
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BAD, GOOD, type Scenario } from './false-alarms/scenarios.ts';
import { type Row, simulate, tableOf } from './false-alarms/table.ts';

const PAGE = join(import.meta.dirname, '..', 'docs', 'decisions', 'analysis.md');
const BEGIN = '<!-- bench:false-alarms -->';
const END = '<!-- /bench:false-alarms -->';
const MOST_ROLLED_BACK = 0.01;

const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '10000' },
    bad: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    output: { type: 'string', default: 'table' },
    write: { type: 'boolean', default: false },
  },
});

function natural(flag: 'rollouts' | 'bad' | 'seed'): number {
  const value = Number(values[flag]);
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new Error(`--${flag}: expected a whole number of 1 or more, got '${values[flag]}'`);
  }
  return value;
}

function simulateAll(scenarios: readonly Scenario[], wanted: 'passed' | 'rolled back', rollouts: number): Row[] {
  const each = Math.ceil(rollouts / scenarios.length);
  return scenarios.map((scenario) => {
    const row = simulate(scenario, wanted, each, natural('seed'));
    process.stderr.write(`${row.scenario}: ${row.rolledBack} of ${each} rolled back\n`);
    return row;
  });
}

async function main(): Promise<void> {
  const good = simulateAll(GOOD, 'passed', natural('rollouts'));
  const bad = simulateAll(BAD, 'rolled back', natural('bad'));
  const text = [summary(good), tableOf(good, 'passed'), tableOf(bad, 'rolled back')].join('\n\n');
  process.stdout.write(values.output === 'json' ? `${JSON.stringify({ good, bad })}\n` : `${text}\n`);
  if (values.write) {
    const page = await readFile(PAGE, 'utf8');
    const [before, rest] = page.split(BEGIN);
    const after = rest?.split(END)[1];
    if (before === undefined || after === undefined) throw new Error(`${PAGE}: no place for the table`);
    await writeFile(PAGE, `${before}${BEGIN}\n${text}\n${END}${after}`);
  }
  if (rolledBackOf(good).share >= MOST_ROLLED_BACK) process.exitCode = 1;
}

function rolledBackOf(rows: readonly Row[]): { count: number; of: number; share: number } {
  const count = rows.reduce((sum, { rolledBack }) => sum + rolledBack, 0);
  const of = rows.reduce((sum, { rollouts }) => sum + rollouts, 0);
  return { count, of, share: count / of };
}

function summary(good: readonly Row[]): string {
  const { count, of, share } = rolledBackOf(good);
  const percent = (100 * share).toFixed(2);
  return `Of ${of} rollouts of good canaries (seed ${values.seed}), ${count} were rolled back: ${percent} %.`;
}

await main();
