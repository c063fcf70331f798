/**
 * Laws over more than one field. Each is stated twice, in CEL for the API server and as a predicate for files on a
 * laptop, side by side, so that both refuse the same things with the same words.
 */
import type { z } from 'zod';

export interface Rule<T> {
  /** CEL over `self` (and `oldSelf` for a transition rule), as `x-kubernetes-validations` takes it. */
  cel: string;
  /** What is wrong and what to do; the same words in both places. */
  message: string;
  /** What follows the message with the numbers of the case; for files only, as CEL's `messageExpression` has no budget for it. */
  detail?: (value: T) => string;
  /** Whether the value obeys. Left out for transition rules: a file on its own has no old value. */
  holds?: (value: T) => boolean;
  /** For a transition rule: whether the value may take the place of the old one. */
  holdsSince?: (value: T, old: T) => boolean;
  /** Where in the value the message belongs. */
  path?: PropertyKey[];
}

/** As much of a zod issue as it takes to know which parts of a value are not to be trusted. */
interface Fault {
  code?: string | undefined;
  path?: readonly PropertyKey[] | undefined;
}

class Unreadable extends Error {}

/** Attaches rules to a schema: predicates run by zod, CEL carried as `x-kubernetes-validations`. */
export function withRules<T extends z.ZodType>(schema: T, rules: readonly Rule<z.output<T>>[]): T {
  const checked = schema.superRefine(
    (value, ctx) => {
      const seen = trusted(value, ctx.issues) as z.output<T>;
      for (const { holds, message, detail, path } of rules) {
        if (!holds || whereReadable(() => holds(seen))) continue;
        ctx.addIssue({
          code: 'custom',
          message: detail ? `${message}${detail(seen)}` : message,
          path: [...(path ?? [])],
        });
      }
    },
    // Also when something in the value is wrong already: all that can be said is said at once.
    { when: () => true },
  );
  return checked.meta({
    ...schema.meta(),
    'x-kubernetes-validations': [
      ...((schema.meta()?.['x-kubernetes-validations'] as unknown[] | undefined) ?? []),
      ...rules.map(({ cel, message }) => ({ rule: cel, message })),
    ],
  });
}

/** Makes an array a list-map: the API server merges it by these keys and refuses two items that agree in them. */
export function keyedBy<T extends z.ZodArray>(schema: T, keys: readonly string[]): T {
  return withoutRepeats(schema, keys).meta({
    ...schema.meta(),
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [...keys],
  });
}

/** Makes an array of scalars a set: the API server refuses an item given twice. */
export function setOf<T extends z.ZodArray>(schema: T): T {
  return withoutRepeats(schema, []).meta({ ...schema.meta(), 'x-kubernetes-list-type': 'set' });
}

function withoutRepeats<T extends z.ZodArray>(schema: T, keys: readonly string[]): T {
  const identity = (item: unknown): string =>
    JSON.stringify(keys.length === 0 ? item : keys.map((key) => (item as Record<string, unknown>)[key]));
  return schema.superRefine(
    (value, ctx) => {
      const first = new Map<string, number>();
      const list = trusted(value, ctx.issues);
      if (!Array.isArray(list)) return;
      for (const index of list.keys()) {
        whereReadable(() => {
          const id = identity(list[index]);
          const earlier = first.get(id);
          if (earlier === undefined) first.set(id, index);
          else {
            const what = keys.length === 0 ? 'item' : keys.join(' and ');
            const shown = keys.length === 0 ? id : id.slice(1, -1);
            ctx.addIssue({
              code: 'custom',
              message: `duplicate ${what} ${shown}: item ${earlier} of the list has it already`,
              path: keys.length === 1 && keys[0] ? [index, keys[0]] : [index],
            });
          }
          return true;
        });
      }
    },
    { when: () => true },
  );
}

/** The answer of a predicate, or true where it had to read what is wrong already: one mistake is reported once. */
function whereReadable(predicate: () => boolean): boolean {
  try {
    return predicate();
  } catch (error) {
    if (error instanceof Unreadable) return true;
    throw error;
  }
}

/**
 * The value, with a trap where it is known to be wrong. A key that is not there is a trap too in an object that has an
 * unknown one: it may be the same, mistyped.
 */
function trusted(value: unknown, faults: readonly Fault[]): unknown {
  const here = faults.filter(({ path }) => !path || path.length === 0);
  const mistyped = here.some(({ code }) => code === 'unrecognized_keys');
  if (here.some(({ code }) => code !== 'unrecognized_keys')) return trap();
  if (faults.length === 0 || typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get(target, key) {
      const inner: unknown = Reflect.get(target, key);
      if (mistyped && inner === undefined) throw new Unreadable();
      const below = faults
        .filter(({ path }) => path !== undefined && path.length > 0 && String(path[0]) === String(key))
        .map((fault) => ({ code: fault.code, path: fault.path?.slice(1) }));
      if (below.some(({ code, path }) => path?.length === 0 && code !== 'unrecognized_keys')) throw new Unreadable();
      return trusted(inner, below);
    },
  });
}

function trap(): unknown {
  const refuse = (): never => {
    throw new Unreadable();
  };
  // Scalars are wrong as a whole: whatever a predicate does with one, it must not get an answer.
  return new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse });
}
