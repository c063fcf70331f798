/** Writes docs/cli.md from the command line itself. `--check` compares only. */
import type { Argument, Command, Option } from 'commander';
import { generate } from '../api/generate/generated.ts';
import { EXIT_MEANINGS, type ExitCode } from './exit-codes.ts';
import { lessonOf } from './help.ts';
import { plainPaint } from './output.ts';
import { allCommands, buildProgram, callOf } from './program.ts';

/** The page, as it should be. */
export function cliPage(): string {
  const nowhere = { write: () => {}, live: false, width: 100, paint: plainPaint };
  const program = buildProgram({ out: nowhere, err: nowhere, invoked: 'modelship' });
  const commands = allCommands(program);
  const list = commands.map((command) => `| [\`${nameOf(command)}\`](#${anchor(command)}) | ${summaryOf(command)} |`);
  const blocks = [
    '# The command line',
    '<!-- Made by `npm run generate` from cli/. Edit the help of the commands instead. -->',
    program.description(),
    "In a checkout, `npx modelship` starts it. Node 24 is wanted; where the one on the PATH is older, the project's own is used.",
    ['| command | |', '|---|---|', ...list].join('\n'),
    'Tables, and words in colour, are for terminals. `NO_COLOR=1` takes the colours away, `FORCE_COLOR=1` keeps them in a pipe.',
    ...commands.flatMap(section),
    '## Exit codes',
    exitTable(EXIT_MEANINGS),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function section(command: Command): string[] {
  const lesson = lessonOf(command);
  const args = command.registeredArguments.map((argument) => `| \`${argumentTerm(argument)}\` | ${cell(argument)} |`);
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .map((option) => `| \`${option.flags}\` | ${cell(option)} |`);
  const examples = lesson?.examples.map(({ does, command: line }) => `# ${does}\n${line}`) ?? [];
  return [
    `## ${callOf(command)}`,
    sentence(command.description()),
    ...(lesson?.more ?? []),
    `\`\`\`text\n${callOf(command)} ${command.usage()}\n\`\`\``,
    ...(args.length + options.length > 0 ? [['| | |', '|---|---|', ...args, ...options].join('\n')] : []),
    ...(examples.length > 0 ? [`\`\`\`sh\n${examples.join('\n')}\n\`\`\``] : []),
    ...(lesson ? [exitTable(lesson.exits)] : []),
  ];
}

function argumentTerm(argument: Argument): string {
  return argument.name() + (argument.variadic ? '…' : '');
}

function cell({ description, argChoices, defaultValue, defaultValueDescription }: Option | Argument): string {
  const choices = argChoices ? `: ${argChoices.map((choice) => `\`${choice}\``).join(', ')}` : '';
  const said = defaultValueDescription ?? defaultValue;
  const standard = said === undefined || typeof said === 'boolean' ? '' : `; default \`${said}\``;
  return `${description}${choices}${standard}`.replaceAll('|', '\\|');
}

function exitTable(exits: Readonly<Partial<Record<ExitCode, string>>>): string {
  return ['| exit code | |', '|---|---|', ...Object.entries(exits).map(([code, said]) => `| ${code} | ${said} |`)].join(
    '\n',
  );
}

const nameOf = (command: Command) => callOf(command).replace(/^modelship /, '');
const anchor = (command: Command) => callOf(command).replaceAll(' ', '-');
const summaryOf = (command: Command) => command.summary() || command.description();
const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;

if (import.meta.main) await generate({ 'docs/cli.md': cliPage() });
