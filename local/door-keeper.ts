/** Who accepts the public connections. The next one takes the doors before the last one lets go: there is always one. */
import { authorityOf, type PublicDoors, urlOf } from './listen-handle.ts';
import type { RuntimeProcess } from './process.ts';
import type { Say } from './say.ts';

export class DoorKeeper {
  readonly #doors: PublicDoors;
  readonly #say: Say;
  #holder: RuntimeProcess | undefined;
  #served = false;

  constructor(doors: PublicDoors, say: Say) {
    this.#doors = doors;
    this.#say = say;
  }

  /** Whether anybody has ever had the door. */
  get served(): boolean {
    return this.#served;
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
    this.#tell(before?.launch.version, to.launch.version);
    this.#served = true;
    return true;
  }

  #tell(before: string | undefined, version: string): void {
    const { http, grpc } = this.#doors;
    const at = grpc ? `${urlOf(http)} and, over gRPC, ${authorityOf(grpc)}` : urlOf(http);
    if (!this.#served) this.#say('info', 'serving', `serving at ${at}, through ${version}`, version);
    else if (before !== version) {
      const instead = before === undefined ? '' : ` instead of ${before}`;
      this.#say('info', 'entry-moved', `${version} answers the door${instead}`, version);
    }
  }

  /** Nobody new comes in; who accepts goes on until it is told to drain. */
  close(): void {
    this.#doors.http.close();
    this.#doors.grpc?.close();
  }
}
