/**
 * The traffic table's file: read at the start, again when its folder changes, and each second in case a watch misses
 * something. A table that is not valid, not ours or not newer never replaces one in force.
 */
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type TrafficTable, trafficTable } from '../../api/traffic-table.ts';
import type { Clock } from '../clock.ts';

const POLL_MS = 1_000;

/** The part of pino that is used here. */
export interface TrafficLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export interface TableSourceOptions {
  file: string;
  model: string;
  clock: Clock;
  logger: TrafficLogger;
  /** Called with each table that comes into force, before the source reads on. */
  onTable(table: TrafficTable): void;
}

export class TableSource {
  readonly #options: TableSourceOptions;
  #table: TrafficTable | undefined;
  /** What was last read, good or bad: nothing is judged or logged twice. `undefined` before the first read. */
  #seen: string | undefined;
  #inForce: string | undefined;
  #missing = false;
  #refused = 0;
  #stopped = false;
  #reading: Promise<void> | undefined;
  #again = false;
  #unwatch: (() => void) | undefined;
  #cancelPoll: (() => void) | undefined;

  constructor(options: TableSourceOptions) {
    this.#options = options;
  }

  get table(): TrafficTable | undefined {
    return this.#table;
  }

  /** Contents of the file that were refused. */
  get refused(): number {
    return this.#refused;
  }

  /** Reads the file once, and from then on whenever it may have changed. A file that is not there yet is no error. */
  async start(): Promise<void> {
    this.#watch();
    await this.check();
    this.#poll();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#unwatch?.();
    this.#cancelPoll?.();
    await this.#reading;
  }

  /** Reads the file now, or once more after the reading under way. */
  check(): Promise<void> {
    this.#again = true;
    this.#reading ??= this.#readWhileAsked().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  async #readWhileAsked(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      await this.#read();
    }
  }

  async #read(): Promise<void> {
    const { file, logger } = this.#options;
    try {
      const content = await readFile(file, 'utf8');
      this.#missing = false;
      if (content !== this.#seen && content !== this.#inForce && !this.#stopped) this.#judge(content);
      this.#seen = content;
    } catch (error) {
      if (this.#missing) return;
      this.#missing = true;
      logger.warn({ file, err: error, revision: this.#table?.revision }, 'the traffic table cannot be read');
    }
  }

  #judge(content: string): void {
    const { file, logger, onTable } = this.#options;
    const judged = readTable(content, this.#options.model, this.#table?.revision ?? 0);
    if (typeof judged === 'string') {
      this.#refused++;
      logger.warn({ file, why: judged, revision: this.#table?.revision }, 'the traffic table is refused');
      return;
    }
    this.#table = judged;
    this.#inForce = content;
    onTable(judged);
    logger.info({ revision: judged.revision, primary: judged.primary }, 'the traffic table is in force');
  }

  /** On the folder: a rename over the file, and the `..data` link of a ConfigMap, both leave a watch of the file behind. */
  #watch(): void {
    try {
      const watcher = watch(dirname(this.#options.file), { persistent: false }, () => void this.check());
      this.#unwatch = () => watcher.close();
      watcher.on('error', () => {
        watcher.close();
        this.#unwatch = undefined;
      });
    } catch {
      // The folder is not there yet, or the system is out of watches: each poll tries again.
    }
  }

  #poll(): void {
    if (this.#stopped) return;
    this.#cancelPoll = this.#options.clock.after(POLL_MS, () => {
      if (!this.#unwatch) this.#watch();
      void this.check().then(() => this.#poll());
    });
  }
}

/** @param newest revision in force, 0 for none @returns the table, or why it is refused */
function readTable(content: string, model: string, newest: number): TrafficTable | string {
  let json: unknown;
  try {
    json = JSON.parse(content);
  } catch (error) {
    return `not JSON: ${(error as Error).message}`;
  }
  const parsed = trafficTable.safeParse(json);
  if (!parsed.success) {
    return parsed.error.issues
      .map(({ path, message }) => `${path.join('.')}: ${message}`.slice(0, 200))
      .join('; ')
      .slice(0, 1_000);
  }
  const table = parsed.data;
  if (table.model !== model) return `it is the table of model '${table.model}', not of '${model}'`;
  if (table.revision <= newest) return `revision ${table.revision} is not newer than ${newest}, which is in force`;
  return table;
}
