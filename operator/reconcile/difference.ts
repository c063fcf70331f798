/**
 * Whether what is stored holds all that is wanted. Fields that others set, and defaults, are not looked at; a field that
 * is wanted and was changed or removed is a difference. Pure.
 */
import { canonicalQuantity } from '../render/quantity.ts';

type Json = unknown;

/** By which fields the items of a list are told apart, by the name of the list's field. All other lists count as a whole. */
const ITEM_KEYS: Readonly<Record<string, readonly string[]>> = {
  containers: ['name'],
  initContainers: ['name'],
  env: ['name'],
  volumes: ['name'],
  imagePullSecrets: ['name'],
  resourceClaims: ['name'],
  volumeMounts: ['mountPath'],
  ports: ['name'],
  topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
  ownerReferences: ['uid'],
};

/** Maps that count as a whole: whoever adds an entry to a selector changes what it selects. */
const ATOMIC_MAPS: ReadonlySet<string> = new Set([
  'selector',
  'labelSelector',
  'podSelector',
  'matchLabels',
  'nodeSelector',
]);

/**
 * The first path at which `stored` does not hold what is wanted; undefined when it holds all.
 * @param path where these values are, for the answer
 */
export function firstDifference(wanted: Json, stored: Json, path = ''): string | undefined {
  if (Object.is(wanted, stored)) return undefined;
  if (isZero(wanted)) return stored === undefined || isZero(stored) ? undefined : path;
  if (Array.isArray(wanted)) return Array.isArray(stored) ? listDifference(wanted, stored, path) : path;
  if (typeof wanted === 'object' && wanted !== null) {
    if (typeof stored !== 'object' || stored === null) return path;
    const extra = ATOMIC_MAPS.has(path.slice(path.lastIndexOf('.') + 1)) && extraKey(wanted, stored);
    if (extra) return `${path}.${extra}`;
    for (const [key, value] of Object.entries(wanted)) {
      const found = firstDifference(value, (stored as Record<string, Json>)[key], path === '' ? key : `${path}.${key}`);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  return sameQuantity(wanted, stored) ? undefined : path;
}

function extraKey(wanted: object, stored: object): string | undefined {
  return Object.keys(stored).find((key) => !Object.hasOwn(wanted, key));
}

/** What the API server leaves out of what it stores: nothing, in one of its forms. */
function isZero(value: Json): boolean {
  if (value === undefined || value === null || value === '' || value === 0 || value === false) return true;
  return Array.isArray(value) && value.length === 0;
}

function listDifference(wanted: readonly Json[], stored: readonly Json[], path: string): string | undefined {
  const keys = itemKeys(wanted, path.slice(path.lastIndexOf('.') + 1));
  if (!keys && wanted.length !== stored.length) return path;
  for (const [at, item] of wanted.entries()) {
    const name = keys ? keyOf(item, keys) : String(at);
    const other = keys ? stored.find((candidate) => keyOf(candidate, keys) === name) : stored[at];
    if (other === undefined) return `${path}[${name}]`;
    const found = firstDifference(item, other, `${path}[${name}]`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** `ports` of a container have names, those of a NetworkPolicy have none and count as a whole. */
function itemKeys(items: readonly Json[], field: string): readonly string[] | undefined {
  const keys = ITEM_KEYS[field];
  const has = (item: Json, key: string) => (item as Record<string, Json> | null)?.[key] !== undefined;
  return keys && items.every((item) => keys.every((key) => has(item, key))) ? keys : undefined;
}

function keyOf(item: Json, keys: readonly string[]): string {
  return keys.map((key) => String((item as Record<string, Json> | null)?.[key])).join('/');
}

/** `1500m` is stored as it is, `1.50` as `1500m`: the same amount in other words is no difference. */
function sameQuantity(wanted: Json, stored: Json): boolean {
  const comparable = (value: Json) => typeof value === 'string' || typeof value === 'number';
  if (!comparable(wanted) || !comparable(stored)) return false;
  const [a, b] = [String(wanted), String(stored)];
  if (a === b) return true;
  if (!/^[0-9.]+[A-Za-z]*$/.test(a) || !/^[0-9.]+[A-Za-z]*$/.test(b)) return false;
  try {
    return canonicalQuantity(a) === canonicalQuantity(b);
  } catch {
    return false;
  }
}
