/** Runs what was taken from the line on a lane, and answers each request once. */
import type { Clock } from '../clock.ts';
import type { Tensor } from '../protocol/datatypes.ts';
import { agree } from './agreement.ts';
import { join, misfit, split } from './merge.ts';
import type { Waiting } from './waiting.ts';

/** Where a model runs: the main thread, or one worker. One run at a time. */
export interface Lane {
  /**
   * @param own the inputs are nobody's but the lane's from then on: it may hand their memory to another thread. Those of
   *   a run of one request are never its own: they may lie in the body, which the split may still have to send on
   * @throws RequestError INFERENCE_FAILED, INPUT_SHAPE
   */
  run(inputs: readonly Tensor[], outputs: readonly string[], own: boolean): Promise<Tensor[]>;
}

export interface ExecutionOptions {
  clock: Clock;
  /** The model can't be run merged: called once, with the reason. */
  unmergeable(why: string): void;
  /** How many of the first merged runs are held against runs alone. */
  checks: number;
}

export class Execution {
  /** Merged runs that were run again, one request at a time. */
  repeated = 0;
  readonly #clock: Clock;
  readonly #unmergeable: (why: string) => void;
  #checks: number;
  /** A merged run has succeeded. */
  #merges = false;

  constructor({ clock, unmergeable, checks }: ExecutionOptions) {
    this.#clock = clock;
    this.#unmergeable = unmergeable;
    this.#checks = checks;
  }

  /**
   * Never rejects: what fails is told to the requests.
   * @param members of one key, in the order of their rows
   */
  async run(lane: Lane, members: readonly Waiting[], started: number): Promise<void> {
    if (members.length === 1) return this.#runAlone(lane, members[0] as Waiting, started);
    const rows = members.reduce((sum, member) => sum + member.rows, 0);
    let outputs: Tensor[];
    try {
      outputs = await lane.run(join(members, rows), (members[0] as Waiting).work.outputs, true);
    } catch {
      return this.#repeatFailed(lane, members);
    }
    const odd = misfit(outputs, rows);
    if (odd !== undefined) {
      this.#unmergeable(odd);
      return this.#repeat(lane, members);
    }
    const computed = this.#clock.now() - started;
    const parts = split(outputs, members);
    if (this.#checks > 0 && !(await this.#agrees(lane, members, parts))) {
      this.#unmergeable('its answers to requests that were run together were not those that they get alone');
      return this.#repeat(lane, members);
    }
    this.#merges = true;
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as Waiting;
      const queued = started - member.since;
      const own = parts[i] as Tensor[];
      member.done({ outputs: own, queued, computed, batch: rows, items: member.rows, first: i === 0, from: 'run' });
    }
  }

  async #runAlone(lane: Lane, member: Waiting, started: number): Promise<void> {
    const { work, since, rows } = member;
    try {
      const outputs = await lane.run(work.inputs, work.outputs, false);
      const computed = this.#clock.now() - started;
      const queued = started - since;
      member.done({ outputs, queued, computed, batch: rows, items: rows, first: true, from: 'run' });
    } catch (error) {
      member.fail(error);
    }
  }

  /** Only the culprits fail, if there are any; else it was the merging, and a model that never did it can't. */
  async #repeatFailed(lane: Lane, members: readonly Waiting[]): Promise<void> {
    await this.#repeat(lane, members);
    if (!this.#merges && members.every(({ succeeded }) => succeeded)) {
      this.#unmergeable('it failed on requests that were run together, and on none of them alone');
    }
  }

  async #repeat(lane: Lane, members: readonly Waiting[]): Promise<void> {
    this.repeated++;
    for (const member of members) {
      const now = this.#clock.now();
      if (member.gone) member.abandon();
      else if (member.work.deadline <= now) member.expire(now);
      else await this.#runAlone(lane, member, now);
    }
  }

  /** Holds the first and the last request's answers against what they get alone. */
  async #agrees(lane: Lane, members: readonly Waiting[], parts: readonly Tensor[][]): Promise<boolean> {
    this.#checks--;
    for (const i of [0, members.length - 1]) {
      const { work } = members[i] as Waiting;
      try {
        if (!agree(parts[i] as Tensor[], await lane.run(work.inputs, work.outputs, false))) return false;
      } catch {
        // A run that fails says nothing of rows that mix.
        return true;
      }
    }
    return true;
  }
}
