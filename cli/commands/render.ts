/** `modelship render FILE…`: the Kubernetes objects that ModelDeployments become, with no cluster at all. */
import { readFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { formatProblems, parseModelDeploymentFiles } from '../../api/parse.ts';
import { firstPlan } from '../../operator/render/first-plan.ts';
import type { RenderOptions, RenderProblem } from '../../operator/render/input.ts';
import type { KubeObject } from '../../operator/render/objects.ts';
import { render } from '../../operator/render/render.ts';
import { asJson, asYaml, withScales } from '../../operator/render/text.ts';
import packageJson from '../../package.json' with { type: 'json' };

/** Exit code for what the user must put right, as for a local run. */
const USER_ERROR = 2;

interface Flags {
  namespace?: string;
  image: string;
  output: 'yaml' | 'json';
}

/** What the command reads and writes, so that it can be tried without a process. */
export interface RenderIo {
  /** The text of a file; `-` is standard input. @throws Error when it cannot be read */
  read(file: string): string;
  out(text: string): void;
  err(text: string): void;
}

const processIo: RenderIo = {
  read: (file) => readFileSync(file === '-' ? 0 : file, 'utf8'),
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
};

export function renderCommand(io: RenderIo = processIo): Command {
  return new Command('render')
    .description('print the Kubernetes objects that a ModelDeployment becomes, in the order in which they are applied')
    .argument('<file...>', 'YAML files with ModelDeployments; - reads standard input')
    .option('-n, --namespace <name>', 'namespace of the objects (default: what the file says)')
    .option('--image <image>', 'runtime image of the pods', `modelship-runtime:${packageJson.version}`)
    .addOption(new Option('-o, --output <format>', 'how to print them').choices(['yaml', 'json']).default('yaml'))
    .action((files: string[], flags: Flags) => {
      // Not process.exit(): what was written to a pipe would be cut.
      process.exitCode = renderFiles(files, flags, io);
    });
}

/** Prints the objects of all files, or none of them and why not. @returns the exit code */
export function renderFiles(files: readonly string[], flags: Flags, io: RenderIo): number {
  const texts: { name: string; text: string }[] = [];
  for (const name of files) {
    try {
      texts.push({ name, text: io.read(name) });
    } catch (error) {
      io.err(`${name}: ${(error as Error).message}\n`);
      return USER_ERROR;
    }
  }
  const { documents, problems } = parseModelDeploymentFiles(texts, { otherKinds: 'ignore' });
  if (problems.length > 0) {
    io.err(`${formatProblems(problems)}\n`);
    return USER_ERROR;
  }
  if (documents.length === 0) {
    io.err(`${files.join(', ')}: no ModelDeployment\n`);
    return USER_ERROR;
  }
  return print(documents, flags, io);
}

function print(documents: readonly ModelDeployment[], flags: Flags, io: RenderIo): number {
  const options: RenderOptions = { runtimeImage: flags.image, namespace: flags.namespace };
  const objects: KubeObject[] = [];
  let refused = false;
  for (const md of documents) {
    const rendered = render(md, firstPlan(md), options);
    for (const problem of rendered.ok ? rendered.warnings : rendered.problems) io.err(line(md, problem));
    if (rendered.ok) objects.push(...withScales(rendered.objects, rendered.scales));
    else refused = true;
  }
  if (refused) return USER_ERROR;
  io.out(flags.output === 'json' ? asJson(objects) : asYaml(objects));
  return 0;
}

function line(md: ModelDeployment, { severity, reason, message, path }: RenderProblem): string {
  return `${severity}: ${md.metadata.name} ${path}: ${message} (${reason})\n`;
}
