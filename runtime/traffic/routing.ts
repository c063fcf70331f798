/** One table made ready for requests: never changed once built, so a request sees one table from start to end. */
import type { VersionCounters } from '../../api/pod-report.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { SplitRequest } from '../split.ts';
import type { Circuit } from './circuit.ts';
import { targetKey } from './forwarder.ts';
import { cohortSlot, ownersOf, randomSlot } from './picker.ts';
import type { Target } from './target.ts';

/** How a version is reached from this process. */
export interface Route {
  readonly version: string;
  /** It is this process's own version. */
  readonly own: boolean;
  readonly counters: VersionCounters;
  /** Kept over a change of the table while the version's address stays. */
  readonly circuit: Circuit;
  readonly addressKey: string | undefined;
  /** Absent while the version has no address. */
  readonly target: Target | undefined;
}

export interface RoutingParts {
  table: TrafficTable;
  own: string;
  targets: ReadonlyMap<string, Target>;
  previous: Routing | undefined;
  countersOf(version: string): VersionCounters;
  newCircuit(version: string): Circuit;
}

export class Routing {
  readonly table: TrafficTable;
  readonly #routes: Route[];
  readonly #byName: ReadonlyMap<string, Route>;
  readonly #owners: Uint8Array;
  readonly #cohortHeader: string | undefined;

  constructor(parts: RoutingParts) {
    this.table = parts.table;
    this.#routes = parts.table.versions.map((version) => {
      const addressKey = version.address && targetKey(version.address);
      const before = parts.previous?.route(version.name);
      return {
        version: version.name,
        own: version.name === parts.own,
        counters: parts.countersOf(version.name),
        circuit: before && before.addressKey === addressKey ? before.circuit : parts.newCircuit(version.name),
        addressKey,
        target: addressKey === undefined ? undefined : parts.targets.get(addressKey),
      };
    });
    this.#byName = new Map(this.#routes.map((route) => [route.version, route]));
    this.#owners = ownersOf(parts.table);
    this.#cohortHeader = parts.table.cohort?.header.toLowerCase();
  }

  /** The version that an unpinned request belongs to: by its cohort if it has one, else by chance. */
  draw(request: SplitRequest, random: () => number): Route {
    const slot = this.#cohortOf(request) ?? randomSlot(random);
    return this.#routes[this.#owners[slot] as number] as Route;
  }

  route(version: string): Route | undefined {
    return this.#byName.get(version);
  }

  #cohortOf(request: SplitRequest): number | undefined {
    if (this.#cohortHeader === undefined) return undefined;
    const value = request.headers[this.#cohortHeader];
    if (typeof value !== 'string' || value === '') return undefined;
    return cohortSlot(this.table.model, value);
  }
}
