/** `modelship simulate FILE`: what a rollout would do with samples that were recorded or are made up. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { statedShares } from '../../api/effective.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { formatProblems, parseModelDeployments } from '../../api/parse.ts';
import type { EvidenceSample } from '../../core/analysis/model.ts';
import { targetText } from '../../core/rollout/target.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../exit-codes.ts';
import { readNamed } from '../files.ts';
import { teach } from '../help.ts';
import { json } from '../output.ts';
import { outputOption } from '../rollout/place.ts';
import { walkText } from '../rollout/words.ts';
import { KINDS, type Kind, MadeSamples } from '../simulate/make.ts';
import { type Simulated, Simulation } from '../simulate/simulate.ts';
import { RecordedSamples, readSamples, type SampleSource, type Served } from '../simulate/source.ts';
import { endLines, momentLines } from '../simulate/text.ts';
import { atLeast, spanValue } from './values.ts';

interface Flags {
  samples?: string;
  generate?: { kind: Kind; amount: number };
  from?: string;
  rate: number;
  seed: number;
  save?: string;
  readyAfter?: number;
  for?: number;
  approve: boolean;
  output: 'table' | 'json';
}

const READY_AFTER_MS = 5_000;
const LONGEST_MS = 24 * 3_600_000;
const KINDS_TEXT = Object.entries(KINDS).map(([kind, { says }]) => `${kind}: the new version ${says}`);

export function addSimulate(program: Command, context: Context): void {
  const command = program
    .command('simulate')
    .summary('say what a rollout would have done with given samples')
    .description(
      'Walks the rollout of a manifest with a simulated clock and the samples of a file, or made up ones, and says step by step what is decided.',
    )
    .argument('<file>', 'YAML file with one ModelDeployment that has a rollout; - for standard input')
    .option('--samples <file>', 'samples, one a line, as `modelship rollout record` writes them')
    .option('--generate <kind>', 'make samples instead: good, errors, slow or disagree, with :AMOUNT', kindValue)
    .option('--from <file>', 'manifest of what is served before (default: all at the first version)')
    .option('--rate <n>', 'requests a second that are made', atLeast(1, 10_000), 50)
    .option('--seed <n>', 'of what is made', atLeast(0, 2 ** 32 - 1), 1)
    .option('--save <file>', 'write the samples that are made')
    .option('--ready-after <time>', 'how long a version takes to be ready (default: 5s)', spanValue)
    .option('--for <time>', 'longest time that is simulated (default: 24h)', spanValue)
    .option('--no-approve', 'end where an approval is needed, instead of giving it at once')
    .action((file: string, flags: Flags) => {
      process.exitCode = simulate(file, flags, context);
    });
  outputOption(command);
  teach(command, {
    more: [
      `${KINDS_TEXT.join('. ')}. The same seed makes the same samples.`,
      'The engine, the planner and the analysis are those of the operator; versions are always ready after a while and ' +
        'have one signature. Recorded samples are replayed by their time: what they hold was counted at the shares of ' +
        'then, not at those of the simulation.',
    ],
    examples: [
      {
        does: 'would a version that fails 2 % be seen?',
        command: 'modelship simulate digits.yaml --generate errors:0.02',
      },
      {
        does: 'what other checks would have said',
        command: 'modelship simulate digits.yaml --from before.yaml --samples samples.jsonl',
      },
    ],
    exits: {
      0: 'completed',
      2: 'a file or the command line cannot be used, or there is nothing to walk',
      5: 'rolled back',
      6: 'not over: paused, an approval is needed, or the samples ended',
    },
  });
}

function kindValue(value: string): NonNullable<Flags['generate']> {
  const [name = '', amount, ...rest] = value.split(':');
  if (!Object.hasOwn(KINDS, name) || rest.length > 0) {
    throw new InvalidArgumentError(`Expected ${Object.keys(KINDS).join(', ')}, such as errors:0.05.`);
  }
  const kind = name as Kind;
  const number = amount === undefined ? KINDS[kind].amount : Number(amount);
  const most = kind === 'slow' ? 1_000 : 1;
  if (!(number >= 0 && number <= most) || amount === '') {
    throw new InvalidArgumentError(`Expected a number from 0 to ${most} after ${kind}:.`);
  }
  return { kind, amount: number };
}

function simulate(file: string, flags: Flags, context: Context): ExitCode {
  const to = readOne(file);
  const from = flags.from === undefined ? allAtFirst(to) : readOne(flags.from);
  assertWalk(file, from, to);
  const saved: EvidenceSample[] = [];
  const samples = sourceOf(flags, to, saved);
  const simulation = new Simulation({
    from,
    to,
    samples,
    targetOf: ({ spec }) => createHash('sha256').update(targetText(spec)).digest('hex').slice(0, 8),
    readyAfterMs: flags.readyAfter ?? READY_AFTER_MS,
    longestMs: flags.for ?? LONGEST_MS,
    approve: flags.approve,
  });
  const simulated = simulation.run();
  if (flags.save !== undefined) writeFileSync(flags.save, saved.map((each) => `${JSON.stringify(each)}\n`).join(''));
  print(to, from, simulated, flags, context);
  return codeOf(simulated);
}

function readOne(name: string): ModelDeployment {
  const { text, name: said } = readNamed(name);
  const { documents, problems } = parseModelDeployments(text, said, { otherKinds: 'ignore' });
  if (problems.length > 0) throw new CliError(formatProblems(problems), EXIT.usage, 'FileInvalid');
  const [only, second] = documents;
  if (only && !second) return only;
  throw new CliError(`${said}: expected one ModelDeployment, found ${documents.length}`, EXIT.usage, 'FileInvalid');
}

/** The same without a rollout behind it: all requests at the first version that takes any. */
function allAtFirst(document: ModelDeployment): ModelDeployment {
  const [first] = document.spec.versions.filter(({ shadow }) => shadow === undefined);
  const versions = document.spec.versions.map((version) =>
    version.shadow === undefined ? { ...version, traffic: version.name === first?.name ? 100 : 0 } : version,
  );
  return { ...document, spec: { ...document.spec, versions } };
}

function assertWalk(file: string, from: ModelDeployment, to: ModelDeployment): void {
  if (!to.spec.rollout) {
    throw new CliError(`${file} has no spec.rollout: its split takes effect at once`, EXIT.usage, 'NothingToDo');
  }
  const [before, after] = [statedShares(from.spec), statedShares(to.spec)];
  const names = [...new Set([...before.keys(), ...after.keys()])];
  if (names.some((name) => (before.get(name) ?? 0) !== (after.get(name) ?? 0))) return;
  const message = `there is nothing to walk: ${file} asks for the split that is served before; say with --from what that is`;
  throw new CliError(message, EXIT.usage, 'NothingToDo');
}

/** @param saved gets what is made */
function sourceOf(flags: Flags, to: ModelDeployment, saved: EvidenceSample[]): SampleSource {
  const { samples, generate, rate, seed } = flags;
  if (samples !== undefined && generate) {
    throw new CliError('samples are read or made: give --samples or --generate', EXIT.usage, 'FlagsConflict');
  }
  if (samples !== undefined) {
    const recorded = new RecordedSamples(readSamples(readNamed(samples)));
    const known = recorded.versions;
    const unknown = to.spec.versions.filter(({ name, traffic }) => (traffic ?? 0) > 0 && !known.includes(name));
    if (unknown.length === 0) return recorded;
    const names = unknown.map(({ name }) => name).join(', ');
    const message = `${samples} says nothing of ${names}; it speaks of ${known.join(', ') || 'no version'}`;
    throw new CliError(message, EXIT.usage, 'SampleInvalid');
  }
  if (!generate && to.spec.rollout?.analysis) {
    const message = 'there is nothing to judge: give --samples FILE or --generate KIND';
    throw new CliError(message, EXIT.usage, 'SamplesMissing');
  }
  const made = new MadeSamples({ ...(generate ?? { kind: 'good', amount: 0 }), rate, seed });
  const take = (at: number, served: Served) => {
    const taken = made.take(at, served);
    if (flags.save !== undefined) saved.push(...taken);
    return taken;
  };
  return { exhausted: false, take };
}

function print(
  { metadata, spec }: ModelDeployment,
  from: ModelDeployment,
  simulated: Simulated,
  { output }: Flags,
  { out }: Context,
): void {
  const { name } = metadata;
  if (output === 'json') {
    const { end, cut, ...rest } = simulated;
    const verdict = cut === undefined ? end?.phase : 'NotOver';
    out.write(json({ name, verdict, ...(cut && { cut }), ...rest, rollout: end }));
    return;
  }
  const shares = (of: ModelDeployment['spec']) => Object.fromEntries(statedShares(of));
  const walk = walkText({ from: shares(from.spec), to: shares(spec) });
  const lines = [
    `${out.paint('bold', name)}  ${walk}`,
    '',
    ...momentLines(simulated.moments, out),
    '',
    ...endLines(simulated, out),
  ];
  out.write(`${lines.join('\n')}\n`);
}

function codeOf({ end, cut }: Simulated): ExitCode {
  if (cut || !end) return EXIT.notOver;
  return end.phase === 'Completed' ? EXIT.ok : EXIT.takenBack;
}
