import { execFile } from 'node:child_process';

/** Runs a command to its end. @returns what it wrote. @throws Error with what it wrote to stderr, or that it is not there */
export function output(command: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 2 ** 24 }, (error, out) => (error ? reject(error) : resolve(out)));
  });
}

/** Whether the command is there and exits with 0. */
export async function runs(command: string, ...args: string[]): Promise<boolean> {
  return output(command, ...args).then(
    () => true,
    () => false,
  );
}
