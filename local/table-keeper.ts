/** The traffic table: written, said, and remembered once every process follows it. */
import type { TrafficTable } from '../api/traffic-table.ts';
import { percentOf } from '../api/units.ts';
import type { Split } from '../core/model.ts';
import type { RuntimeProcess } from './process.ts';
import type { Say } from './say.ts';
import type { DeploymentState } from './state.ts';

export class TableKeeper {
  readonly #state: DeploymentState;
  readonly #say: Say;
  #table: TrafficTable | undefined;
  /** The shares that came into force last, in words. */
  #inForce = '';

  constructor(state: DeploymentState, say: Say) {
    this.#state = state;
    this.#say = say;
  }

  /** The one that was written last. */
  get table(): TrafficTable | undefined {
    return this.#table;
  }

  /** Whether all of these report it. */
  isInForce(serving: readonly RuntimeProcess[]): boolean {
    const { revision } = this.#table ?? {};
    return revision !== undefined && serving.every((process) => process.revision === revision);
  }

  write(table: TrafficTable): void {
    const moved = !this.#table || sharesOf(this.#table) !== sharesOf(table);
    this.#state.writeTable(table);
    this.#table = table;
    if (moved) this.#say('info', 'traffic-moved', `the split is ${sharesOf(table)} (revision ${table.revision})`);
  }

  /**
   * To be called while it is in force.
   * @param split to be remembered, when it is another than that of the table
   * @returns whether other shares have come into force than before
   */
  cameIntoForce(split: Split | undefined): boolean {
    const table = this.#table;
    if (!table || this.#inForce === sharesOf(table)) return false;
    this.#inForce = sharesOf(table);
    this.#state.splitIs(split ?? table.versions);
    return true;
  }
}

function sharesOf(table: TrafficTable): string {
  return table.versions.map(({ name, share }) => `${name} ${percentOf(share)}%`).join(', ');
}
