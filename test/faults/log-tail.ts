/** The end of a log, for a test that fails. */
import type { Log } from '../../operator/kube/log.ts';

const MOST_LINES = 60;
const LONGEST = 600;

export class LogTail implements Log {
  readonly #lines: string[] = [];

  /** @param text lines as a process writes them */
  add(text: string): void {
    for (const line of text.split('\n')) if (line !== '') this.#lines.push(line.slice(0, LONGEST));
    this.#lines.splice(0, this.#lines.length - MOST_LINES);
  }

  debug(): void {}

  info(fields: object, message: string): void {
    this.#note('info', fields, message);
  }

  warn(fields: object, message: string): void {
    this.#note('warn', fields, message);
  }

  error(fields: object, message: string): void {
    this.#note('error', fields, message);
  }

  toString(): string {
    return this.#lines.join('\n');
  }

  #note(level: string, fields: object, message: string): void {
    const told = JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? String(value) : value));
    this.add(`${level} ${message} ${told}`);
  }
}
