/** Finds its way in a zod schema: what is expected at a path, and where else a field of some name is. */
import { z } from 'zod';

/** The schema without its `optional`, which says nothing of the value. */
export function bare(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? bare(schema.unwrap() as z.ZodType) : schema;
}

/** The schema at a path of a value; undefined where the contract says nothing. */
export function schemaAt(root: z.ZodType, path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: z.ZodType | undefined = bare(root);
  for (const part of path) {
    if (schema instanceof z.ZodObject) schema = schema.shape[String(part)] as z.ZodType | undefined;
    else if (schema instanceof z.ZodArray) schema = schema.element as z.ZodType;
    else if (schema instanceof z.ZodRecord) schema = schema.valueType as z.ZodType;
    else return undefined;
    if (schema) schema = bare(schema);
  }
  return schema;
}

/**
 * The value without fields that are null, as the API server takes it: `serving:` with nothing below is `serving` left out.
 * Structures of Kubernetes stay as they are; an empty `emptyDir:` says something.
 */
export function withoutNulls(value: unknown, schema: z.ZodType): unknown {
  const known = bare(schema);
  if (Array.isArray(value)) {
    return known instanceof z.ZodArray ? value.map((item) => withoutNulls(item, known.element as z.ZodType)) : value;
  }
  const handedOn = known.meta()?.['x-kubernetes-preserve-unknown-fields'] === true;
  if (typeof value !== 'object' || value === null || handedOn) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null);
  return Object.fromEntries(
    kept.map(([name, inner]) => {
      const of = schemaAt(known, [name]);
      return [name, of ? withoutNulls(inner, of) : inner];
    }),
  );
}

/** Every field below a schema, as paths with `[]` for the items of a list, shallow ones first. */
export function fieldPaths(root: z.ZodType): string[] {
  const found: string[] = [];
  const queue: [string, z.ZodType][] = [['', bare(root)]];
  for (const [path, schema] of queue) {
    if (schema instanceof z.ZodArray) queue.push([`${path}[]`, bare(schema.element as z.ZodType)]);
    if (!(schema instanceof z.ZodObject)) continue;
    for (const [name, inner] of Object.entries(schema.shape)) {
      const at = path ? `${path}.${name}` : name;
      found.push(at);
      queue.push([at, bare(inner as z.ZodType)]);
    }
  }
  return found;
}

/** What a schema wants, in words: `a number`, `one of Rollback, Pause`. */
export function expectation(schema: z.ZodType | undefined): string | undefined {
  const format = schema?.meta()?.['x-format'];
  if (format === 'duration') return 'a duration such as 250ms, 30s, 5m or 1h30m';
  if (format === 'quantity') return 'a quantity such as 1, 500m, 128Mi or 40Gi';
  if (format === 'size') return 'a size such as 512Ki, 16Mi or 1.5Gi';
  if (schema instanceof z.ZodEnum) return choice(schema.options.map(String));
  if (schema instanceof z.ZodLiteral) return choice([...schema.values].map(String));
  if (schema instanceof z.ZodString) return 'text';
  if (schema instanceof z.ZodBoolean) return 'true or false';
  if (schema instanceof z.ZodNumber) return `a ${schema.isInt ? 'whole ' : ''}number${range(schema)}`;
  if (schema instanceof z.ZodArray) return 'a list';
  if (schema instanceof z.ZodObject) return `an object with ${names(Object.keys(schema.shape))}`;
  return schema instanceof z.ZodRecord ? 'an object' : undefined;
}

const choice = (values: string[]): string => (values.length === 1 ? (values[0] ?? '') : `one of ${values.join(', ')}`);

const names = (all: string[]): string => (all.length > 8 ? `${all.slice(0, 8).join(', ')}, …` : all.join(', '));

function range({ minValue, maxValue }: z.ZodNumber): string {
  const known = (bound: number | null): bound is number =>
    bound !== null && Number.isFinite(bound) && Math.abs(bound) !== Number.MAX_SAFE_INTEGER;
  if (known(minValue) && known(maxValue)) return ` from ${minValue} to ${maxValue}`;
  if (known(minValue)) return ` of ${minValue} or more`;
  return known(maxValue) ? ` of ${maxValue} or less` : '';
}
