/** A world that runs the engine and the planner as the hands do, and obeys them with the delays that a test chooses. */
import { expect } from 'vitest';
import type { RolloutCommandName } from '../../../api/rollout-command.ts';
import { type TrafficTable, trafficTable } from '../../../api/traffic-table.ts';
import type { Verdicts } from '../../../core/analysis/model.ts';
import { sameJson } from '../../../core/equal.ts';
import { type Desired, firstMemory, type Memory, type Observed, type Plan } from '../../../core/model.ts';
import { plan } from '../../../core/plan.ts';
import {
  decidesAnew,
  isWalking,
  type OpenWindow,
  type RolloutInput,
  type RolloutOutput,
  type RolloutStatus,
} from '../../../core/rollout/model.ts';
import { rollout } from '../../../core/rollout/rollout.ts';

import { type Nature, RETIRE_AFTER, reread, SIGNATURE, type Spec } from './build.ts';

interface Running {
  size: number;
  ready: number;
}

export class World {
  now = Date.parse('2026-11-21T13:00:00Z');
  spec: Spec;
  running = new Map<string, Running>();
  natures: Record<string, Nature> = {};
  table: TrafficTable | undefined;
  inForceTable: TrafficTable | undefined;
  door: string | undefined;
  memory: Memory = firstMemory();
  /** As this process knows it, and as it was stored before something was done. */
  state: RolloutStatus | undefined;
  stored: RolloutStatus | undefined;
  window: OpenWindow | undefined;
  windowSince = 0;
  command: RolloutInput['command'];
  last: RolloutOutput | undefined;
  lastPlan: Plan | undefined;
  #commands = 0;
  /** Laws that are checked of each pass. */
  watch: (before: World['snapshot'], out: RolloutOutput, next: Plan) => void = () => {};

  constructor(spec: Spec) {
    this.spec = spec;
  }

  /** A world in which `shares` (percent) have been served for long, each version by its size. */
  static serving(shares: Record<string, number>, spec: Partial<Spec> = {}): World {
    const world = new World({ rollout: undefined, ...spec, shares });
    world.calm();
    return world;
  }

  get snapshot() {
    const { state, table, inForceTable, now } = this;
    const verdicts = this.verdicts()?.checks;
    return {
      state,
      table,
      inForceTable,
      now,
      verdicts,
      running: new Map([...this.running].map(([n, r]) => [n, { ...r }])),
    };
  }

  edit(spec: Partial<Spec>): this {
    this.spec = { ...this.spec, ...spec };
    return this;
  }

  say(command: RolloutCommandName, at: { id?: string; step?: number } = {}): this {
    const { id = this.state?.id ?? 'none', step = this.state?.step ?? 0 } = at;
    this.#commands++;
    this.command = { command, id, step, text: `${command}/${id}/${step}/${this.#commands}` };
    return this;
  }

  desired(): Desired {
    const { shares, sizes = {}, elastic = {}, shadow = {} } = this.spec;
    const size = (name: string) => {
      const bounds = elastic[name];
      return bounds ? { size: bounds.min, elastic: true, max: bounds.max } : { size: sizes[name] ?? 1 };
    };
    const left = [...this.running.keys()].filter((name) => shares[name] === undefined);
    return {
      model: 'digits',
      retireAfterMs: RETIRE_AFTER,
      versions: [
        ...Object.entries(shares).map(([name, percent]) => ({
          name,
          share: percent * 100,
          shadow: (shadow[name] ?? 0) * 100,
          ...size(name),
        })),
        ...left.map((name) => ({ name, share: 0, shadow: 0, ...size(name), dropped: true })),
      ],
    };
  }

  observed(): Observed {
    const known = new Set([...this.running.keys(), ...Object.keys(this.spec.shares)]);
    return {
      versions: [...known].map((name) => {
        const { signature = SIGNATURE, failure, exits = 0, lastExit } = this.natures[name] ?? {};
        const is = this.running.get(name);
        return {
          name,
          exists: is !== undefined,
          readyReplicas: is?.ready ?? 0,
          exits,
          ...(is && { size: is.size }),
          ...(failure && is && { failure }),
          ...(lastExit !== undefined && { lastExit }),
          ...(signature !== 'unknown' && is && is.ready > 0 && { signature }),
          address: { host: name, http: 8082 },
        };
      }),
      table: this.table,
      inForce: this.table === this.inForceTable,
      door: this.door,
      served: this.memory.starting === undefined,
    };
  }

  /** One look at the checks an interval; a window that is new knows nothing. */
  verdicts(): Verdicts | undefined {
    const { window } = this;
    const { analysis } = this.spec.rollout ?? {};
    if (!window || !analysis) return undefined;
    const looks = Math.floor((this.now - this.windowSince) / analysis.intervalMs);
    if (looks === 0) return undefined;
    const { id, step, window: begun, canaries } = window;
    const checks = analysis.checks.flatMap(({ metric = 'custom' }) =>
      canaries.map((version) => {
        const verdict = this.natures[version]?.verdict ?? 'Pass';
        return { version, name: metric, verdict, message: `${metric} is ${verdict === 'Fail' ? 0.213 : 0.001}` };
      }),
    );
    const nextAt = this.windowSince + (looks + 1) * analysis.intervalMs;
    return { key: { id, step, window: begun }, since: this.windowSince, looks, checks, nextAt };
  }

  input(): RolloutInput {
    return {
      rollout: this.spec.rollout,
      desired: this.desired(),
      observed: this.observed(),
      target: this.target,
      state: this.state,
      verdicts: this.verdicts(),
      command: this.command,
      now: this.now,
    };
  }

  get target(): string {
    const { shares, note = '' } = this.spec;
    const text = JSON.stringify([Object.entries(shares).filter(([, share]) => share > 0), note]);
    return [...text].reduce((hash, char) => (hash * 31 + char.charCodeAt(0)) >>> 0, 7).toString(16);
  }

  /** @param killed the process ends after it has stored what it decided */
  pass(killed = false): RolloutOutput {
    const before = this.snapshot;
    const input = this.input();
    const out = rollout(input);
    this.last = out;
    if (decidesAnew(this.stored, out.state)) this.stored = reread(out.state);
    if (killed) {
      this.restart();
      return out;
    }
    this.state = out.state;
    this.#open(out.window);
    const next = plan(out.goal, input.observed, this.memory, this.now);
    this.watch(before, out, next);
    this.#execute(next);
    return out;
  }

  #open(window: OpenWindow | undefined): void {
    const key = (of: OpenWindow | undefined) => of && `${of.id} ${of.step} ${of.window}`;
    if (key(window) !== key(this.window)) this.windowSince = this.now;
    this.window = window;
  }

  /** Another process takes over: of this one only what was stored is left. */
  restart(): void {
    this.state = reread(this.stored);
    this.window = undefined;
    if (!this.memory.starting) {
      this.memory = { lost: Object.fromEntries(Object.keys(this.memory.lost).map((name) => [name, {}])) };
    }
  }

  #execute(next: Plan): void {
    this.lastPlan = next;
    this.memory = JSON.parse(JSON.stringify(next.memory));
    if (next.table) this.table = trafficTable.parse(next.table);
    for (const { name, size } of next.run) {
      this.running.set(name, { ready: Math.min(this.running.get(name)?.ready ?? 0, size), size });
    }
    for (const name of next.retire) this.running.delete(name);
    if (next.entry !== undefined) this.door = next.entry;
    if (this.door && !this.running.get(this.door)?.ready) this.door = undefined;
  }

  /** @param upTo replicas at most */
  ready(name: string, upTo = Number.POSITIVE_INFINITY): this {
    const is = this.running.get(name);
    if (is && !this.natures[name]?.failure) is.ready = Math.min(is.size, upTo);
    return this;
  }

  inForce(): this {
    this.inForceTable = this.table;
    return this;
  }

  after(ms: number): this {
    this.now += ms;
    return this;
  }

  /** All get ready and follow the table; nothing waits but for the clock. */
  calm(): this {
    for (let round = 0; round < 20; round++) {
      const { table, state } = this;
      const sizes = JSON.stringify(this.sizes);
      this.pass();
      const quiet = this.table === table && sameJson(this.state, state) && JSON.stringify(this.sizes) === sizes;
      const ready = [...this.running].every(([name, is]) => is.ready === is.size || this.natures[name]?.failure);
      if (quiet && ready && this.table === this.inForceTable) break;
      for (const name of this.running.keys()) this.ready(name);
      this.inForce();
    }
    return this;
  }

  /** Lets time pass to whatever is waited for, until nothing is. Longer than any retirement. */
  untilRest(rounds = 400): this {
    for (let round = 0; round < rounds; round++) {
      this.calm();
      // What stands still is looked at on and on, and comes to no end by itself.
      const wakeAt = this.state?.phase === 'Paused' ? undefined : this.last?.wakeAt;
      const moments = [wakeAt, this.lastPlan?.wakeAt].filter((at) => at !== undefined);
      if (this.state && isWalking(this.state) && this.window && this.state.phase === 'Progressing') {
        moments.push(this.now + (this.spec.rollout?.analysis?.intervalMs ?? 0));
      }
      if (moments.length === 0) return this;
      this.now = Math.max(this.now, Math.min(...(moments as number[])));
    }
    throw new Error(`no rest: ${JSON.stringify(this.state)}`);
  }

  /** Percent of what is in the table. */
  get split(): Record<string, number> {
    const rows = (this.table?.versions ?? []).filter(({ share }) => share > 0);
    return Object.fromEntries(rows.map(({ name, share }) => [name, share / 100]));
  }

  get sizes(): Record<string, number> {
    return Object.fromEntries([...this.running].map(([name, { size }]) => [name, size]));
  }
}

export function expectAtRest(world: World): void {
  const before = world.snapshot;
  for (let again = 0; again < 3; again++) {
    world.pass();
    expect(world.lastPlan?.table).toBeUndefined();
    expect(sameJson(world.state, before.state)).toBe(true);
    expect(world.running).toEqual(before.running);
  }
}
