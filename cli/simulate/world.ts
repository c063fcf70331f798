/** Versions that do as they are told, after a while: what stands in for pods and processes in a simulation. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { firstMemory, type Memory, type Observed, type Plan } from '../../core/model.ts';
import type { Served } from './source.ts';

/** From a table that was written to its being in force everywhere, ms. */
const TABLE_MS = 500;
/** Signatures of all versions are alike here: no file of samples tells them. */
const SIGNATURE = { inputs: [], outputs: [] };

export class World {
  /** From the start of a version to its being ready, ms. */
  readyAfterMs = 0;
  memory: Memory = firstMemory();
  readonly #readyAt = new Map<string, number>();
  #table: TrafficTable | undefined;
  #forced: TrafficTable | undefined;
  #writtenAt = 0;
  #door: string | undefined;
  #served = false;

  get running(): string[] {
    return [...this.#readyAt.keys()];
  }

  /** What users meet: the last table that came into force. */
  get served(): Served | undefined {
    if (!this.#forced) return undefined;
    const of = (pick: 'share' | 'shadow') => new Map(this.#forced?.versions.map((v) => [v.name, v[pick]]));
    return { shares: of('share'), shadows: of('shadow'), stable: this.#forced.primary };
  }

  observed(now: number): Observed {
    const inForce = this.#table !== undefined && now >= this.#writtenAt + TABLE_MS;
    if (inForce) {
      this.#forced = this.#table;
      this.#served = true;
    }
    const versions = [...this.#readyAt].map(([name, readyAt]) => ({
      name,
      exists: true,
      readyReplicas: now >= readyAt ? 1 : 0,
      size: 1,
      exits: 0,
      ...(now >= readyAt && { signature: SIGNATURE, address: { host: name, http: 1 } }),
    }));
    return { versions, table: this.#table, inForce, door: this.#door, served: this.#served };
  }

  apply(plan: Plan, now: number): void {
    this.memory = plan.memory;
    for (const { name } of plan.run) if (!this.#readyAt.has(name)) this.#readyAt.set(name, now + this.readyAfterMs);
    for (const name of plan.retire) this.#readyAt.delete(name);
    if (plan.table) {
      this.#table = plan.table;
      this.#writtenAt = now;
    }
    if (plan.entry !== undefined) this.#door = plan.entry;
  }
}
