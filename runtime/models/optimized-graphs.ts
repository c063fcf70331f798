/**
 * Optimised graphs kept in a folder that outlives the process. A file's name says what it was made from and by
 * (`KEY`) and what it holds (SHA-256), so that no half-written, altered or foreign file is ever opened.
 */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { arch, cpus } from 'node:os';
import { join } from 'node:path';
import { fileDigest } from './file-digest.ts';
import type { SessionOptions } from './session-plan.ts';

/** Files kept, the ones used last; each may be as large as a model. */
const MOST_FILES = 4;
/** A half-written file this old belongs to a process that died, ms. */
const STALE_MS = 60 * 60_000;

const KEPT = /^([0-9a-f]{32})-([0-9a-f]{64})\.onnx$/;
const HALF_WRITTEN = /^[0-9a-f]{32}\..*\.tmp\.onnx$/;

export interface KeyParts {
  /** SHA-256 of the model file. */
  digest: string;
  session: SessionOptions;
  ortVersion: string;
  /** See `describeCpu`. */
  cpu: string;
}

/** What an optimised graph depends on: beyond `extended`, ONNX Runtime lays tensors out for the CPU at hand. */
export function graphKey({ digest, session, ortVersion, cpu }: KeyParts): string {
  const parts = [digest, session.graphOptimization, session.executionProviders.join(), ortVersion, cpu];
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32);
}

/** The CPU by name and abilities. */
export async function describeCpu(): Promise<string> {
  const info = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const abilities = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1] ?? '';
  return [arch(), cpus()[0]?.model ?? '', abilities].join(' ');
}

export class OptimizedGraphs {
  readonly #folder: string;
  readonly #warn: (message: string) => void;

  constructor(folder: string, warn: (message: string) => void) {
    this.#folder = folder;
    this.#warn = warn;
  }

  /** The graph kept under this key, if it is still what was written. */
  async find(key: string): Promise<string | undefined> {
    for (const name of await this.#names()) {
      const [, of, digest] = KEPT.exec(name) ?? [];
      if (of !== key) continue;
      const path = join(this.#folder, name);
      const found = await fileDigest(path).catch(() => undefined);
      if (found === digest) {
        // What is used stays when room is made.
        await utimes(path, new Date(), new Date()).catch(() => {});
        return path;
      }
      await this.discard(path, 'it does not hold what was written');
    }
    return undefined;
  }

  /** Where ONNX Runtime may write a graph that `keep` is then told of; undefined where nothing can be written. */
  async room(key: string): Promise<string | undefined> {
    const path = join(this.#folder, `${key}.${process.pid}-${randomUUID()}.tmp.onnx`);
    try {
      await mkdir(this.#folder, { recursive: true });
      await (await open(path, 'wx')).close();
      return path;
    } catch (error) {
      this.#warn(`the optimised graph can't be kept: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Puts a graph that was written under its name, in one step, and makes room. @returns where it is now */
  async keep(key: string, written: string): Promise<string | undefined> {
    try {
      if ((await stat(written)).size === 0) throw new Error('ONNX Runtime wrote nothing');
      const path = join(this.#folder, `${key}-${await fileDigest(written)}.onnx`);
      await rename(written, path);
      await this.#makeRoom();
      return path;
    } catch (error) {
      this.#warn(`the optimised graph was not kept: ${(error as Error).message}`);
      await rm(written, { force: true }).catch(() => {});
      return undefined;
    }
  }

  async discard(path: string, why: string): Promise<void> {
    this.#warn(`the optimised graph ${path} is left out and deleted: ${why}`);
    await rm(path, { force: true }).catch(() => {});
  }

  async #makeRoom(): Promise<void> {
    const files: { path: string; used: number }[] = [];
    for (const name of await this.#names()) {
      const path = join(this.#folder, name);
      const used = (await stat(path).catch(() => undefined))?.mtimeMs;
      if (used === undefined) continue;
      if (KEPT.test(name)) files.push({ path, used });
      else if (HALF_WRITTEN.test(name) && Date.now() - used > STALE_MS) await rm(path, { force: true });
    }
    files.sort((a, b) => b.used - a.used);
    // A session may have a file open still: on Linux it keeps what it read.
    for (const { path } of files.slice(MOST_FILES)) await rm(path, { force: true });
  }

  async #names(): Promise<string[]> {
    return (await readdir(this.#folder).catch(() => [])).sort();
  }
}
