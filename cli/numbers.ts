/** Numbers as people read them, never wider than they need to be. Pure. */

/** 90 → `90%`, 89.74 → `89.7%`, 0.25 → `0.25%`. @param value percent */
export function percentText(value: number): string {
  const digits = value > 0 && value < 1 ? 2 : 1;
  return `${Number(value.toFixed(digits))}%`;
}

/** 89.74 → `89.7%`, 90 → `90.0%`: always one decimal, for what is measured. @param value percent */
export function measuredPercent(value: number): string {
  return `${value.toFixed(1)}%`;
}

/** 0.000843 → `0.84 ms`, 0.0123 → `12.3 ms`, 2.5 → `2.50 s`. @param seconds a length of time */
export function latencyText(seconds: number | undefined): string {
  if (seconds === undefined) return '–';
  const ms = seconds * 1_000;
  if (ms >= 1_000) return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** 0 → `0`, 3.25 → `3.3`, 1204 → `1,204`, 12345678 → `12.3M`. */
export function rateText(value: number): string {
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(1) : countText(Math.round(value));
}

/** 1204 → `1,204`, 123456 → `123,456`, 12345678 → `12.3M`. @param value a whole number */
export function countText(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1 request`, `2 requests`. */
export function counted(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}
