/** Who accepts the public connections. The next one takes the door before the last one lets go: there is always one. */
import type { RuntimeProcess } from './process.ts';

export class DoorKeeper {
  readonly #handle: unknown;
  #holder: RuntimeProcess | undefined;

  constructor(handle: unknown) {
    this.#handle = handle;
  }

  /** The process that accepts; undefined when it has ended. */
  get holder(): RuntimeProcess | undefined {
    return this.#holder?.state === 'ended' ? undefined : this.#holder;
  }

  /** @returns whether the door changed hands @throws Error when `to` does not take it */
  async handOver(to: RuntimeProcess): Promise<boolean> {
    const before = this.holder;
    if (before === to) return false;
    await to.take(this.#handle);
    this.#holder = to;
    before?.release();
    return true;
  }
}
