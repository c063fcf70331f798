/** The keepers of one ModelDeployment's versions. */
import type { Launch } from '../api/launch.ts';
import type { TrafficTable } from '../api/traffic-table.ts';
import type { ObservedVersion } from '../core/model.ts';
import type { RuntimeProcess } from './process.ts';
import { type KeeperOptions, VersionKeeper } from './version-keeper.ts';

export type VersionsOptions = Omit<KeeperOptions, 'name' | 'launch'>;

/** How long a stopping process answers on open connections while its callers move away: they look again every 5 s. */
const LAME_DUCK_MS = 6_000;

export class Versions {
  readonly #options: VersionsOptions;
  readonly #keepers = new Map<string, VersionKeeper>();

  constructor(options: VersionsOptions) {
    this.#options = options;
  }

  get names(): string[] {
    return [...this.#keepers.keys()];
  }

  get(name: string): VersionKeeper | undefined {
    return this.#keepers.get(name);
  }

  observed(): ObservedVersion[] {
    return [...this.#keepers.values()].map((keeper) => ({
      name: keeper.name,
      exists: true,
      readyReplicas: keeper.ready ? 1 : 0,
      size: 1,
      address: keeper.address,
      exits: keeper.exits,
      ...(keeper.failure && { failure: keeper.failure }),
      ...(keeper.lastEnd && { lastExit: keeper.lastEnd.cause }),
      ...(keeper.signature && { signature: keeper.signature }),
    }));
  }

  /** All processes that have not ended. */
  alive(): RuntimeProcess[] {
    return [...this.#keepers.values()].flatMap((keeper) => [...keeper.alive]);
  }

  /** Processes that may answer users: all that are ready, replaced ones among them. */
  serving(): RuntimeProcess[] {
    return this.alive().filter((process) => process.state === 'ready');
  }

  ensure(name: string, launch: Launch): void {
    if (!this.#keepers.has(name)) this.#keepers.set(name, new VersionKeeper({ ...this.#options, name, launch }));
  }

  /** New settings for those that exist. */
  update(launches: ReadonlyMap<string, Launch>): void {
    for (const [name, launch] of launches) this.#keepers.get(name)?.update(launch);
  }

  /** @returns processes that are ready and gave no report */
  async poll(custom?: readonly string[]): Promise<RuntimeProcess[]> {
    return (await Promise.all([...this.#keepers.values()].map((keeper) => keeper.poll(custom)))).flat();
  }

  /** Lets replaced processes go to which the table leads nobody any more. @param table in force everywhere */
  drainReplaced(table: TrafficTable, doorHolder: RuntimeProcess | undefined): void {
    for (const keeper of this.#keepers.values()) {
      const port = table.versions.find((v) => v.name === keeper.name)?.address?.http;
      if (!keeper.ready || port !== keeper.ready.directPort) continue;
      for (const process of keeper.replaced) if (process !== doorHolder) process.drain(LAME_DUCK_MS);
    }
  }

  /** Stops a version that nobody calls any more. @param onGone when its processes have ended */
  retire(name: string, onGone: () => void): void {
    const keeper = this.#keepers.get(name);
    if (!keeper || keeper.stopping) return;
    this.#options.say('info', 'version-retiring', `${name} gets no more requests and stops`, name);
    keeper.stop(LAME_DUCK_MS);
    Promise.all([...keeper.alive].map((process) => process.ended)).then(() => {
      this.#keepers.delete(name);
      this.#options.say('info', 'version-stopped', `${name} has stopped`, name);
      onGone();
    });
  }

  /** In flight requests are answered, then all end. */
  async stop(): Promise<void> {
    for (const keeper of this.#keepers.values()) keeper.stop(0);
    await Promise.all(this.alive().map((process) => process.ended));
  }

  kill(): void {
    for (const keeper of this.#keepers.values()) keeper.kill();
  }
}
