/** The classification extension: an output's largest values in place of all of them. Pure. */
import { type NumberData, sizeOf, type Tensor } from './datatypes.ts';

/** Up to so many, the largest are gathered in one pass; above, all values are sorted. */
const FEW = 32;

/**
 * The `most` largest values of each item as the texts `VALUE:INDEX`, the largest first; of equal ones the first; NaN last.
 * Items are those of the first dimension; of a tensor of rank 0 or 1, all values are one item.
 * @returns BYTES of shape `[items, most]`, or `[most]` for rank 0 and 1; less than `most` if an item has less
 */
export function classify(tensor: Tensor, most: number): Tensor {
  const { name, shape } = tensor;
  const values = numbersOf(tensor);
  const items = shape.length > 1 ? (shape[0] as number) : 1;
  const each = shape.length > 1 ? sizeOf(shape.slice(1)) : values.length;
  const count = Math.min(most, each);
  const data: string[] = [];
  for (let item = 0; item < items; item++) {
    const start = item * each;
    const ranked = count > FEW ? sorted(values, start, each).slice(0, count) : largest(values, start, each, count);
    for (const index of ranked) data.push(`${values[start + index]}:${index}`);
  }
  return { name, datatype: 'BYTES', shape: shape.length > 1 ? [items, count] : [count], data };
}

type Ranked = ArrayLike<number | bigint>;

function numbersOf({ datatype, data }: Tensor): Ranked & { length: number } {
  const numbers = data as NumberData;
  return datatype === 'FP16' ? new Float16Array(numbers.buffer, numbers.byteOffset, numbers.length) : numbers;
}

/** Whether one value stands before another: larger, or a number where the other is none. */
function before(a: number | bigint, b: number | bigint): boolean {
  return a > b || (Number.isNaN(b) && !Number.isNaN(a));
}

function largest(values: Ranked, start: number, length: number, count: number): number[] {
  const best: number[] = [];
  const at = (index: number) => values[start + index] as number | bigint;
  for (let index = 0; index < length; index++) {
    if (best.length === count && !before(at(index), at(best[count - 1] as number))) continue;
    let place = best.length === count ? count - 1 : best.length;
    for (; place > 0 && before(at(index), at(best[place - 1] as number)); place--)
      best[place] = best[place - 1] as number;
    best[place] = index;
  }
  return best;
}

function sorted(values: Ranked, start: number, length: number): number[] {
  const at = (index: number) => values[start + index] as number | bigint;
  return Array.from({ length }, (_, index) => index).sort((a, b) =>
    before(at(a), at(b)) ? -1 : before(at(b), at(a)) ? 1 : a - b,
  );
}
