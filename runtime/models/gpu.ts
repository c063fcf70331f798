/** What a GPU is doing, as `nvidia-smi` of the driver says it. Asked seldom, and only where a GPU runs the model. */
import { execFile } from 'node:child_process';
import type { Clock } from '../clock.ts';

export interface GpuReading {
  /** As the driver counts it on this machine. */
  index: string;
  uuid: string;
  /** 0 to 1; undefined where the driver does not tell, as for a slice of a GPU. */
  utilization: number | undefined;
  memoryUsedBytes: number | undefined;
  memoryTotalBytes: number | undefined;
}

const QUERY = 'index,uuid,utilization.gpu,memory.used,memory.total';
/** Answers are kept for this long, ms. */
const KEPT_MS = 10_000;
const LIMIT_MS = 2_000;
/** More than a machine has: bounds what a program of that name can make of the metrics. */
const MOST_GPUS = 64;
const MIB = 2 ** 20;

/** `[N/A]` and the like are no numbers. */
function quantity(text: string | undefined, unit: number): number | undefined {
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) * unit : undefined;
}

/** @returns undefined if these are not lines of the answer */
export function parseGpus(text: string): GpuReading[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const readings: GpuReading[] = [];
  for (const line of lines.slice(0, MOST_GPUS)) {
    const [index = '', uuid = '', utilization, used, total, ...more] = line.split(',').map((cell) => cell.trim());
    if (!/^\d{1,3}$/.test(index) || !/^[\w-]{1,80}$/.test(uuid) || total === undefined || more.length > 0)
      return undefined;
    readings.push({
      index,
      uuid,
      utilization: quantity(utilization, 0.01),
      memoryUsedBytes: quantity(used, MIB),
      memoryTotalBytes: quantity(total, MIB),
    });
  }
  return readings.length > 0 ? readings : undefined;
}

export interface GpuOptions {
  clock: Pick<Clock, 'now'>;
  warn(message: string): void;
  /** How long an answer may take, ms. */
  limitMs?: number;
}

export class GpuMonitor {
  readonly #options: GpuOptions;
  readonly #limitMs: number;
  #asked = Number.NEGATIVE_INFINITY;
  #last: Promise<GpuReading[]> = Promise.resolve([]);
  #warned = false;

  constructor(options: GpuOptions) {
    this.#options = options;
    this.#limitMs = options.limitMs ?? LIMIT_MS;
  }

  /** At most 10 s old; empty if nothing could be read. Never rejects. */
  read(): Promise<GpuReading[]> {
    const now = this.#options.clock.now();
    if (now - this.#asked >= KEPT_MS) {
      this.#asked = now;
      this.#last = this.#ask();
    }
    return this.#last;
  }

  #ask(): Promise<GpuReading[]> {
    const { promise, resolve } = Promise.withResolvers<GpuReading[]>();
    const args = [`--query-gpu=${QUERY}`, '--format=csv,noheader,nounits'];
    const limits = { timeout: this.#limitMs, killSignal: 'SIGKILL', maxBuffer: 64 * 1024 } as const;
    execFile('nvidia-smi', args, limits, (error, stdout) => {
      const readings = error ? undefined : parseGpus(stdout);
      if (!readings) this.#warnOnce(error);
      resolve(readings ?? []);
    });
    return promise;
  }

  #warnOnce(error: (Error & { killed?: boolean }) | null): void {
    if (this.#warned) return;
    this.#warned = true;
    const why = error?.killed
      ? `it took more than ${this.#limitMs} ms`
      : (error?.message.trim() ?? 'it answered something else');
    this.#options.warn(`no metrics of the GPU: nvidia-smi could not be read: ${why.slice(0, 300)}`);
  }
}
