/** The split of a process that has a traffic table: the door between the routes and this folder. */
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { Answer } from '../answer.ts';
import type { Clock } from '../clock.ts';
import type { VersionBook } from '../counters.ts';
import { RequestError } from '../errors.ts';
import { type AnswerOwn, type Split, type SplitRequest, unknownVersion } from '../split.ts';
import { Circuit } from './circuit.ts';
import { Forwarder } from './forwarder.ts';
import { FORWARDED_HEADER } from './headers.ts';
import { Mirror } from './mirror.ts';
import { Routing } from './routing.ts';
import { Shield } from './shield.ts';
import { TableSource, type TrafficLogger } from './table-source.ts';
import type { Resolve } from './target.ts';

export interface TrafficOptions {
  model: string;
  ownVersion: string;
  /** Without it everything is answered by the process's own version. */
  tableFile: string | undefined;
  clock: Clock;
  /** Uniform in [0, 1). */
  random: () => number;
  logger: TrafficLogger;
  counters: VersionBook;
  /** Called with each table that comes into force. */
  onTable?(table: TrafficTable): void;
  /** Host name → addresses; the system's resolver unless a test says otherwise. */
  resolve?: Resolve;
  /** That a version may take for a copy of a request, ms. Default 30 s. */
  timeoutMs?: number;
  /** Whether this process has enough to do already, so that nothing is copied. Default: never. */
  pressure?(): boolean;
  /** Ms since 1970. Default: the system's. */
  wallClock?(): number;
}

export interface Traffic extends Split {
  /** Told of what was answered as the own version. */
  readonly mirror: Mirror;
  /** Reads the table, so that it is in force before the first request. A missing or bad file is logged, not thrown. */
  start(): Promise<void>;
  /** To be called when nothing comes in any more; resolves when all connections to other versions are closed. */
  stop(): Promise<void>;
  /** How many contents of the table's file were refused. */
  refusedTables(): number;
}

export function createTraffic(options: TrafficOptions): Traffic {
  return new TableSplit(options);
}

class TableSplit implements Traffic {
  readonly mirror: Mirror;
  readonly #options: TrafficOptions;
  readonly #forwarder: Forwarder;
  readonly #shield: Shield;
  readonly #source: TableSource | undefined;
  readonly #ownCounters: ReturnType<VersionBook['of']>;
  #routing: Routing | undefined;

  constructor(options: TrafficOptions) {
    const { model, ownVersion, clock, logger, tableFile: file, ...others } = options;
    this.#options = options;
    this.#forwarder = new Forwarder(options);
    this.#shield = new Shield({ model, own: ownVersion, clock });
    this.#ownCounters = options.counters.of(ownVersion);
    const { random, counters, timeoutMs = 30_000, pressure = () => false, wallClock = Date.now } = others;
    const warn = (details: object, message: string) => logger.warn(details, message);
    const load = { timeoutMs, pressure, wallClock, warn };
    this.mirror = new Mirror({ model, own: ownVersion, clock, random, counters, ...load });
    const onTable = (table: TrafficTable) => this.#use(table);
    if (file !== undefined) this.#source = new TableSource({ file, model, clock, logger, onTable });
  }

  async start(): Promise<void> {
    await this.#source?.start();
  }

  async stop(): Promise<void> {
    await this.#source?.stop();
    this.mirror.stop();
    await this.#forwarder.stop();
  }

  table(): TrafficTable | undefined {
    return this.#routing?.table;
  }

  refusedTables(): number {
    return this.#source?.refused ?? 0;
  }

  versions(): string[] {
    const own = this.#options.ownVersion;
    const names = this.#routing?.table.versions.map(({ name }) => name) ?? [];
    return names.includes(own) ? names : [own, ...names];
  }

  handle(request: SplitRequest, answerOwn: AnswerOwn): Promise<Answer> {
    const routing = this.#routing;
    if (request.pinned !== undefined) return this.#pinned(request.pinned, routing, request, answerOwn);
    if (routing !== undefined && request.headers[FORWARDED_HEADER] === undefined) {
      const route = routing.draw(request, this.#options.random);
      route.counters.routed++;
      return route.own ? answerOwn() : this.#shield.drawn(route, request, answerOwn);
    }
    this.#ownCounters.routed++;
    return answerOwn();
  }

  #pinned(version: string, routing: Routing | undefined, request: SplitRequest, answerOwn: AnswerOwn): Promise<Answer> {
    if (version === this.#options.ownVersion) {
      this.#ownCounters.routed++;
      return answerOwn();
    }
    const route = routing?.route(version);
    if (!route) return Promise.reject(unknownVersion(version, this.versions()));
    if (request.headers[FORWARDED_HEADER] !== undefined) {
      const message = `this is version '${this.#options.ownVersion}', and a request is forwarded once only`;
      return Promise.reject(new RequestError('MISDIRECTED', message));
    }
    route.counters.routed++;
    return this.#shield.pinned(route, request);
  }

  #use(table: TrafficTable): void {
    const { ownVersion, counters, onTable } = this.#options;
    const others = table.versions.filter(({ name }) => name !== ownVersion);
    const targets = this.#forwarder.use(others.flatMap(({ address }) => address ?? []));
    this.#routing = new Routing({
      table,
      own: ownVersion,
      targets,
      previous: this.#routing,
      countersOf: (version) => counters.of(version),
      newCircuit: (version) => this.#newCircuit(version),
    });
    this.mirror.use(this.#routing);
    onTable?.(table);
  }

  #newCircuit(version: string): Circuit {
    const { clock, logger } = this.#options;
    return new Circuit(clock, (state, delayMs) => {
      if (state === 'open')
        logger.warn({ version, delayMs }, 'the version keeps failing and is left alone for a while');
      if (state === 'closed') logger.info({ version }, 'the version answers again');
    });
  }
}
