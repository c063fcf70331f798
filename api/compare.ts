/**
 * Whether two versions gave the same answer to one request, and if not, the first difference in words: what `disagreement`
 * means, to pods that compare copies and to who validates a change. Pure.
 */
import { unlikeSets } from './top-k.ts';
import type { Observe } from './traffic-table.ts';

/** A tensor as its process holds it. */
export interface ComparedTensor {
  name: string;
  /** Of the Open Inference Protocol. */
  datatype: string;
  shape: readonly number[];
  /** Row-major. Numbers; FP16 also as its 16 bits; labels as whatever `===` tells apart. */
  data: ArrayLike<unknown>;
}

/** How answers are compared; see `observe` of the traffic table. */
export type CompareRule = Pick<Observe, 'outputs' | 'absolute' | 'relative' | 'topK'>;

/** In force while the table says nothing of it. */
export const DEFAULT_RULE: CompareRule = { absolute: 1e-4, relative: 1e-3 };

const NUMBERS: ReadonlySet<string> = new Set(['FP16', 'FP32', 'FP64']);

/** Whether a value of it is right or wrong, not near or far: integers, BYTES and BOOL. */
export function isLabel(datatype: string): boolean {
  return !NUMBERS.has(datatype);
}

/**
 * Which of the outputs that a request was answered with are compared: those that the rule names; else those of labels
 * where the model has any, since scores of a model that was trained again are never the same; else all.
 * @param answered a request may ask for some of the model's outputs only
 * @param model all outputs of the model
 */
export function comparedOutputs<T extends ComparedTensor>(
  answered: readonly T[],
  model: readonly Pick<T, 'datatype'>[],
  { outputs }: Pick<CompareRule, 'outputs'>,
): readonly T[] {
  if (outputs) return answered.filter(({ name }) => outputs.includes(name));
  if (!model.some(({ datatype }) => isLabel(datatype))) return answered;
  return answered.filter(({ datatype }) => isLabel(datatype));
}

/**
 * @param stable the outputs to compare
 * @param other all outputs of the other answer
 * @returns the first difference, such as `output 'label'[3]: 7 became 1`; undefined: none
 */
export function difference(
  stable: readonly ComparedTensor[],
  other: readonly ComparedTensor[],
  rule: CompareRule,
): string | undefined {
  for (const tensor of stable) {
    const why = differenceOf(
      tensor,
      other.find(({ name }) => name === tensor.name),
      rule,
    );
    if (why !== undefined) return why;
  }
  return undefined;
}

function differenceOf(a: ComparedTensor, b: ComparedTensor | undefined, rule: CompareRule): string | undefined {
  const what = `output ${quoted(a.name)}`;
  if (!b) return `${what} is missing`;
  if (a.datatype !== b.datatype) return `${what}: datatype ${a.datatype} became ${b.datatype}`;
  if (a.shape.length !== b.shape.length || a.shape.some((dim, at) => dim !== b.shape[at])) {
    return `${what}: shape ${showShape(a.shape)} became ${showShape(b.shape)}`;
  }
  if (isLabel(a.datatype)) {
    const at = firstUnequal(a.data, b.data);
    return at < 0 ? undefined : `${what}${place(at, a.shape)}: ${show(a, at)} became ${show(b, at)}`;
  }
  const [x, y] = [floatsOf(a), floatsOf(b)];
  if (rule.topK !== undefined) {
    const why = unlikeSets(x, y, a.shape.at(-1) ?? 1, rule.topK);
    return why && `${what}${place(why.row, a.shape.slice(0, -1))}: ${why.text}`;
  }
  const at = firstFar(x, y, rule.absolute, rule.relative);
  if (at < 0) return undefined;
  const allowed = rule.absolute + rule.relative * Math.abs(x[at] as number);
  const by = Math.abs((x[at] as number) - (y[at] as number));
  return `${what}${place(at, a.shape)}: ${brief(x[at])} became ${brief(y[at])}, ${brief(by)} off, allowed ${brief(allowed)}`;
}

type Floats = ArrayLike<number>;

/** A runtime holds FP16 as its bits. */
function floatsOf({ data }: ComparedTensor): Floats {
  if (data instanceof Uint16Array) return new Float16Array(data.buffer, data.byteOffset, data.length);
  return data as Floats;
}

function firstUnequal(a: ArrayLike<unknown>, b: ArrayLike<unknown>): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return i;
  return -1;
}

/** Equal: |a − b| ≤ absolute + relative · |a|; the same infinity; NaN and NaN. */
function firstFar(a: Floats, b: Floats, absolute: number, relative: number): number {
  for (let i = 0; i < a.length; i++) {
    const x = a[i] as number;
    const y = b[i] as number;
    if (x === y) continue;
    const by = Math.abs(x - y);
    // An infinite difference is within no bound, though relative · ∞ is infinite too.
    if (by <= absolute + relative * Math.abs(x) && by < Number.POSITIVE_INFINITY) continue;
    if (Number.isNaN(x) && Number.isNaN(y)) continue;
    return i;
  }
  return -1;
}

/** `[2,3]` of a flat index; nothing for a scalar. */
function place(flat: number, shape: readonly number[]): string {
  if (shape.length === 0) return '';
  const indices: number[] = [];
  let rest = flat;
  for (const dim of shape.toReversed()) {
    indices.unshift(rest % dim);
    rest = Math.floor(rest / dim);
  }
  return showShape(indices);
}

function show({ datatype, data }: ComparedTensor, at: number): string {
  const value = data[at];
  if (typeof value === 'string') return quoted(value);
  return datatype === 'BOOL' ? String(Boolean(value)) : String(value);
}

function brief(value: number | undefined): string {
  return String(Number((value as number).toPrecision(7)));
}

function showShape(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

function quoted(name: string): string {
  return name.length > 80 ? `'${name.slice(0, 80)}…'` : `'${name}'`;
}
