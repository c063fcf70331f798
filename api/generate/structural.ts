/**
 * From JSON Schema as zod writes it to what Kubernetes calls a structural schema. The one place that normalises; what
 * it does not know it refuses, because the API server drops or rejects it without naming the field.
 */
import { describe, NOTES, type SchemaNode } from './notes.ts';

export class NotStructural extends Error {
  override readonly name = 'NotStructural';
}

const SAFE = Number.MAX_SAFE_INTEGER;

/** Taken over as they are. `additionalProperties`, `anyOf`, `required` and the like have code of their own below. */
const PLAIN = new Set([
  'type',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'maxProperties',
  'minimum',
  'maximum',
  'x-kubernetes-validations',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
]);
const HANDLED = new Set(['description', 'properties', 'required', 'items', 'additionalProperties', 'anyOf', ...NOTES]);
const TYPES = new Set(['object', 'array', 'string', 'integer', 'number', 'boolean']);

/** @param path where the node is, for the message of a refusal */
export function structural(node: SchemaNode, path = 'ModelDeployment'): SchemaNode {
  for (const keyword of Object.keys(node)) {
    if (!PLAIN.has(keyword) && !HANDLED.has(keyword)) throw refusal(path, `keyword ${keyword}`);
  }
  const plain = plainKeywords(node['x-kubernetes-int-or-string'] ? intOrString(node, path) : node);
  if (!node['x-kubernetes-int-or-string']) {
    if (node.anyOf) throw refusal(path, 'anyOf: model a choice as optional fields with a rule');
    if (!TYPES.has(node.type ?? '')) throw refusal(path, `type ${node.type ?? '(none)'}`);
  }
  const description = describe(node);
  return {
    ...(description ? { description } : {}),
    ...plain,
    ...children(node, path),
  };
}

function plainKeywords(node: SchemaNode): SchemaNode {
  // zod bounds every integer by what JavaScript holds exactly; as a bound of the API it would only puzzle.
  const kept = Object.entries(node).filter(
    ([keyword, value]) =>
      (PLAIN.has(keyword) || keyword === 'anyOf') &&
      !(keyword === 'maximum' && value === SAFE) &&
      !(keyword === 'minimum' && value === -SAFE),
  );
  // JavaScript writes \/ where Go's RE2 and people expect /.
  return Object.fromEntries(kept.map(([k, v]) => [k, k === 'pattern' ? String(v).replaceAll('\\/', '/') : v]));
}

/** Kubernetes lets `anyOf` of an int-or-string hold the two types and nothing else: their bounds move up beside it. */
function intOrString(node: SchemaNode, path: string): SchemaNode {
  const [integer, string, ...more] = node.anyOf ?? [];
  if (integer?.type !== 'integer' || string?.type !== 'string' || more.length > 0) {
    throw refusal(path, 'an int-or-string that is not a union of an integer and a string');
  }
  const { type: _integer, ...integerBounds } = integer;
  const { type: _string, ...stringBounds } = string;
  const { anyOf: _anyOf, ...rest } = node;
  return { ...rest, ...integerBounds, ...stringBounds, anyOf: [{ type: 'integer' }, { type: 'string' }] };
}

function children(node: SchemaNode, path: string): SchemaNode {
  const { properties, required, items, additionalProperties } = node;
  if (node.type === 'array' && !items) throw refusal(path, 'an array without items');
  if (properties) {
    // `false` is what the API server does anyway: it prunes, or under strict validation refuses, unknown fields.
    const loose = additionalProperties !== undefined && additionalProperties !== false;
    if (loose) throw refusal(path, 'properties beside additionalProperties');
    const entries = Object.entries(properties).map(([name, of]) => [name, structural(of, `${path}.${name}`)]);
    return { properties: Object.fromEntries(entries), ...(required?.length ? { required } : {}) };
  }
  if (items) return { items: structural(items, `${path}[]`) };
  if (node['x-kubernetes-preserve-unknown-fields'] || node.type !== 'object') return {};
  if (typeof additionalProperties !== 'object') throw refusal(path, 'an object that says nothing of its fields');
  return { additionalProperties: structural(additionalProperties, `${path}.*`) };
}

function refusal(path: string, what: string): NotStructural {
  return new NotStructural(`${path}: ${what} has no place in a structural schema`);
}
