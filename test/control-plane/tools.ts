/** Commands run to their end. */
import { spawn } from 'node:child_process';

export interface Shell {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  /** Gets each line as it is written. */
  onLine?: (line: string) => void;
}

const ERRORS_KEPT = 8_000;

/** @returns what it wrote to stdout @throws Error with the end of what it wrote, where it exits with another code than 0 */
export function must(command: string, args: readonly string[], { env, cwd, onLine }: Shell = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'] });
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
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} ${args.join(' ')} failed (${signal ?? `exit ${code}`}):\n${last}`));
    });
  });
}

/** Whether the command is there and exits with 0. */
export async function runs(command: string, ...args: string[]): Promise<boolean> {
  return must(command, args).then(
    () => true,
    () => false,
  );
}
