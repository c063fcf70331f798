/** Who accepts the public connections. The next one takes the doors before the last one lets go: there is always one. */
import type { PublicDoors } from './listen-handle.ts';
import type { RuntimeProcess } from './process.ts';

export class DoorKeeper {
  readonly #doors: PublicDoors;
  #holder: RuntimeProcess | undefined;

  constructor(doors: PublicDoors) {
    this.#doors = doors;
  }

  /** The process that accepts; undefined when it has ended. */
  get holder(): RuntimeProcess | undefined {
    return this.#holder?.state === 'ended' ? undefined : this.#holder;
  }

  /** @returns whether the door changed hands @throws Error when `to` does not take it */
  async handOver(to: RuntimeProcess): Promise<boolean> {
    const before = this.holder;
    if (before === to) return false;
    const { http, grpc } = this.#doors;
    await to.take('http', http.handle);
    // A version may leave gRPC out; then nobody answers there while it has the doors.
    if (grpc && to.launch.entryGrpc !== undefined) await to.take('grpc', grpc.handle);
    this.#holder = to;
    before?.release();
    return true;
  }
}
