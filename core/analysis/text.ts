/** Numbers as verdicts name them. */

/** Three significant digits, without an exponent: 0.213, 0.00124, 1204 as 1,204. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'not a number' : value > 0 ? 'infinite' : '-infinite';
  const size = Math.abs(value);
  if (size >= 1_000) return count(Math.round(value));
  if (size > 0 && size < 1e-6) return value.toExponential(2);
  return String(Number(value.toPrecision(3)));
}

/** 2310 → 2,310. */
export function count(value: number): string {
  const digits = String(Math.abs(value)).replace(/\B(?=(\d{3})+$)/g, ',');
  return value < 0 ? `-${digits}` : digits;
}

export function seconds(value: number): string {
  return `${number(value)} s`;
}

/** 5.871 → 5.87 ×. */
export function times(value: number): string {
  return `${number(value)} ×`;
}

export function clipped(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
