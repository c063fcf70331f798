/** `modelship predict NAME`: one request, or many, to a served model. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Context, quoted } from '../context.ts';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { readNamed } from '../files.ts';
import { type Lesson, teach } from '../help.ts';
import { json } from '../output.ts';
import { fetchMetadata, infer, type Target } from '../predict/client.ts';
import { exampleRequest } from '../predict/example.ts';
import { readInput, requestOf } from '../predict/input.ts';
import { repeated } from '../predict/repeat.ts';
import { predictionText, signatureText, tallyText } from '../predict/show.ts';
import { atLeast } from './values.ts';

interface Flags {
  input?: string;
  url: string;
  version?: string;
  header?: Record<string, string>;
  repeat?: number;
  example?: boolean;
  output: 'table' | 'json';
}

export const DEFAULT_URL = 'http://127.0.0.1:8080';

const LESSON: Lesson = {
  more: [
    'The input may be a request of the Open Inference Protocol ({"inputs": […]}, sent as it is), an array for a model ' +
      'with one input, an object of arrays by input name, a list of records, or CSV. A single item needs no batch around it.',
  ],
  examples: [
    { does: 'a whole request', command: 'modelship predict digits --input examples/digits/request.json' },
    {
      does: 'columns, from a pipe',
      command:
        `echo '{"island": ["Dream"], "sex": ["male"], "bill_length_mm": [41.3], "bill_depth_mm": [20.3],` +
        ` "flipper_length_mm": [194], "body_mass_g": [3550]}' | modelship predict penguins --input -`,
    },
    {
      does: 'watch a canary: which version answers how often',
      command: 'modelship predict digits --input examples/digits/request.json --repeat 500',
    },
    {
      does: 'one version, whatever the split',
      command: 'modelship predict digits --version v2 --input examples/digits/request.json',
    },
    { does: 'a request to start from', command: 'modelship predict digits --example > request.json' },
  ],
  exits: {
    0: 'every request was answered',
    1: 'the server refused or failed a request, or cannot be reached',
    2: 'the command line or the input cannot be used; without --input: what the model wants is explained',
  },
};

export function addPredict(program: Command, context: Context): void {
  const command = program
    .command('predict')
    .summary('send a request to a served model and show the answer')
    .description('Sends a request to a served model and shows who answered, how fast, and what.')
    .argument('<name>', 'name of the model: metadata.name of its ModelDeployment')
    .option('-i, --input <file>', 'JSON or CSV to predict from; - reads standard input')
    .option('--url <url>', 'base URL of the server', urlValue, DEFAULT_URL)
    .option('--version <name>', 'ask this version, whatever the split')
    .option('-H, --header <line>', "request header such as 'x-user-id: 42'; repeatable", headerValue)
    .option('-n, --repeat <n>', 'send it n times and show the shares of the versions', atLeast(1))
    .option('--example', 'print a made-up request for the model and send nothing')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action(async (name: string, flags: Flags) => {
      process.exitCode = await predict(name, flags, context);
    });
  teach(command, LESSON);
}

async function predict(model: string, flags: Flags, context: Context): Promise<ExitCode> {
  const { version, header: headers = {} } = flags;
  const target: Target = { url: flags.url, model, version, headers };
  if (flags.example) {
    context.out.write(json(exampleRequest(await fetchMetadata(target))));
    return EXIT.ok;
  }
  if (flags.input === undefined) return explain(target, context);
  const { text, name } = readNamed(flags.input);
  const body = await bodyOf(text, name, target);
  return flags.repeat === undefined
    ? once(target, body, flags, context)
    : many(target, body, { ...flags, repeat: flags.repeat }, context);
}

async function bodyOf(text: string, name: string, target: Target): Promise<string> {
  const input = readInput(text, name);
  return input.kind === 'request' ? input.text : JSON.stringify(requestOf(input, await fetchMetadata(target)));
}

async function once(target: Target, body: string, { output }: Flags, { out }: Context): Promise<ExitCode> {
  const prediction = await infer(target, body);
  out.write(
    output === 'json' ? json({ model: target.model, ...prediction }) : predictionText(target.model, prediction, out),
  );
  return EXIT.ok;
}

async function many(
  target: Target,
  body: string,
  { repeat, output }: Flags & { repeat: number },
  { out }: Context,
): Promise<ExitCode> {
  const tally = await repeated(target, body, repeat);
  out.write(output === 'json' ? json({ model: target.model, ...tally }) : tallyText(target.model, tally, out));
  return tally.errors.length > 0 ? EXIT.failed : EXIT.ok;
}

/** No input: what would be one. */
async function explain(target: Target, { err, invoked }: Context): Promise<ExitCode> {
  const metadata = await fetchMetadata(target);
  const { model, url } = target;
  const at = url === DEFAULT_URL ? '' : ` --url ${quoted(url)}`;
  err.write(
    `error: say what to predict from, with --input FILE or --input -\n\n${model} as served at ${url}:\n` +
      `${signatureText(metadata)}\nTo start from a made-up request:\n` +
      `  ${invoked} predict ${model}${at} --example > request.json\n` +
      `  ${invoked} predict ${model}${at} --input request.json\n`,
  );
  return EXIT.usage;
}

function urlValue(value: string): string {
  const url = URL.parse(value.includes('://') ? value : `http://${value}`);
  if (!url || !/^https?:$/.test(url.protocol)) throw new InvalidArgumentError(`Expected a URL such as ${DEFAULT_URL}.`);
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

function headerValue(line: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^\s*([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*:\s*(.*?)\s*$/.exec(line) ?? [];
  if (!name || value === undefined) throw new InvalidArgumentError("Expected 'NAME: VALUE'.");
  if (/^content-(type|length)$/i.test(name)) throw new InvalidArgumentError(`${name} is set by the command.`);
  return { ...before, [name.toLowerCase()]: value };
}
