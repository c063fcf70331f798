/** The operator's program, asked over its ports and read by its log. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { OPERATOR } from '../../programs.ts';
import { eventually, type Ran } from './cluster.ts';

/** Waits for its end, at most a minute. */
export function runOperator(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(process.execPath, [OPERATOR, ...args], { env, timeout: 60_000 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

export type Line = Record<string, unknown>;

/** Ends with the test's process at the latest. */
export class RunningOperator {
  /** Its log so far. */
  readonly lines: Line[] = [];
  /** What it wrote that is no line of JSON. */
  readonly other: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #url = '';

  /** @param args beside `--metrics` */
  constructor(args: readonly string[]) {
    const all = [OPERATOR, '--metrics', '127.0.0.1:0', ...args];
    this.#child = spawn(process.execPath, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'exit');
    for (const input of [this.#child.stdout, this.#child.stderr]) {
      if (input) createInterface({ input }).on('line', (line) => this.#take(line));
    }
    const kill = (): void => void this.#child.kill('SIGKILL');
    process.once('exit', kill);
    void this.#ended.then(() => process.off('exit', kill));
  }

  async ask(path: string): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${await this.url()}${path}`);
    return { status: answer.status, text: await answer.text() };
  }

  /** Comes back when it can be asked. */
  async url(): Promise<string> {
    this.#url ||= await eventually('the operator says where it can be asked', async () => {
      const url = this.lines.find(({ msg }) => msg === 'started')?.health;
      return typeof url === 'string' && url;
    });
    return this.#url;
  }

  /** By its metrics. */
  async leads(): Promise<boolean> {
    return /^modelship_operator_leading 1$/m.test((await this.ask('/metrics')).text);
  }

  /** As `kill -9` does. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** SIGTERM. @returns its exit code; null when it had to be killed after 25 s */
  async terminate(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    await Promise.race([this.#ended, sleep(25_000, undefined, { ref: false })]);
    await this.kill();
    return this.#child.exitCode;
  }

  #take(line: string): void {
    try {
      this.lines.push(JSON.parse(line) as Line);
    } catch {
      this.other.push(line);
    }
  }
}
