/**
 * Where the predictions of one output lie, for two versions over a window: classes, and how far apart the versions are.
 * A label is a class. Numbers come in some hundred narrow buckets; they are joined to at most 16 classes of about equal
 * weight.
 */
import type { OutputCounts } from '../../../api/pod-report.ts';

/** What reports count under no name: labels beyond the 64 that each process names. */
export const UNNAMED = '';
const NUMBER_CLASSES = 16;
/** Keys kept of one output; labels beyond are unnamed. Numbers have some 1,100 buckets. */
const MOST_KEYS = 2_048;

/** Requests of the canary and of the stable version in one class. */
export interface Cell {
  canary: number;
  stable: number;
}

export class Distribution {
  readonly kind: OutputCounts['kind'];
  readonly #cells = new Map<string, Cell>();
  #canary = 0;
  #stable = 0;

  constructor(kind: OutputCounts['kind']) {
    this.kind = kind;
  }

  get canary(): number {
    return this.#canary;
  }

  get stable(): number {
    return this.#stable;
  }

  add(side: 'canary' | 'stable', counts: OutputCounts['counts']): void {
    for (const key in counts) {
      const count = counts[key] as number;
      const cell = this.#cell(key);
      cell[side] += count;
      if (side === 'canary') this.#canary += count;
      else this.#stable += count;
    }
  }

  #cell(key: string): Cell {
    const known = this.#cells.get(key);
    if (known) return known;
    if (this.#cells.size >= MOST_KEYS && key !== UNNAMED) return this.#cell(UNNAMED);
    const fresh = { canary: 0, stable: 0 };
    this.#cells.set(key, fresh);
    return fresh;
  }

  /** Class of each key that was seen. */
  classes(): Map<string, string> {
    return this.kind === 'labels' ? this.#labelClasses() : this.#numberClasses();
  }

  /**
   * Each process names the labels that it sees first. Where there are too many to name, a label that only one version
   * names may hide under the other's unnamed ones, so it is no class of its own.
   */
  #labelClasses(): Map<string, string> {
    const someUnnamed = this.#cells.has(UNNAMED);
    const own = ({ canary, stable }: Cell) => !someUnnamed || (canary > 0 && stable > 0);
    return new Map([...this.#cells].map(([key, cell]) => [key, own(cell) ? key : UNNAMED]));
  }

  #numberClasses(): Map<string, string> {
    const keys = [...this.#cells.keys()].sort((a, b) => placeOf(a) - placeOf(b));
    const classes = new Map<string, string>();
    let passed = 0;
    for (const key of keys) {
      const cell = this.#cells.get(key) as Cell;
      const weight = (share(cell.canary, this.#canary) + share(cell.stable, this.#stable)) / 2;
      const middle = Math.min(Math.floor((passed + weight / 2) * NUMBER_CLASSES), NUMBER_CLASSES - 1);
      classes.set(key, key === 'nan' ? key : String(middle));
      passed += weight;
    }
    return classes;
  }

  /** Keys of the classes that the canary gives more often than the stable version. */
  moreOften(): Set<string> {
    const classes = this.classes();
    const cells = this.#byClass(classes);
    const more = ({ canary, stable }: Cell) => canary * this.#stable > stable * this.#canary;
    return new Set([...classes].filter(([, name]) => more(cells.get(name) as Cell)).map(([key]) => key));
  }

  /**
   * Total variation distance, 0 to 1: half the sum of |p_c − p_s| over the classes. Chance alone makes the plain sum
   * large where there are many classes, so from each squared difference its variance is taken.
   */
  distance(): number {
    let sum = 0;
    for (const { canary, stable } of this.#byClass(this.classes()).values()) {
      const both = (canary + stable) / (this.#canary + this.#stable);
      const variance = both * (1 - both) * (1 / this.#canary + 1 / this.#stable);
      const difference = canary / this.#canary - stable / this.#stable;
      sum += Math.sqrt(Math.max(difference ** 2 - variance, 0));
    }
    return sum / 2;
  }

  #byClass(classes: Map<string, string>): Map<string, Cell> {
    const cells = new Map<string, Cell>();
    for (const [key, cell] of this.#cells) {
      const name = classes.get(key) as string;
      const known = cells.get(name) ?? { canary: 0, stable: 0 };
      known.canary += cell.canary;
      known.stable += cell.stable;
      cells.set(name, known);
    }
    return cells;
  }
}

function share(count: number, total: number): number {
  return total === 0 ? 0 : count / total;
}

/** Sorts `-7`, `-3`, `0`, `+3`, `+7`, `nan` by value: a larger index is a larger absolute value. */
function placeOf(key: string): number {
  if (key === 'nan') return Number.POSITIVE_INFINITY;
  if (key === '0') return 0;
  const index = Number(key.slice(1)) + 10_000;
  return key.startsWith('-') ? -index : index;
}
