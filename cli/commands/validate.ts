/** `modelship validate FILE…`: everything that is wrong with manifests, with its place. */
import { type Command, Option } from 'commander';
import { shadowPoints, statedShares } from '../../api/effective.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { formatProblem, type Problem, parseModelDeploymentFiles, parseModelDeployments } from '../../api/parse.ts';
import { percentOf } from '../../api/units.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { expandFolders, type NamedText, readNamed } from '../files.ts';
import { teach } from '../help.ts';
import { counted, percentText } from '../numbers.ts';
import { json } from '../output.ts';
import { type JudgeFlags, judge, opensModels } from '../validate/judge.ts';
import { collected, fractionValue, numberValue, spanValue, volumeValue } from './values.ts';

interface FileReport {
  file: string;
  deployments: DeploymentSummary[];
}

interface DeploymentSummary {
  name: string;
  /** In percent. */
  versions: { name: string; traffic: number; shadow: number; uri: string }[];
  rolloutSteps: number;
}

export function addValidate(program: Command, context: Context): void {
  const command = program
    .command('validate')
    .summary('check manifests without serving them')
    .description(
      'Checks ModelDeployments as a cluster and `modelship run` would, and says all that is wrong, with its place.',
    )
    .argument(
      '<file...>',
      'YAML files; a folder stands for the YAML files in it, - for standard input; or one .onnx file',
    )
    .option(
      '--against <file>',
      'what is served now: the files before the change, or an .onnx file; repeatable',
      collected,
    )
    .option(
      '-v, --volume <claim=dir>',
      'folder that stands in for pvc://CLAIM/PATH or configmap://NAME/KEY; repeatable',
      volumeValue,
    )
    .option('--golden <file>', 'of an .onnx file: requests with the answers that it must give')
    .option('--tolerance <number>', 'of --golden: largest difference of a number (default: 1e-4)', numberValue)
    .option('--requests <file>', 'ask both versions these, instead of the golden requests; same format')
    .option(
      '--max-disagreement <fraction>',
      'refuse a version that answers more of them otherwise, such as 0.05',
      fractionValue,
    )
    .addOption(
      new Option('--timeout <time>', 'longest time until a model is ready').argParser(spanValue).default(300_000, '5m'),
    )
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['text', 'json']).default('text'))
    .action(async (files: string[], flags: JudgeFlags) => {
      process.exitCode = opensModels(files, flags)
        ? await judge(files, flags, context)
        : validate(files, flags, context);
    });
  teach(command, {
    more: [
      'Objects of other kinds in the files are left alone. Models are opened only with --against, or where an .onnx file is given.',
      'With --against each version that was added or changed, or gains traffic, is opened by the runtime on this machine, without a cluster and on the CPU: its digest must be the stated one, its golden answers right, and what it takes and gives must fit the version that most requests go to now, by the rule of a rollout. Where both have requests to answer it says how many answers differ.',
      'A refusal has a code: MANIFEST_INVALID, VERSION_REUSED, SIGNATURE_CHANGED, DISAGREEMENT, NOTHING_TO_REPLAY, STABLE_NOT_OPENED, PATH_ESCAPES, or that of a failed start (docs/errors.md), such as MODEL_DIGEST_MISMATCH and GOLDEN_MISMATCH. LOAD_TIMEOUT, URI_UNSUPPORTED, MODEL_UNREACHABLE and MODEL_FORBIDDEN are no verdict.',
      'With --output json: valid, and with --against verdict (accepted, refused, unknown), models and findings, each with code, weight (refused, unknown, note), file, line, column, path, message and todo.',
    ],
    examples: [
      { does: 'one file', command: 'modelship validate examples/digits/modeldeployment.yaml' },
      { does: 'all YAML files of a folder', command: 'modelship validate examples/penguins' },
      {
        does: 'from a pipe, for a program',
        command: 'cat examples/digits/modeldeployment.yaml | modelship validate - --output json',
      },
      {
        does: 'a pull request: what is changed against the main branch',
        command:
          'git show origin/main:examples/digits/modeldeployment.yaml | modelship validate examples/digits/modeldeployment.yaml --against - --volume models=examples',
      },
      {
        does: 'a new model, before any manifest names it',
        command:
          'modelship validate examples/digits/models/2/model.onnx --against examples/digits/models/1/model.onnx --golden examples/digits/golden.json',
      },
    ],
    exits: {
      0: 'all ModelDeployments are valid, and what was opened may go out',
      1: 'at least one is not, or there is none; or a change is refused',
      2: 'the command line is wrong, or a file cannot be read',
      7: 'nothing is wrong, but not all could be judged: a model was not to be had here',
    },
  });
}

function validate(names: readonly string[], { output }: Pick<JudgeFlags, 'output'>, context: Context): ExitCode {
  const files = expandFolders([...new Set(names)]).map(readNamed);
  const { problems } = parseModelDeploymentFiles(files, { otherKinds: 'ignore' });
  const reports = files.map(reportOf);
  if (problems.length === 0 && reports.every(({ deployments }) => deployments.length === 0)) {
    problems.push(...files.map(({ name }) => nothingIn(name)));
  }
  const valid = problems.length === 0;
  if (output === 'json') context.out.write(json({ valid, files: reports, problems }));
  else writeText(reports, problems, context);
  return valid ? EXIT.ok : EXIT.failed;
}

function reportOf({ name, text }: NamedText): FileReport {
  const { documents } = parseModelDeployments(text, name, { otherKinds: 'ignore' });
  return { file: name, deployments: documents.map(summaryOf) };
}

function summaryOf({ metadata, spec }: ModelDeployment): DeploymentSummary {
  const shares = statedShares(spec);
  const versions = spec.versions.map((version) => ({
    name: version.name,
    traffic: percentOf(shares.get(version.name) ?? 0),
    shadow: percentOf(shadowPoints(version)),
    uri: version.model.uri,
  }));
  return { name: metadata.name, versions, rolloutSteps: spec.rollout?.steps?.length ?? 0 };
}

function nothingIn(file: string): Problem {
  return { file, line: 1, column: 1, path: '', message: 'no ModelDeployment in this file' };
}

/** What is right goes to standard output, what is wrong to standard error. */
function writeText(reports: readonly FileReport[], problems: readonly Problem[], { out, err }: Context): void {
  const bad = new Set(problems.map(({ file }) => file));
  for (const { file, deployments } of reports) {
    if (bad.has(file)) continue;
    for (const deployment of deployments) out.write(`${out.paint('green', 'OK')}  ${file}  ${sentence(deployment)}\n`);
    if (deployments.length === 0) out.write(`${out.paint('dim', '--')}  ${file}  no ModelDeployment\n`);
  }
  if (problems.length === 0) return;
  for (const problem of problems) err.write(`${err.paint('red', 'error')}: ${formatProblem(problem)}\n`);
  err.write(`${counted(problems.length, 'problem')} in ${counted(bad.size, 'file')}\n`);
}

/** `digits: v1 90%, v2 10%, v3 gets copies of 20%; rollout in 3 steps` */
function sentence({ name, versions, rolloutSteps }: DeploymentSummary): string {
  const split = versions.map((version) =>
    version.shadow > 0
      ? `${version.name} gets copies of ${percentText(version.shadow)}`
      : `${version.name} ${percentText(version.traffic)}`,
  );
  return `${name}: ${split.join(', ')}${rolloutSteps > 0 ? `; rollout in ${counted(rolloutSteps, 'step')}` : ''}`;
}
