/**
 * What tracing costs a request to a small model: CPU of the runtime's process, p50 and p99, with tracing off, with 1 in 10
 * and all requests kept, and for a caller who does not keep them. Spans go to an OTLP endpoint in a process beside.
 * `npm run bench:tracing -- [--rounds 8] [--seconds 1] [--output table|json] [--write]`; `--write` puts the tables into
 * docs/how-to/tracing.md. Read the ratios, with their interval: machines are noisy.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { outputOf } from '../cli/output.ts';
import { thisMachine } from './serving/machine.ts';
import { withBlock } from './serving/page.ts';
import { type Placement, placementOf } from './serving/processes.ts';
import { canReadUsage } from './serving/usage.ts';
import { block, type Figures, NOTES, tables } from './tracing/figures.ts';
import { measureRounds } from './tracing/rounds.ts';

const PAGE = path.join(import.meta.dirname, '../docs/how-to/tracing.md');

interface Flags {
  rounds: number;
  seconds: number;
  output: string;
  write: boolean;
}

/** @throws RangeError that names the flag and what it takes */
function readFlags(): Flags {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '8' },
      seconds: { type: 'string', default: '1' },
      output: { type: 'string', default: 'table' },
      write: { type: 'boolean', default: false },
    },
  });
  const { output, write } = values;
  const [rounds, seconds] = [Number(values.rounds), Number(values.seconds)];
  if (!(Number.isInteger(rounds) && rounds > 0)) throw new RangeError('--rounds is a whole number above 0');
  if (!(Number.isFinite(seconds) && seconds > 0)) throw new RangeError('--seconds is a number above 0');
  if (!['table', 'json'].includes(output)) throw new RangeError('--output is table or json');
  return { rounds, seconds, output, write };
}

function told({ server, generator, serverCores }: Placement): string {
  if (!server) return `runtimes, load and endpoint share ${serverCores} cores`;
  return `runtimes on core ${server.join(', ')}, load and endpoint on core ${generator?.join(', ')}`;
}

async function main(): Promise<void> {
  const { rounds, seconds, output, write } = readFlags();
  if (!canReadUsage) throw new RangeError('the CPU of a process can be read on Linux only');
  // What the user's shell says of tracing must not reach the runtimes.
  for (const name of Object.keys(process.env)) if (name.startsWith('OTEL_')) delete process.env[name];
  const placement = placementOf('apart');
  const found = await measureRounds({ rounds, seconds, placement }, (line) => void process.stderr.write(`${line}\n`));
  const args = process.argv.slice(2);
  const figures: Figures = {
    machine: thisMachine(new Date()),
    command: ['npm run bench:tracing', ...(args.length > 0 ? ['--', ...args] : [])].join(' '),
    placement: told(placement),
    rounds,
    seconds,
    ...found,
  };
  const out = outputOf(process.stdout);
  if (output === 'json') out.write(`${JSON.stringify(figures, null, 2)}\n`);
  else out.write(`${tables(figures)}\n\n${out.paint('dim', NOTES)}\n`);
  if (write) await writeFile(PAGE, withBlock(await readFile(PAGE, 'utf8'), 'bench-tracing', block(figures)));
}

await main().catch((error: Error & { code?: string }) => {
  const usage = error instanceof RangeError || error.code?.startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${usage ? error.message : inspect(error)}\n`);
  process.exitCode = 1;
});
