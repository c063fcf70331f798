/**
 * What outlives a restart, in the state folder: which models the names of versions stand for, and which slots each
 * version has, so that a reused name is noticed and cohorts find their versions again.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { ModelDeployment } from '../api/model-deployment.ts';
import { TRAFFIC_TABLE_FILE, type TrafficTable } from '../api/traffic-table.ts';
import { ALL } from '../api/units.ts';
import { sameJson } from '../core/equal.ts';
import type { Split } from '../core/model.ts';
import type { AcceptedVersion } from '../core/reuse.ts';
import { LocalError } from './errors.ts';
import { readJson, writeJson } from './json-file.ts';

const slot = z.int().min(0).max(ALL);
const accepted = z.object({
  versions: z.array(
    z.object({
      name: z.string(),
      model: z.object({ uri: z.string(), sha256: z.string().optional() }),
      dropped: z.boolean().optional(),
    }),
  ),
  split: z.array(z.object({ name: z.string(), ranges: z.array(z.tuple([slot, slot])) })).optional(),
});

/** The part of the state folder that belongs to one ModelDeployment. */
export class DeploymentState {
  readonly tableFile: string;
  readonly logs: string;
  readonly #file: string;
  #versions: AcceptedVersion[];
  #split: Split | undefined;

  /** @throws LocalError STATE_DIR_INVALID */
  constructor(folder: string) {
    this.tableFile = join(folder, TRAFFIC_TABLE_FILE);
    this.logs = join(folder, 'logs');
    this.#file = join(folder, 'accepted.json');
    const before = this.#read();
    // What was dropped in an earlier life runs no more.
    this.#versions = before?.versions.filter((version) => !version.dropped) ?? [];
    this.#split = before?.split;
    try {
      rmSync(this.logs, { recursive: true, force: true });
      mkdirSync(this.logs, { recursive: true });
      // Its addresses are those of processes that are gone.
      rmSync(this.tableFile, { force: true });
    } catch (error) {
      throw new LocalError('STATE_DIR_INVALID', `${folder} cannot be written: ${(error as Error).message}`);
    }
  }

  /** Versions that were accepted and have not retired. */
  get accepted(): readonly AcceptedVersion[] {
    return this.#versions;
  }

  /** The split that was last in force, in this life or an earlier one. */
  get split(): Split | undefined {
    return this.#split;
  }

  /** Written when it is not what is there. @param leaving versions that exist though the document lists them no more */
  acceptedIs(document: ModelDeployment, leaving: readonly string[]): void {
    const dropped = this.#versions
      .filter(({ name }) => leaving.includes(name))
      .map((version) => ({ ...version, dropped: true }));
    const next = [...document.spec.versions.map(({ name, model }) => ({ name, model })), ...dropped];
    if (sameJson(next, this.#versions)) return;
    this.#versions = next;
    this.#save();
  }

  splitIs(split: Split): void {
    this.#split = split.map(({ name, ranges }) => ({ name, ranges }));
    this.#save();
  }

  writeTable(table: TrafficTable): void {
    writeJson(this.tableFile, table);
  }

  #save(): void {
    writeJson(this.#file, { versions: this.#versions, split: this.#split });
  }

  #read(): z.output<typeof accepted> | undefined {
    const hint = 'remove it, or choose another --state-dir';
    try {
      const json = readJson(this.#file);
      return json === undefined ? undefined : accepted.parse(json);
    } catch (error) {
      const why = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
      throw new LocalError('STATE_DIR_INVALID', `${this.#file} is not what modelship wrote there (${why}); ${hint}`);
    }
  }
}

/** Makes the folder this process's own. @returns how to give it back @throws LocalError STATE_DIR_INVALID */
export function lockFolder(folder: string): () => void {
  const file = join(folder, 'modelship.pid');
  try {
    mkdirSync(folder, { recursive: true });
    const owner = Number(readOr(file, ''));
    if (owner && owner !== process.pid && isAlive(owner)) {
      const message = `${folder} is in use by another modelship run (pid ${owner}); stop it, or choose another --state-dir`;
      throw new LocalError('STATE_DIR_INVALID', message);
    }
    writeFileSync(file, `${process.pid}\n`);
  } catch (error) {
    if (error instanceof LocalError) throw error;
    throw new LocalError('STATE_DIR_INVALID', `${folder} cannot be used: ${(error as Error).message}`);
  }
  return () => rmSync(file, { force: true });
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return otherwise;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
