/** A rollout of `modelship run --state-dir DIR`: seen in its status file, told by a file. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';
import type { Rollout } from '../../api/rollout.ts';
import { ROLLOUT_COMMAND_FILE } from '../../api/rollout-command.ts';
import type { RolloutStatus } from '../../api/status.ts';
import { nearest } from '../../api/suggest.ts';
import { readJson } from '../../local/json-file.ts';
import { quoted } from '../context.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import type { Hand } from './hand.ts';
import type { RolloutView } from './view.ts';

const versionView = z.looseObject({
  name: z.string(),
  phase: z.string(),
  share: z.number(),
  goal: z.number().optional(),
  observed: z.number().optional(),
  cause: z.string().optional(),
  admin: z.int().optional(),
  pid: z.int().optional(),
});
const deploymentView = z.looseObject({
  name: z.string(),
  phase: z.string(),
  waiting: z.array(z.string()),
  versions: z.array(versionView),
  rolloutSpec: z.custom<Rollout>().optional(),
  rollout: z.custom<RolloutStatus>((value) => z.looseObject({ id: z.string() }).safeParse(value).success).optional(),
});
const statusFile = z.looseObject({ time: z.string(), deployments: z.array(deploymentView) });

export type LaptopDeployment = z.output<typeof deploymentView>;

/** As `modelship run` names them. */
const STATUS_FILE = 'status.json';
const PID_FILE = 'modelship.pid';

export class LaptopHand implements Hand {
  readonly where: string;
  readonly honours: string;
  readonly everyMs = 250;
  readonly #folder: string;
  readonly #name: string;

  /** @param stateDir what `modelship run --state-dir` was given */
  constructor(stateDir: string, name: string) {
    this.#folder = resolve(stateDir);
    this.#name = name;
    this.where = ` --state-dir ${quoted(stateDir)}`;
    this.honours = `\`modelship run --state-dir ${quoted(stateDir)}\``;
  }

  async read(): Promise<RolloutView> {
    const { name, rollout, rolloutSpec, waiting, versions } = readLaptop(this.#folder, this.#name);
    return {
      name,
      rollout,
      spec: rolloutSpec,
      versions: versions.map(({ name: version, phase, share, goal = share, observed, cause }) => ({
        name: version,
        phase,
        wanted: goal,
        // Measured: a hundredth of a percent more or less is no difference.
        seen: observed === undefined ? undefined : Math.round(observed * 10) / 10,
        failure: phase === 'Ready' ? undefined : cause,
      })),
      waiting,
      ...(isRunning(this.#folder) ? {} : { gone: `the run in ${this.#folder} has ended` }),
    };
  }

  /** @throws CliError when nobody is there to read it */
  async send(text: string): Promise<void> {
    if (!isRunning(this.#folder)) throw notRunning(this.#folder);
    const file = join(this.#folder, this.#name, ROLLOUT_COMMAND_FILE);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.next`, `${text}\n`);
    renameSync(`${file}.next`, file);
  }
}

/** @param folder of the run @throws CliError when there is no run, or it has no such ModelDeployment */
export function readLaptop(folder: string, name: string): LaptopDeployment {
  const { deployments } = readStatus(folder);
  const found = deployments.find((deployment) => deployment.name === name);
  if (found) return found;
  const names = deployments.map((deployment) => deployment.name);
  const meant = nearest(name, names);
  const hint = meant ? `did you mean ${meant}?` : `it serves ${names.join(', ') || 'nothing'}`;
  throw new CliError(`the run in ${folder} has no ModelDeployment ${name}; ${hint}`, EXIT.failed, 'NotFound');
}

function readStatus(folder: string): z.output<typeof statusFile> {
  const file = join(folder, STATUS_FILE);
  let json: unknown;
  try {
    json = readJson(file);
  } catch (error) {
    throw unusable(file, (error as Error).message);
  }
  if (json === undefined) throw isRunning(folder) ? tooEarly(folder) : notRunning(folder);
  const parsed = statusFile.safeParse(json);
  if (!parsed.success) throw unusable(file, z.prettifyError(parsed.error));
  return parsed.data;
}

function isRunning(folder: string): boolean {
  try {
    const pid = Number.parseInt(readFileSync(join(folder, PID_FILE), 'utf8'), 10);
    // 0 would mean this very group of processes.
    return pid > 0 && process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function notRunning(folder: string): CliError {
  const message = `no \`modelship run\` has ${folder} for its state now: start one with --state-dir, and give the same folder here`;
  return new CliError(message, EXIT.failed, 'NotRunning');
}

function tooEarly(folder: string): CliError {
  return new CliError(
    `the run in ${folder} has not said yet how it does; try again in a moment`,
    EXIT.failed,
    'TooEarly',
  );
}

function unusable(file: string, why: string): CliError {
  return new CliError(
    `${file} is not what \`modelship run\` of this version writes there: ${why}`,
    EXIT.usage,
    'StateUnreadable',
  );
}
