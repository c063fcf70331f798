/** Made-up requests that are run before a model takes traffic: the first runs allocate, and show what can't run at all. */
import type { Clock } from '../clock.ts';
import { LoadError } from '../errors.ts';
import { sizeOf, type Tensor, zeros } from '../protocol/datatypes.ts';
import type { Signature, TensorSpec } from '../protocol/signature.ts';
import { type Measured, TINY_MS } from './placement.ts';
import type { Run } from './runner.ts';

/**
 * Zeros and empty strings.
 * @param sizes of the open dimensions. If that of an input is its first one, it counts items, and so does the first open
 *   one of each other input, such as a state that goes round; all others are inside an item.
 * @throws Error if that would be too large
 */
export function madeUpInputs(signature: Signature, sizes = { items: 1, inner: 1 }): Tensor[] {
  const counted = signature.inputs.some(opensFirst);
  return signature.inputs.map(({ name, datatype, shape }) => {
    const first = counted ? shape.indexOf(-1) : -1;
    const concrete = shape.map((dim, i) => (dim !== -1 ? dim : i === first ? sizes.items : sizes.inner));
    const size = sizeOf(concrete);
    // What a model fixes itself it needs, however large.
    if (shape.includes(-1) && size > MOST_VALUES)
      throw new Error(`input '${name}' of shape [${concrete.join()}] is too large to make up`);
    return { name, datatype, shape: concrete, data: zeros(datatype, size) };
  });
}

const isOpen = ({ shape, anyRank }: TensorSpec) => anyRank === true || shape.includes(-1);
const opensFirst = ({ shape }: TensorSpec) => shape[0] === -1;
const opensInside = ({ shape }: TensorSpec) => shape.indexOf(-1, 1) > 0;

/** What open dimensions after the first are taken for, such as a length of text or the side of a picture. */
const INNER_SIZES = [64, 128, 256, 512];
/** Values of one made-up input of an open shape. */
const MOST_VALUES = 2 ** 26;

/**
 * Runs `requests` made-up requests.
 * @returns whether they could be run
 * @throws LoadError WARMUP_FAILED, if every input is of a fixed shape. With open shapes a failure proves nothing (a
 *   model may ask for more of a dimension than its signature says): it is told as a warning and ends the warm-up.
 */
export async function warmUp(
  signature: Signature,
  run: Run,
  requests: number,
  warn: (message: string) => void,
): Promise<boolean> {
  if (requests === 0) return true;
  const outputs = signature.outputs.map((spec) => spec.name);
  const failures: string[] = [];
  for (const inner of signature.inputs.some(opensInside) ? [1, ...INNER_SIZES] : [1]) {
    try {
      const inputs = madeUpInputs(signature, { items: 1, inner });
      for (let done = 0; done < requests; done++) await run(inputs, outputs);
      return true;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  const [message] = failures;
  if (!signature.inputs.some(isOpen)) throw new LoadError('WARMUP_FAILED', `a made-up request failed: ${message}`);
  warn(`the warm-up's made-up request failed, which open shapes allow; going on unwarmed: ${message}`);
  return false;
}

/** Runs of one size; the shortest counts. */
const REPEATS = 3;
/** A run that takes this long is looked at once: pauses of a machine are shorter. */
const SLOW_MS = 5_000;

/**
 * How long a run takes: of one item, and of twice as many each time up to `maxBatchSize` if the model takes batches,
 * until a run is no longer tiny. So a slow model is run a few times with one item only.
 * @returns undefined if its shapes are so open that nothing made up could be run
 */
export async function measure(
  signature: Signature,
  run: Run,
  maxBatchSize: number,
  clock: Clock,
): Promise<Measured | undefined> {
  const timeOf = (items: number, inner: number) => timeRuns(signature, run, { items, inner }, clock);
  const guessed = signature.inputs.some(opensInside);
  const batches = [...signature.inputs, ...signature.outputs].every(opensFirst) && signature.inputs.length > 0;
  let measured: Measured | undefined;
  for (const inner of guessed ? INNER_SIZES : [1]) {
    for (let items = 1; ; items = Math.min(2 * items, maxBatchSize)) {
      const ms = await timeOf(items, inner);
      if (ms === undefined) break;
      measured = { items, ms, guessed };
      if (ms >= TINY_MS || !batches || items >= maxBatchSize) return measured;
    }
    if (measured) break;
  }
  return measured;
}

/** Two at least: a pause of the machine in the only one would take a tiny model for a slow one, for good. */
function looksAt(least: number): number {
  if (least === Number.POSITIVE_INFINITY || least < 10 * TINY_MS) return REPEATS;
  return least < SLOW_MS ? 2 : 1;
}

/** The shortest of some runs, ms; undefined if they can't be run. */
async function timeRuns(
  signature: Signature,
  run: Run,
  sizes: { items: number; inner: number },
  clock: Clock,
): Promise<number | undefined> {
  try {
    const inputs = madeUpInputs(signature, sizes);
    const outputs = signature.outputs.map((spec) => spec.name);
    let least = Number.POSITIVE_INFINITY;
    for (let looks = 0; looks < looksAt(least); looks++) {
      const started = clock.now();
      await run(inputs, outputs);
      least = Math.min(least, clock.now() - started);
    }
    return least;
  } catch {
    return undefined;
  }
}
