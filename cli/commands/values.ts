/** Parsers of option values, for commander. */
import { InvalidArgumentError } from 'commander';

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
