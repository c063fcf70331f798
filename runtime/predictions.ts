/** Counts how the predictions of this process's version are distributed, while the traffic table asks for it. */
import { isLabel } from '../api/compare.ts';
import { RELATIVE_ERROR } from '../api/latency-sketch.ts';
import type { OutputCounts } from '../api/pod-report.ts';
import type { Observe } from '../api/traffic-table.ts';
import type { NumberData, Tensor } from './protocol/datatypes.ts';

const MOST_OUTPUTS = 8;
/** Values of an output that one answer counts for: some microseconds, however large it is. */
const MOST_VALUES = 32;
const MOST_LABELS = 64;
const MOST_LABEL_LENGTH = 100;
/** What is not among the first labels. */
const REST = '';
/** Buckets of the latency sketch, over a wider range: some 2,400 with both signs. */
const LOG_GAMMA = Math.log((1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR));
const LEAST = 1e-9;
const MOST = 1e12;

type Counts = Map<string | number, number>;

export class Predictions {
  /** Whether they are counted: what answers a request looks at nothing else. */
  on = false;
  #outputs: readonly string[] | undefined;
  /** Kept while the switch is off: counters only grow. */
  readonly #counts = new Map<string, { kind: OutputCounts['kind']; counts: Counts }>();

  /** @param observe of the table in force */
  use(observe: Pick<Observe, 'distribution' | 'outputs'> | undefined): void {
    this.on = observe?.distribution ?? false;
    this.#outputs = observe?.outputs;
  }

  /** An answer: the outputs that an analysis names, else all; of each some values, evenly over it. */
  count(outputs: readonly Tensor[]): void {
    for (const tensor of outputs) {
      if (this.#outputs && !this.#outputs.includes(tensor.name)) continue;
      const { kind, counts } = this.#of(tensor) ?? {};
      if (!counts) continue;
      const values = valuesOf(tensor);
      const step = Math.max(1, Math.ceil(values.length / MOST_VALUES));
      for (let at = 0; at < values.length; at += step) {
        const value = values[at] as string | number | bigint;
        add(counts, kind === 'numbers' ? bucketOf(value as number) : labelOf(value, tensor, counts));
      }
    }
  }

  /** Undefined while they are not counted. */
  snapshot(): Record<string, OutputCounts> | undefined {
    if (!this.on) return undefined;
    const shown = [...this.#counts].map(([name, { kind, counts }]) => [
      name,
      { kind, counts: Object.fromEntries([...counts].map(([key, count]) => [nameOf(key, kind), count])) },
    ]);
    return Object.fromEntries(shown);
  }

  #of({ name, datatype }: Tensor) {
    const known = this.#counts.get(name);
    if (known || this.#counts.size >= MOST_OUTPUTS) return known;
    const fresh = { kind: isLabel(datatype) ? ('labels' as const) : ('numbers' as const), counts: new Map() };
    this.#counts.set(name, fresh);
    return fresh;
  }
}

function valuesOf({ datatype, data }: Tensor) {
  if (datatype !== 'FP16') return data;
  const { buffer, byteOffset, length } = data as NumberData;
  return new Float16Array(buffer, byteOffset, length);
}

function add(counts: Counts, key: string | number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function labelOf(value: string | number | bigint, { datatype }: Tensor, counts: Counts): string {
  const label = datatype === 'BOOL' ? String(value === 1) : String(value).slice(0, MOST_LABEL_LENGTH);
  return counts.has(label) || counts.size < MOST_LABELS ? label : REST;
}

/** Twice the bucket of the absolute value, one more where it is negative: no text is made on the path of requests. */
function bucketOf(value: number): number {
  if (Number.isNaN(value)) return Number.NaN;
  if (value === 0) return Number.POSITIVE_INFINITY;
  const bucket = Math.ceil(Math.log(Math.min(Math.max(Math.abs(value), LEAST), MOST)) / LOG_GAMMA);
  return 2 * bucket + (value < 0 ? 1 : 0);
}

function nameOf(key: string | number, kind: OutputCounts['kind']): string {
  if (kind === 'labels') return key as string;
  const code = key as number;
  if (Number.isNaN(code)) return 'nan';
  if (code === Number.POSITIVE_INFINITY) return '0';
  const negative = code % 2 !== 0;
  return `${negative ? '-' : '+'}${(code - (negative ? 1 : 0)) / 2}`;
}
