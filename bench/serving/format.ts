/** Numbers as people read them. */
import type { Spread } from './statistics.ts';

/** Three significant digits, no exponent. */
export function short(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : 2);
}

export const ratio = (value: Spread | undefined): string => (value ? value.median.toFixed(2) : '–');

/** `0.97 (0.95–1.02)`. */
export const withSpread = (value: Spread | undefined): string =>
  value ? `${value.median.toFixed(2)} (${value.low.toFixed(2)}–${value.high.toFixed(2)})` : '–';

/** `8 s`, `4 min`. */
export function duration(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
