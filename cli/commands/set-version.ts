/** `modelship set-version`: a new model into the manifest in Git, for pipelines. */
import { createHash } from 'node:crypto';
import { createReadStream, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatProblems, parseModelDeployments } from '../../api/parse.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { readNamed, STDIN } from '../files.ts';
import { teach } from '../help.ts';
import { percentText } from '../numbers.ts';
import { json } from '../output.ts';
import { type Edit, withVersion } from '../set-version/edit.ts';

interface Flags {
  version: string;
  uri: string;
  sha256?: string;
  digestOf?: string;
  name?: string;
  traffic: number;
  print?: boolean;
  output: 'text' | 'json';
}

export function addSetVersion(program: Command, context: Context): void {
  const command = program
    .command('set-version')
    .summary('put a new version into a manifest, for a pipeline to commit')
    .description('Writes a new version with its digest into a manifest, and gives it the traffic. Comments stay.')
    .argument('<file>', 'YAML file; - reads standard input and prints')
    .requiredOption('--version <name>', 'name of the version; one that was never used for another model')
    .requiredOption('--uri <uri>', 'where the model is')
    .option('--sha256 <digest>', 'SHA-256 of the model, hexadecimal', digestValue)
    .option('--digest-of <file>', 'take the SHA-256 of this file')
    .option('--name <name>', 'which ModelDeployment, where the file has several')
    .option('--traffic <percent>', 'its share in the end; the others share the rest as they do now', percentValue, 100)
    .option('--print', 'print the manifest and leave the file alone')
    .addOption(
      new Option('-o, --output <format>', 'how to tell what was done').choices(['text', 'json']).default('text'),
    )
    .action((file: string, flags: Flags) => setVersion(file, flags, context));
  teach(command, {
    more: [
      'The new version takes over the entry of the version that most requests go to, with its golden requests and its settings. A version that is left without traffic is taken out of the list: it serves until the rollout has ended, and a revert of the commit is a rollback. Nothing is written unless the whole manifest is right.',
      'Run again with the same version and model it changes nothing.',
    ],
    examples: [
      {
        does: 'all the traffic, by the steps of the rollout in the file',
        command:
          'modelship set-version model.yaml --version v3 --uri pvc://models/digits/3/model.onnx --digest-of model.onnx',
      },
      {
        does: 'a tenth of it, to look at the manifest first',
        command:
          'modelship set-version model.yaml --version v3 --uri https://models.example.com/3.onnx --digest-of model.onnx --traffic 10 --print',
      },
    ],
    exits: {
      0: 'written, or there was nothing to change',
      1: 'refused: the name stands for another model',
      2: 'the file or the command line cannot be used',
    },
  });
}

async function setVersion(file: string, flags: Flags, { out }: Context): Promise<void> {
  const { name: given, version: name, uri, traffic, output } = flags;
  const sha256 = await digestOf(flags);
  const { name: shown, text } = readNamed(file);
  const document = only(text, shown, given);
  const edit = edited(() => withVersion(text, document, { name, uri, sha256, traffic }), shown);
  const { problems } = parseModelDeployments(edit.text, shown, { otherKinds: 'ignore' });
  if (problems.length > 0) {
    throw new CliError(`with the version ${name} it would be wrong:\n${formatProblems(problems)}`, EXIT.usage);
  }
  if (flags.print || file === STDIN) {
    out.write(edit.text);
    return;
  }
  const changed = edit.text !== text;
  if (changed) writeFileSync(file, edit.text);
  const { before, after } = edit;
  const told = { file, deployment: document.metadata.name, version: name, uri, sha256, changed, before, after };
  out.write(output === 'json' ? json(told) : `${document.metadata.name}: ${words(before)} → ${words(after)}\n`);
}

async function digestOf({ sha256, digestOf: file }: Flags): Promise<string> {
  if ((sha256 === undefined) === (file === undefined)) {
    throw new CliError('give one of --sha256 and --digest-of', EXIT.usage);
  }
  if (file === undefined) return sha256 as string;
  const hash = createHash('sha256');
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`, EXIT.usage);
  }
  return hash.digest('hex');
}

function only(text: string, file: string, name: string | undefined) {
  const { documents, problems } = parseModelDeployments(text, file, { otherKinds: 'ignore' });
  if (problems.length > 0) throw new CliError(formatProblems(problems), EXIT.usage);
  const meant = name === undefined ? documents : documents.filter(({ metadata }) => metadata.name === name);
  const [first] = meant;
  if (meant.length === 1 && first) return first;
  const there = documents.map(({ metadata }) => metadata.name).join(', ') || 'none';
  throw new CliError(`${file}: say by --name which ModelDeployment is meant; there: ${there}`, EXIT.usage);
}

function edited(edit: () => Edit, file: string): Edit {
  try {
    return edit();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    throw new CliError(`${file}: ${error.message}`, error.exitCode, error.code);
  }
}

/** `v1 90%, v2 10%` */
function words(shares: Record<string, number>): string {
  return Object.entries(shares)
    .map(([name, share]) => `${name} ${percentText(share)}`)
    .join(', ');
}

function digestValue(value: string): string {
  if (/^[0-9a-f]{64}$/.test(value)) return value;
  throw new InvalidArgumentError('Expected 64 hexadecimal digits, in small letters.');
}

function percentValue(value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && number > 0 && number <= 100) return number;
  throw new InvalidArgumentError('Expected a number above 0 and up to 100.');
}
