/** Whether two answers of the Open Inference Protocol say the same, by the rule of a rollout's `disagreement`. Pure. */
import type { Change } from './changes.ts';

export interface OutputTensor {
  name: string;
  datatype: string;
  shape: number[];
  data: unknown[];
}

export type CompareRule = Change['compare'];

const NUMBERS: ReadonlySet<string> = new Set(['FP16', 'FP32', 'FP64']);

/** The outputs that count: those that the rule names; else labels where there are any; else all. */
function counted(outputs: readonly OutputTensor[], { outputs: named }: CompareRule): readonly OutputTensor[] {
  if (named) return outputs.filter(({ name }) => named.includes(name));
  const labels = outputs.filter(({ datatype }) => !NUMBERS.has(datatype));
  return labels.length > 0 ? labels : outputs;
}

/** @returns the first difference, such as `output 'label'[0]: 7 became 1` */
export function difference(
  served: readonly OutputTensor[],
  candidate: readonly OutputTensor[],
  rule: CompareRule,
): string | undefined {
  for (const tensor of counted(served, rule)) {
    const other = candidate.find(({ name }) => name === tensor.name);
    if (!other) return `output '${tensor.name}' is missing`;
    const why = tensorDifference(tensor, other, rule);
    if (why) return `output '${tensor.name}'${why}`;
  }
  return undefined;
}

function tensorDifference(a: OutputTensor, b: OutputTensor, rule: CompareRule): string | undefined {
  if (a.datatype !== b.datatype) return `: datatype ${a.datatype} became ${b.datatype}`;
  if (a.shape.join() !== b.shape.join()) return `: shape [${a.shape}] became [${b.shape}]`;
  if (!NUMBERS.has(a.datatype)) return firstApart(a, b, (x, y) => said(x) === said(y));
  const [x, y] = [a.data.map(Number), b.data.map(Number)];
  if (rule.topK !== undefined) return topDifference(x, y, a.shape.at(-1) ?? 1, rule.topK);
  return firstApart({ data: x }, { data: y }, (was, is) => near(was as number, is as number, rule));
}

function near(was: number, is: number, { absolute, relative }: CompareRule): boolean {
  if (was === is || (Number.isNaN(was) && Number.isNaN(is))) return true;
  return Math.abs(was - is) <= absolute + relative * Math.abs(was);
}

function firstApart(
  a: Pick<OutputTensor, 'data'>,
  b: Pick<OutputTensor, 'data'>,
  same: (x: unknown, y: unknown) => boolean,
): string | undefined {
  const at = a.data.findIndex((value, index) => !same(value, b.data[index]));
  return at < 0 ? undefined : `[${at}]: ${said(a.data[at])} became ${said(b.data[at])}`;
}

/** Whole numbers that JavaScript cannot hold come as `rawJSON`. */
const said = (value: unknown): string => JSON.stringify(value) ?? 'nothing';

function topDifference(x: number[], y: number[], row: number, k: number): string | undefined {
  const top = (values: number[], from: number) =>
    values
      .slice(from, from + row)
      .map((value, index) => ({ value, index }))
      .sort((one, other) => other.value - one.value || one.index - other.index)
      .slice(0, k)
      .map(({ index }) => index)
      .sort((one, other) => one - other);
  for (let from = 0; from < x.length; from += row) {
    const [was, is] = [top(x, from), top(y, from)];
    if (was.join() !== is.join()) return `, row ${from / row}: the top ${k} [${was}] became [${is}]`;
  }
  return undefined;
}
