/** Guesses at what was meant: names that are near, and the usual slips of YAML. */
import { distance } from 'fastest-levenshtein';
import { z } from 'zod';
import { MODEL_SCHEMES } from './model.ts';

/** The nearest of the names, where one is near enough that it may have been meant. */
export function nearest(name: string, names: readonly string[]): string | undefined {
  const folded = name.toLowerCase();
  // Two letters swapped are a distance of two.
  const limit = Math.max(2, Math.floor(name.length / 3));
  let best: { candidate: string; far: number } | undefined;
  for (const candidate of names) {
    const far = distance(folded, candidate.toLowerCase());
    if (far <= limit && (best === undefined || far < best.far)) best = { candidate, far };
  }
  return best?.candidate;
}

/** @param written the scalar as it stands in the file, where that is known */
export function slip(value: unknown, schema: z.ZodType | undefined, written?: string): string | undefined {
  if (schema === undefined) return undefined;
  const format = schema.meta()?.['x-format'];
  if (format === 'duration') return durationSlip(value);
  if (format === 'quantity' || format === 'size') return quantitySlip(value);
  if (schema instanceof z.ZodNumber) return typeof value === 'string' ? numberSlip(value) : undefined;
  if (schema instanceof z.ZodBoolean) return booleanSlip(value);
  if (schema instanceof z.ZodString) return stringSlip(value, schema, written);
  if (schema instanceof z.ZodArray && typeof value === 'string') return `write [${value}]`;
  if (schema instanceof z.ZodArray && typeof value === 'object') return 'start each item of the list with "- "';
  return undefined;
}

function numberSlip(text: string): string | undefined {
  const plain = /^\s*(-?[0-9]+(?:\.[0-9]+)?)\s*(%?)\s*$/.exec(text);
  if (!plain) return undefined;
  return plain[2] ? `write ${plain[1]} without the percent sign` : `write ${plain[1]} without quotes`;
}

function booleanSlip(value: unknown): string | undefined {
  const word = String(value).toLowerCase();
  if (['yes', 'on', 'true', 'y', '1'].includes(word)) return 'write true without quotes';
  return ['no', 'off', 'false', 'n', '0'].includes(word) ? 'write false without quotes' : undefined;
}

const UNITS: Record<string, string> = {
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  hour: 'h',
  hours: 'h',
  hr: 'h',
  hrs: 'h',
};

function durationSlip(value: unknown): string | undefined {
  if (typeof value === 'number') return `write it with a unit, such as ${value}s or ${value}ms`;
  const parts = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*$/.exec(String(value));
  if (!parts) return undefined;
  const [, amount, unit = ''] = parts;
  if (unit === '') return `write it with a unit, such as ${amount}s or ${amount}ms`;
  if (/^d(ays?)?$/i.test(unit)) return `write ${Number(amount) * 24}h`;
  const known = UNITS[unit.toLowerCase()] ?? (['ms', 's', 'm', 'h'].includes(unit) ? unit : undefined);
  return known ? `write ${amount}${known}` : undefined;
}

function quantitySlip(value: unknown): string | undefined {
  if (typeof value === 'number' && value > 0) return `write "${value}" in quotes, or ${Math.round(value * 1000)}m`;
  const parts = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([kKmMgGtT])(i?)[bB]?\s*$/.exec(String(value));
  if (!parts) return undefined;
  const [, amount, letter = '', binary] = parts;
  const big = letter.toUpperCase();
  const decimal = big === 'K' ? 'k' : big;
  return binary ? `write ${amount}${big}i` : `write ${amount}${big}i, or ${amount}${decimal} for powers of ten`;
}

function stringSlip(value: unknown, schema: z.ZodString, written?: string): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return `put it in quotes: "${written ?? value}"`;
  if (typeof value !== 'string') return undefined;
  const candidates = [
    value.trim(),
    value.trim().toLowerCase(),
    value
      .trim()
      .toLowerCase()
      .replace(/^sha256:/, ''),
    value
      .trim()
      .toLowerCase()
      .replaceAll(/[_. ]+/g, '-'),
    `v${value.trim().toLowerCase()}`,
    value.replace(/^([a-z0-9+.-]+)(?=:\/\/)/, (scheme) => nearest(scheme, MODEL_SCHEMES) ?? scheme),
  ];
  const right = candidates.find((candidate) => candidate !== value && schema.safeParse(candidate).success);
  return right === undefined ? undefined : `write ${right}`;
}
