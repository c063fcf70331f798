/** `modelship run FILE…`: serves ModelDeployments on this machine and shows how they do. */
import { type Command, Option } from 'commander';
import { type LocalRun, runLocal } from '../../local/run.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit-codes.ts';
import { type Lesson, teach } from '../help.ts';
import { onInterrupt } from '../run/interrupts.ts';
import { jsonReporter } from '../run/json-reporter.ts';
import { LiveReporter } from '../run/live-reporter.ts';
import { PlainReporter } from '../run/plain-reporter.ts';
import type { Reporter } from '../run/reporter.ts';
import { welcomesOf } from '../run/welcome.ts';
import { atLeast, urlValue, volumeValue } from './values.ts';

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const OUTPUTS = ['table', 'plain', 'json'] as const;

interface Flags {
  port: number;
  host: string;
  volume?: Record<string, string>;
  stateDir?: string;
  prometheus?: string;
  output?: (typeof OUTPUTS)[number];
  logLevel: (typeof LOG_LEVELS)[number];
  watch: boolean;
}

const LESSON: Lesson = {
  more: [
    'Edit the YAML and save: the change takes effect as it would in a cluster, step by step where the file has a rollout; a file that is wrong changes nothing.',
    'A request.json beside the YAML file is used for the lines to paste that are shown once everything serves.',
    'With --output json each line is an object with one key: event, snapshot, ready, stopping or error.',
    'Ctrl-C answers what is in flight and stops; a second one ends everything at once.',
  ],
  examples: [
    {
      does: 'two versions of a model, nine requests in ten answered by v1',
      command: 'modelship run examples/digits/modeldeployment.yaml --volume models=examples',
    },
    {
      does: 'two models: digits at port 9000, penguins at 9010',
      command:
        'modelship run examples/digits/modeldeployment.yaml examples/penguins/modeldeployment.yaml --volume models=examples --port 9000',
    },
    {
      does: 'one JSON object a line, for a program',
      command: 'modelship run examples/digits/modeldeployment.yaml --volume models=examples --output json',
    },
  ],
  exits: {
    0: 'stopped on request, after draining',
    1: 'something unforeseen happened',
    2: 'a file, a volume or the command line cannot be used',
    3: 'the port is in use, or the address is not of this machine',
    4: 'no version could be loaded',
    130: 'ended at once, by a second Ctrl-C',
  },
};

export function addRun(program: Command, context: Context): void {
  const command = program
    .command('run')
    .summary('serve ModelDeployments on this machine')
    .description(
      'Serves ModelDeployments on this machine, without a cluster: each version a process, the traffic split as stated, changes of it walked as `rollout` says.',
    )
    .argument('<file...>', 'YAML files with ModelDeployments')
    .option(
      '-p, --port <port>',
      'port of the first ModelDeployment, with gRPC at the next one; a second ModelDeployment has 10 more; 0: free ones',
      atLeast(0, 65_535),
      8080,
    )
    .option('--host <address>', 'address to listen on; 0.0.0.0 lets other machines in', '127.0.0.1')
    .option(
      '-v, --volume <claim=dir>',
      'folder that stands in for a volume claim of pvc://CLAIM/PATH; repeatable',
      volumeValue,
    )
    .option('--state-dir <dir>', 'folder that keeps split and status over restarts (default: a temporary one)')
    .option('--prometheus <url>', 'Prometheus that `prometheus:` checks of a rollout ask', urlValue)
    .addOption(
      new Option(
        '-o, --output <format>',
        'how to tell what happens (default: table at a terminal, else plain)',
      ).choices(OUTPUTS),
    )
    .addOption(
      new Option('--log-level <level>', 'log level of the versions, in files of the state folder')
        .choices(LOG_LEVELS)
        .default('warn'),
    )
    .option('--no-watch', 'leave edits of the files alone')
    .action(async (files: string[], flags: Flags) => {
      process.exitCode = await run(files, flags, context);
    });
  teach(command, LESSON);
}

async function run(files: readonly string[], flags: Flags, context: Context): Promise<number> {
  const { port, host, volume: volumes = {}, stateDir, prometheus, watch, logLevel } = flags;
  const optional = { ...(stateDir && { stateDir }), ...(prometheus && { prometheus }) };
  const local = await runLocal({ files, port, host, volumes, ...optional, watch, logLevel });
  const reporter = reporterFor(flags.output, local, context);
  local.on('event', (event) => reporter.event(event));
  local.on('snapshot', (snapshot) => reporter.snapshot(snapshot));
  let stopping = false;
  const ignore = onInterrupt((signal, before) => {
    stopping = true;
    reporter.stopping(signal, before);
    if (before > 0) process.exitCode = EXIT.interrupted;
    local.stop();
  });
  const welcomed = welcome(local, files, flags, reporter, context);
  // Heard below, once everything has ended; until then it must not count as an unhandled rejection.
  welcomed.catch(() => {});
  const { code } = await local.closed;
  ignore();
  reporter.close(local.snapshot());
  // Says why when nothing could be served; before a stop there is nothing to say.
  if (!stopping) await welcomed;
  return process.exitCode === EXIT.interrupted ? EXIT.interrupted : code;
}

async function welcome(
  local: LocalRun,
  files: readonly string[],
  { watch }: Flags,
  reporter: Reporter,
  { invoked }: Context,
): Promise<void> {
  await local.ready;
  const { deployments } = local;
  reporter.ready(await welcomesOf({ deployments, files, cwd: process.cwd(), invoked }), watch ? files : []);
}

function reporterFor(output: Flags['output'], local: LocalRun, { out }: Context): Reporter {
  switch (output ?? (out.live ? 'table' : 'plain')) {
    case 'json':
      return jsonReporter(out);
    case 'table':
      return new LiveReporter(out, process.stdout, local.snapshot());
    default:
      return new PlainReporter(out);
  }
}
