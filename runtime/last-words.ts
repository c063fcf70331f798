/** What a process leaves for those who ask why it is gone: its termination message, and its exit code. */
import { writeFileSync } from 'node:fs';
import { LoadError } from './errors.ts';

/** What Kubernetes keeps of a termination message. */
const MOST_BYTES = 4_096;

/** A crash inside ONNX Runtime and a kill for memory let nobody speak, so these words are left before and taken back after. */
const DIED = new LoadError('LOAD_DIED', 'the process was ended while it opened the model: out of memory, or a crash');

export class LastWords {
  readonly #file: string | undefined;

  /** @param file the termination log; none: nothing is left */
  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** To be called before a model is opened. */
  expectDeath(): void {
    this.#leave(words(DIED));
  }

  clear(): void {
    this.#leave(Buffer.alloc(0));
  }

  /** Says why this process could not start, where people and Kubernetes look for it, and ends it. */
  giveUp(error: unknown): never {
    const said = words(asLoadError(error));
    process.stderr.write(said);
    this.#leave(said);
    process.exit(1);
  }

  #leave(said: Buffer): void {
    if (this.#file === undefined) return;
    try {
      writeFileSync(this.#file, said);
    } catch (failure) {
      process.stderr.write(`${this.#file} could not be written: ${(failure as Error).message}\n`);
    }
  }
}

export function asLoadError(error: unknown): LoadError {
  return error instanceof LoadError ? error : new LoadError('INTERNAL', String((error as Error)?.stack ?? error));
}

function words({ code, message }: LoadError): Buffer {
  return Buffer.from(`${code}: ${message}\n`).subarray(0, MOST_BYTES);
}
