/** Parsers of option values, for commander. */
import { InvalidArgumentError } from 'commander';
import { durationMs } from '../../api/units.ts';

/** A whole number from `least` to `most`. */
export function atLeast(least: number, most = Number.MAX_SAFE_INTEGER): (value: string) => number {
  return (value) => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
    throw new InvalidArgumentError(`Expected a whole number ${range}.`);
  };
}

/** `CLAIM=DIR`, collected. */
export function volumeValue(value: string, before: Record<string, string> = {}): Record<string, string> {
  const [, claim, folder] = /^([^=/]+)=(.+)$/.exec(value) ?? [];
  if (!claim || !folder) throw new InvalidArgumentError('Expected CLAIM=DIR, such as models=examples.');
  if (Object.hasOwn(before, claim)) throw new InvalidArgumentError(`The claim ${claim} has a folder already.`);
  return { ...before, [claim]: folder };
}

/** A length of time such as `90s` or `1m30s`, in ms. */
export function spanValue(value: string): number {
  if (/^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$/.test(value)) return durationMs(value);
  throw new InvalidArgumentError('Expected a length of time, such as 90s or 1m30s.');
}

/** An http:// or https:// URL. */
export function urlValue(value: string): string {
  const { protocol } = URL.parse(value) ?? {};
  if (protocol === 'http:' || protocol === 'https:') return value;
  throw new InvalidArgumentError('Expected a URL, such as http://127.0.0.1:9090.');
}

/** A text, collected. */
export function collected(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** A number of 0 or more. */
export function numberValue(value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && Number.isFinite(number) && number >= 0) return number;
  throw new InvalidArgumentError('Expected a number of 0 or more, such as 1e-4.');
}

/** From 0 to 1. */
export function fractionValue(value: string): number {
  const number = Number(value);
  if (value.trim() !== '' && number >= 0 && number <= 1) return number;
  throw new InvalidArgumentError('Expected a fraction from 0 to 1, such as 0.05.');
}
