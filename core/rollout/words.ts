/** Moments and sentences of a walk. A sentence says nothing that changes by itself: at rest nothing is written. */
import { percentOf } from '../../api/units.ts';
import { type Route, type Shares, type Step, sharesAt } from './steps.ts';

/** RFC 3339. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}

/** ms since 1970; undefined for what is absent or no moment: a status may have been edited by hand. */
export function momentOf(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** `v1 75%, v2 25%` */
export function splitWords(shares: Shares): string {
  return Object.keys(shares)
    .sort()
    .map((name) => `${name} ${percentOf(shares[name] ?? 0)}%`)
    .join(', ');
}

/** `step 2 of 3 (v1 75%, v2 25%)` */
export function stepWords(state: Route & { step: number }, steps: readonly Step[]): string {
  const step = steps[state.step];
  if (!step) return `the last move (${splitWords(state.to)})`;
  return `step ${state.step + 1} of ${steps.length} (${splitWords(sharesAt(state.from, state.to, step.traffic))})`;
}

const UNITS: [ms: number, unit: string][] = [
  [3_600_000, 'h'],
  [60_000, 'm'],
  [1_000, 's'],
  [1, 'ms'],
];

/** 90000 → `1m30s` */
export function durationWords(ms: number): string {
  let rest = ms;
  let text = '';
  for (const [size, unit] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) text += `${count}${unit}`;
    rest -= count * size;
  }
  return text || '0s';
}

/** Longest message that a status takes. */
const MESSAGE = 2048;

export function cut(text: string, length = MESSAGE): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}
