/** Reads what the command line names: files, `-` for standard input, folders of YAML. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, EXIT } from './exit-codes.ts';

export const STDIN = '-';
const STDIN_NAME = '<stdin>';

export interface NamedText {
  /** As messages call it. */
  name: string;
  text: string;
}

/** @throws CliError when it cannot be read */
export function readNamed(name: string): NamedText {
  try {
    return name === STDIN
      ? { name: STDIN_NAME, text: readFileSync(0, 'utf8') }
      : { name, text: readFileSync(name, 'utf8') };
  } catch (error) {
    throw unreadable(name, error as NodeJS.ErrnoException);
  }
}

/**
 * Each file, and in place of a folder its YAML files, in the order of their names; folders in it are left alone.
 * @throws CliError when one is not there, or a folder has none
 */
export function expandFolders(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (name === STDIN || !isFolder(name)) return [name];
    const inside = readdirSync(name).filter((entry) => /\.ya?ml$/i.test(entry));
    if (inside.length === 0) throw new CliError(`${name}: no *.yaml or *.yml file in this folder`, EXIT.usage);
    return inside.sort().map((entry) => join(name, entry));
  });
}

function isFolder(name: string): boolean {
  try {
    return statSync(name).isDirectory();
  } catch (error) {
    throw unreadable(name, error as NodeJS.ErrnoException);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'permission denied',
  EISDIR: 'it is a folder',
};

function unreadable(name: string, { code = '', message }: NodeJS.ErrnoException): CliError {
  return new CliError(`cannot read ${name}: ${REASONS[code] ?? message}`, EXIT.usage);
}
