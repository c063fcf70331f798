/** Which rules of a CRD a table of cases tries, and on which side. */
import type { RuleCase } from '../../api/rule-cases.ts';

interface Rule {
  message: string;
  /** CEL. */
  rule: string;
}

interface Schema {
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  'x-kubernetes-validations'?: Rule[];
}

/** Stands for any item of a list, or any key of a map. */
const ANY = '*';

type Place = { path: string[]; rule: Rule };

/**
 * The messages of `schema` that no case is refused for, and those that no accepted case meets: where a rule lies the
 * manifest has a value, and for a rule about a change (`oldSelf`) the manifest before it too.
 */
export function uncovered(
  schema: object,
  cases: readonly RuleCase[],
): { neverRefused: string[]; neverAccepted: string[] } {
  const places = rulesOf(schema as Schema, []);
  const messages = [...new Set(places.map(({ rule }) => rule.message))];
  const accepted = cases.filter(({ refused }) => refused === undefined);
  return {
    neverRefused: messages.filter((message) => !cases.some(({ refused }) => refused && message.includes(refused))),
    neverAccepted: messages.filter(
      (message) => !places.some((place) => place.rule.message === message && accepted.some((one) => meets(one, place))),
    ),
  };
}

function rulesOf(schema: Schema, path: string[]): Place[] {
  const { properties = {}, items, additionalProperties } = schema;
  const values = typeof additionalProperties === 'object' ? additionalProperties : undefined;
  const inner: [string, Schema][] = Object.entries(properties);
  for (const each of [items, values]) if (each) inner.push([ANY, each]);
  const own = (schema['x-kubernetes-validations'] ?? []).map((rule) => ({ path, rule }));
  return [...own, ...inner.flatMap(([key, below]) => rulesOf(below, [...path, key]))];
}

function meets({ manifest, before }: RuleCase, { path, rule }: Place): boolean {
  return has(manifest, path) && (!rule.rule.includes('oldSelf') || (before !== undefined && has(before, path)));
}

function has(value: unknown, [key, ...rest]: string[]): boolean {
  if (value === undefined || value === null) return false;
  if (key === undefined) return true;
  if (typeof value !== 'object') return false;
  if (key === ANY) return Object.values(value).some((item) => has(item, rest));
  return has((value as Record<string, unknown>)[key], rest);
}
