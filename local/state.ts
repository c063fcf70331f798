/**
 * What outlives a restart, in the state folder: which models the names of versions stand for, which slots each version
 * has, and where a rollout stands, so that a reused name is noticed, cohorts find their versions again, and a walk goes
 * on, also with versions that the file no longer lists.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { effectiveServing } from '../api/effective.ts';
import { golden } from '../api/model.ts';
import type { ModelDeployment } from '../api/model-deployment.ts';
import { ROLLOUT_COMMAND_FILE } from '../api/rollout-command.ts';
import { type Serving, serving } from '../api/serving.ts';
import { type RolloutStatus, status } from '../api/status.ts';
import { TRAFFIC_TABLE_FILE, type TrafficTable } from '../api/traffic-table.ts';
import { ALL } from '../api/units.ts';
import { sameJson } from '../core/equal.ts';
import type { Split } from '../core/model.ts';
import type { AcceptedVersion } from '../core/reuse.ts';
import { LocalError } from './errors.ts';
import { HISTORY_FILE, SpecHistory } from './history.ts';
import { readJson, writeJson } from './json-file.ts';

/** Letters of a command that are read; the longest right one has 256. */
const COMMAND_MOST = 1_024;

const slot = z.int().min(0).max(ALL);
const accepted = z.object({
  versions: z.array(
    z.object({
      name: z.string(),
      model: z.object({ uri: z.string(), sha256: z.string().optional() }),
      dropped: z.boolean().optional(),
      golden: golden.optional(),
      serving: serving.optional(),
    }),
  ),
  split: z.array(z.object({ name: z.string(), ranges: z.array(z.tuple([slot, slot])) })).optional(),
  rollout: status.shape.rollout,
});

/** All that is needed to start a version whose file is gone: what the spec said of it, its effective serving among it. */
export interface KeptVersion extends AcceptedVersion {
  golden?: z.output<typeof golden> | undefined;
  serving?: Serving | undefined;
}

/** What is kept of each version that a file lists. */
export function keptVersions({ spec }: ModelDeployment): KeptVersion[] {
  return spec.versions.map((version) => ({
    name: version.name,
    model: version.model,
    ...(version.golden && { golden: version.golden }),
    serving: effectiveServing(spec, version),
  }));
}

/** The part of the state folder that belongs to one ModelDeployment. */
export class DeploymentState {
  readonly tableFile: string;
  readonly logs: string;
  readonly #file: string;
  readonly #history: SpecHistory;
  readonly #commandFile: string;
  #versions: KeptVersion[];
  #split: Split | undefined;
  #rollout: RolloutStatus | undefined;

  /** @param now ms since 1970 @throws LocalError STATE_DIR_INVALID */
  constructor(folder: string, now: () => number = Date.now) {
    this.tableFile = join(folder, TRAFFIC_TABLE_FILE);
    this.logs = join(folder, 'logs');
    this.#file = join(folder, 'accepted.json');
    this.#history = new SpecHistory(join(folder, HISTORY_FILE), now);
    this.#commandFile = join(folder, ROLLOUT_COMMAND_FILE);
    const before = this.#read();
    this.#split = before?.split;
    this.#rollout = before?.rollout;
    // What was dropped in an earlier life runs no more, unless a rollout needs it, or it was still serving: an edit is stored
    // before the walk that it begins.
    const held = [...this.heldByRollout, ...withSlots(this.#split).map(({ name }) => name)];
    this.#versions = before?.versions.filter(({ name, dropped }) => !dropped || held.includes(name)) ?? [];
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
  get accepted(): readonly KeptVersion[] {
    return this.#versions;
  }

  /** Where the walk stands, or how the last one ended. */
  get rollout(): RolloutStatus | undefined {
    return this.#rollout;
  }

  /** Versions that a walk, or the way back from one, needs though the file may list them no more. */
  get heldByRollout(): string[] {
    const rollout = this.#rollout;
    if (!rollout || rollout.phase === 'Completed') return [];
    const { from, to, phase } = rollout;
    const underWay = phase === 'Progressing' || phase === 'Paused';
    return Object.keys(underWay ? { ...withShare(to), ...withShare(from) } : withShare(from));
  }

  /** What people told the rollout last, as it was written; undefined where there is nothing to be read. */
  readCommand(): string | undefined {
    const text = readOr(this.#commandFile, '').slice(0, COMMAND_MOST).trim();
    return text === '' ? undefined : text;
  }

  /** The split that was last in force, in this life or an earlier one. */
  get split(): Split | undefined {
    return this.#split;
  }

  /** Shares of that split, basis points; undefined where one of its versions can't be started any more. */
  get sharesBefore(): Readonly<Record<string, number>> | undefined {
    const rows = withSlots(this.#split);
    const known = rows.every(({ name }) => this.#versions.some((version) => version.name === name));
    if (rows.length === 0 || !known) return undefined;
    return Object.fromEntries(rows.map(({ name, ranges }) => [name, ranges.reduce((sum, [a, b]) => sum + b - a, 0)]));
  }

  /** Written when it is not what is there. @param leaving versions that exist though the document lists them no more */
  acceptedIs(document: ModelDeployment, leaving: readonly string[]): void {
    this.#history.accepted(document.spec);
    const dropped = this.#versions
      .filter(({ name }) => leaving.includes(name))
      .map((version) => ({ ...version, dropped: true }));
    const next = [...keptVersions(document), ...dropped];
    if (sameJson(next, this.#versions)) return;
    this.#versions = next;
    this.#save();
  }

  splitIs(split: Split): void {
    this.#split = split.map(({ name, ranges }) => ({ name, ranges }));
    this.#save();
  }

  /** To be called before what it says is acted upon. */
  rolloutIs(rollout: RolloutStatus | undefined): void {
    const before = this.#rollout;
    this.#rollout = rollout;
    try {
      this.#save();
    } catch (error) {
      this.#rollout = before;
      throw error;
    }
  }

  writeTable(table: TrafficTable): void {
    writeJson(this.tableFile, table);
  }

  #save(): void {
    writeJson(this.#file, { versions: this.#versions, split: this.#split, rollout: this.#rollout });
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

function withSlots(split: Split | undefined): Split {
  return split?.filter(({ ranges }) => ranges.length > 0) ?? [];
}

function withShare(shares: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(shares).filter(([, share]) => share > 0));
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
