/** What the programs themselves say of a command line: the one that users meet, with its actions taken out. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Command, CommanderError } from 'commander';
import { parse } from 'yaml';
import { plainPaint } from '../../../cli/output.ts';
import { allCommands, buildProgram, callOf } from '../../../cli/program.ts';
import { operatorCommand } from '../../../operator/flags.ts';
import { ROOT } from './pages.ts';

const ELIDED = /…|\.\.\.$/;

function program(): Command {
  const nowhere = { write: () => {}, live: false, width: 100, paint: plainPaint };
  return buildProgram({ out: nowhere, err: nowhere, invoked: 'modelship' });
}

/** Why `modelship ARGS` is refused; undefined where it is not, or something is left out of it (`…`). */
export async function cliProblem(args: readonly string[]): Promise<string | undefined> {
  const root = program();
  for (const command of allCommands(root)) if (command.commands.length === 0) command.action(() => {});
  return refusal(root, args);
}

/** As `cliProblem`, of `node operator/main.ts ARGS`. */
export async function operatorProblem(args: readonly string[]): Promise<string | undefined> {
  const silent = { writeOut: () => {}, writeErr: () => {} };
  return refusal(
    operatorCommand()
      .exitOverride()
      .configureOutput(silent)
      .action(() => {}),
    args,
  );
}

async function refusal(root: Command, args: readonly string[]): Promise<string | undefined> {
  if (args.some((arg) => ELIDED.test(arg))) return undefined;
  try {
    await root.parseAsync([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) return (error as Error).message;
    return /^commander\.(help|version)/.test(error.code) && error.exitCode === 0 ? undefined : error.message;
  }
}

/** As `cliProblem`, of a command that is only named: arguments may be missing. */
export function flagProblem(args: readonly string[]): string | undefined {
  let command = program();
  for (const word of args) {
    if (ELIDED.test(word)) continue;
    if (word.startsWith('-')) {
      const [flag] = word.split('=');
      const known = command.options.some(({ long, short }) => flag === long || flag === short);
      if (!known && !/^(--help|-h)$/.test(word)) return `${callOf(command)} has no ${flag}`;
      continue;
    }
    const next = command.commands.find((each) => each.name() === word);
    if (next) command = next;
    else if (command.commands.length > 0 && /^[a-z]/.test(word)) return `${callOf(command)} has no ${word}`;
  }
  return undefined;
}

/** Values that `helm … --set A=B,C=D` names and the chart does not have. */
export function helmValueProblems(words: readonly string[]): string[] {
  const values: unknown = parse(readFileSync(path.join(ROOT, 'charts/modelship/values.yaml'), 'utf8'));
  const set = words.filter((_, index) => /^--set(-string|-json)?$/.test(words[index - 1] ?? ''));
  const keys = set.flatMap((text) => text.split(/,(?=[\w.[\]-]+=)/)).map((pair) => pair.split('=')[0] as string);
  return keys
    .filter((key) => !has(values, key.replaceAll(/\[\d+\]/g, '').split('.')))
    .map((key) => `the chart has no value ${key}`);
}

/** Below a map or list that is empty by default everything may stand. */
function has(value: unknown, [key, ...rest]: string[]): boolean {
  if (key === undefined) return true;
  if (typeof value !== 'object' || value === null) return false;
  if (Object.keys(value).length === 0) return true;
  return key in value && has((value as Record<string, unknown>)[key], rest);
}
