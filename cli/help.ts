/** What a command's help teaches beside its options: examples and exit codes, for the terminal and for docs/cli.md. */
import type { Command } from 'commander';
import { EXIT_MEANINGS, type ExitCode } from './exit-codes.ts';
import { type Output, wrap } from './output.ts';

export interface Lesson {
  /** Paragraphs after the first sentence, each on a line of its own. */
  more?: readonly string[];
  examples: readonly { does: string; command: string }[];
  /** What the exit codes mean here. */
  exits: Partial<Record<ExitCode, string>>;
}

const lessons = new WeakMap<Command, Lesson>();

export function lessonOf(command: Command): Lesson | undefined {
  return lessons.get(command);
}

/** Adds the lesson to a command's help. */
export function teach(command: Command, lesson: Lesson): Command {
  lessons.set(command, lesson);
  const { getOutHelpWidth } = command.configureOutput();
  return command.addHelpText('after', () => `\n${helpText(lesson, getOutHelpWidth?.() ?? 80)}`);
}

function helpText({ more = [], examples, exits }: Lesson, width: number): string {
  const blocks = [
    ...(more.length > 0 ? [more.flatMap((paragraph) => wrap(paragraph, width)).join('\n')] : []),
    ['Examples:', ...examples.flatMap(({ does, command }) => [`  # ${does}`, `  ${command}`])].join('\n'),
    ['Exit codes:', ...exitLines(exits)].join('\n'),
  ];
  return blocks.join('\n\n');
}

function exitLines(exits: Lesson['exits']): string[] {
  return Object.entries(exits).map(([code, meaning]) => `  ${code.padEnd(4)} ${meaning}`);
}

/** The general meanings, for the program's own help. */
export function allExitLines(): string[] {
  return exitLines(EXIT_MEANINGS);
}

/** Titles in bold and commands in colour, where there are colours. */
export function styleHelp(command: Command, { paint }: Output): Command {
  return command.configureHelp({
    styleTitle: (text) => paint('bold', text),
    styleCommandText: (text) => paint('cyan', text),
    styleSubcommandText: (text) => paint('cyan', text),
    styleOptionText: (text) => paint('cyan', text),
    styleArgumentText: (text) => paint('cyan', text),
  });
}
