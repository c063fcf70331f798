/**
 * Evidence against "the canary is within its bound", as test martingales. Each module here keeps sums of one and gives the
 * logarithm of its value, E, in nats. While the bound holds, P(E ever reaches 1/α) ≤ α, however often one looks (Ville,
 * 1939; Howard, Ramdas, McAuliffe, Sekhon, 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences").
 *
 * E is a mixture over a grid of alternatives (Robbins, 1970; the mixture sequential probability ratio test): a mean of
 * martingales is one, so nobody has to say beforehand how bad a bad canary is. The price is ln(size of the grid) nats.
 *
 * Requests that come in bursts are not independent. Each ln E is divided by a design effect φ ≥ 1 (Kish, 1965;
 * `blocks.ts`): as if 1/φ of the requests had been seen. E^(1/φ) never reaches 1/α before E does, so for independent
 * requests the bound above stays exact whatever φ was estimated; for bursts it holds as well as φ is known.
 */

/** Odds of an alternative over the odds at the bound. */
export const ODDS: readonly number[] = [1.2, 1.5, 2, 3, 5, 8, 15, 40, 200, 2000];

/** ln of the mean of exp(lᵢ/φ): what a mixture of martingales with logarithms lᵢ is worth. */
export function mixtureLog(logs: ArrayLike<number>, designEffect: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logs.length; i++) largest = Math.max(largest, (logs[i] as number) / designEffect);
  if (!Number.isFinite(largest)) return largest;
  let sum = 0;
  for (let i = 0; i < logs.length; i++) sum += Math.exp((logs[i] as number) / designEffect - largest);
  return largest + Math.log(sum / logs.length);
}
