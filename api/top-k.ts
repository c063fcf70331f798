/** The K largest values along the last dimension, as sets of indices. Pure. */

interface Numbers {
  readonly length: number;
  readonly [index: number]: number;
}

/**
 * Where the sets of indices of the K largest of each row are not the same.
 * @param width values of a row: the last dimension
 * @returns the first such row, and what left its set
 */
export function unlikeSets(
  a: Numbers,
  b: Numbers,
  width: number,
  k: number,
): { row: number; text: string } | undefined {
  if (k >= width) return undefined;
  for (let row = 0; row * width < a.length; row++) {
    const before = largest(a, row * width, width, k);
    const after = largest(b, row * width, width, k);
    const left = before.find((index) => !after.includes(index));
    if (left === undefined) continue;
    const came = after.find((index) => !before.includes(index));
    return { row, text: `${left} is no longer among the indices of the ${k} largest, ${came} is` };
  }
  return undefined;
}

/** Largest first; of equals the one of the lower index. NaN is below all numbers. */
function largest(values: Numbers, from: number, width: number, k: number): number[] {
  const best: number[] = [];
  const above = (x: number, y: number) => x > y || (Number.isNaN(y) && !Number.isNaN(x));
  const at = (index: number) => values[from + index] as number;
  for (let index = 0; index < width; index++) {
    if (best.length === k && !above(at(index), at(best[k - 1] as number))) continue;
    let place = Math.min(best.length, k - 1);
    while (place > 0 && above(at(index), at(best[place - 1] as number))) {
      best[place] = best[place - 1] as number;
      place--;
    }
    best[place] = index;
  }
  return best;
}
