/** The targets that this process can forward to, one for each `HOST:PORT` of the table, kept while a table names it. */
import { lookup } from 'node:dns/promises';
import type { TableVersion } from '../../api/traffic-table.ts';
import type { Clock } from '../clock.ts';
import { type Resolve, Target } from './target.ts';

export interface ForwarderOptions {
  clock: Clock;
  random: () => number;
  resolve?: Resolve;
}

type Address = NonNullable<TableVersion['address']>;

export class Forwarder {
  readonly #options: Required<ForwarderOptions>;
  #targets = new Map<string, Target>();
  /** Targets that left the table, still finishing what they carry. */
  readonly #leaving = new Set<Promise<void>>();

  constructor({ clock, random, resolve = resolveHost }: ForwarderOptions) {
    this.#options = { clock, random, resolve };
  }

  /** The targets of these addresses and of no others; one that is still named stays as it is, connections and all. */
  use(addresses: readonly Address[]): Map<string, Target> {
    const next = new Map<string, Target>();
    for (const address of addresses) {
      const key = targetKey(address);
      const target = this.#targets.get(key) ?? new Target({ host: address.host, port: address.http, ...this.#options });
      next.set(key, target);
    }
    for (const [key, target] of this.#targets) if (!next.has(key)) this.#retire(target);
    this.#targets = next;
    return next;
  }

  /** Resolves when all connections are closed, after what is in flight. */
  async stop(): Promise<void> {
    this.use([]);
    await Promise.all(this.#leaving);
  }

  #retire(target: Target): void {
    const leaving = target.retire().finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

export function targetKey({ host, http }: Address): string {
  return `${host} ${http}`;
}

/** As the system resolves names, search domains and hosts file included. */
async function resolveHost(host: string): Promise<string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}
