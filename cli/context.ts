/** What every command is given: where to write, and how it was called. */
import { relative, sep } from 'node:path';
import type { Output } from './output.ts';

export interface Context {
  out: Output;
  err: Output;
  /** How the user starts this program, for lines to paste: `modelship`, `npx modelship`, `node cli/modelship.mjs`. */
  invoked: string;
}

/** @param script what Node was told to run */
export function invokedAs(env: Readonly<Record<string, string | undefined>>, script: string, cwd: string): string {
  if (env.npm_command) return 'npx modelship';
  if (!script.endsWith('modelship.mjs')) return 'modelship';
  const near = relative(cwd, script);
  return `node ${quoted(near.startsWith(`..${sep}`) ? script : near)}`;
}

/** A word as a POSIX shell takes it. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
