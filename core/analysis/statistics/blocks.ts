/**
 * How much more counts scatter between samples than independent requests would: the design effect φ (Kish, 1965), from
 * batch means at several scales, because a burst may be longer than one sample. What was seen is mixed with what is
 * assumed before anything was seen, so that the first look is careful and the hundredth believes its eyes.
 */

/** Counts of one sample. For a test of one version, the stable part is zero. */
export interface Block {
  /** Requests of the canary, and those of them that count against it. */
  n: number;
  x: number;
  /** The same of the stable version. */
  stableN: number;
  stableX: number;
}

/** A design effect assumed before anything was seen, and how many samples that is worth. */
export interface Prior {
  effect: number;
  weight: number;
}

/** (expected count, its variance if requests were independent) of a block, by what was estimated over all of them. */
export type Expectation = (block: Block, all: Block) => { mean: number; variance: number };

/** Samples that are kept apart; beyond it, neighbours are merged. */
export const MOST_BLOCKS = 512;
/** Below so many blocks a scale says nothing. */
const FEWEST_BLOCKS = 4;

export class Blocks {
  #blocks: Block[] = [];
  #all: Block = { n: 0, x: 0, stableN: 0, stableX: 0 };
  /** Samples in a kept block, and in the last one of them that is not full yet. */
  #width = 1;
  #inLast = 0;

  get all(): Readonly<Block> {
    return this.#all;
  }

  get length(): number {
    return this.#blocks.length;
  }

  add(block: Block): void {
    this.#all = joined(this.#all, block);
    const last = this.#blocks.length - 1;
    if (last >= 0 && this.#inLast < this.#width) {
      this.#blocks[last] = joined(this.#blocks[last] as Block, block);
      this.#inLast++;
      return;
    }
    if (this.#blocks.length >= MOST_BLOCKS) {
      this.#blocks = pairs(this.#blocks);
      this.#width *= 2;
    }
    this.#blocks.push({ ...block });
    this.#inLast = 1;
  }

  /** φ ≥ 1: the largest over all scales. */
  designEffect(expectation: Expectation, prior: Prior): number {
    let effect = 1;
    let blocks = this.#blocks;
    let weight = prior.weight;
    do {
      effect = Math.max(effect, this.#effectAt(blocks, expectation, { effect: prior.effect, weight }));
      blocks = pairs(blocks);
      weight /= 2;
    } while (blocks.length >= FEWEST_BLOCKS);
    return effect;
  }

  /** Pearson's X² over its degrees of freedom (Wedderburn, 1974), shrunk to the prior. */
  #effectAt(blocks: readonly Block[], expectation: Expectation, { effect, weight }: Prior): number {
    let sum = 0;
    let count = 0;
    for (const block of blocks) {
      const { mean, variance } = expectation(block, this.#all);
      if (!(variance > 0)) continue;
      sum += (block.x - mean) ** 2 / variance;
      count++;
    }
    return (weight * effect + sum) / (weight + Math.max(count - 1, 0));
  }
}

function joined(a: Block, b: Block): Block {
  return { n: a.n + b.n, x: a.x + b.x, stableN: a.stableN + b.stableN, stableX: a.stableX + b.stableX };
}

function pairs(blocks: readonly Block[]): Block[] {
  const merged: Block[] = [];
  for (let i = 0; i < blocks.length; i += 2) {
    const next = blocks[i + 1];
    merged.push(next ? joined(blocks[i] as Block, next) : (blocks[i] as Block));
  }
  return merged;
}
