/** Numbers behind the written forms of durations, quantities and percentages. Pure. */

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `1m30s` → 90000. The text must have passed the `duration` schema. */
export function durationMs(text: string): number {
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)/g)) {
    total += Number(amount) * (MILLISECONDS[unit as string] as number);
  }
  return total;
}

const MULTIPLIERS: Record<string, number> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** `128Mi` → 134217728, `500m` → 0.5. The value must have passed the `quantity` schema. */
export function quantityNumber(value: string | number): number {
  if (typeof value === 'number') return value;
  const [, amount, suffix] = /^([0-9.]+)([A-Za-z]*)$/.exec(value) ?? [];
  return Number(amount) * (suffix ? (MULTIPLIERS[suffix] ?? 1) : 1);
}

/** A quantity of bytes as a whole number, rounded up, that a JavaScript number holds exactly: `1.1Ki` → 1127. */
export function byteCount(value: string | number): number {
  return Math.min(Math.ceil(quantityNumber(value)), Number.MAX_SAFE_INTEGER);
}

/** All of something, in basis points. */
export const ALL = 10_000;

/** Percent (to a hundredth) → basis points: 12.5 → 1250. */
export function basisPoints(percent: number): number {
  return Math.round(percent * 100);
}

/** Basis points → percent: 1250 → 12.5. */
export function percentOf(points: number): number {
  return points / 100;
}
