/** Commands run to their end. */
import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';

export interface Shell {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** A file that the command reads. */
  input?: string;
  /** Gets each line as it is written. */
  onLine?: (line: string) => void;
}

const ERRORS_KEPT = 8_000;

/** @returns what it wrote to stdout @throws Error with the end of what it wrote, where it exits with another code than 0 */
export function must(
  command: string,
  args: readonly string[],
  { env, cwd, input, onLine }: Shell = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    let [output, last] = ['', ''];
    const take = (text: string): void => {
      last = (last + text).slice(-ERRORS_KEPT);
      for (const line of onLine ? text.split('\n') : []) if (line.trim() !== '') onLine?.(line);
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      take(text);
    });
    child.stderr.setEncoding('utf8').on('data', take);
    // A command that has ended reads no more.
    child.stdin.on('error', () => undefined);
    if (input) createReadStream(input).on('error', reject).pipe(child.stdin);
    else child.stdin.end();
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} failed (${signal ?? `exit ${code}`}):\n${last}`));
    });
  });
}
