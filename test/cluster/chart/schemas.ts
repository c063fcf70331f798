/**
 * The OpenAPI v3 documents of an API server → a JSON Schema file for each kind that it serves, as kubeconform reads them:
 * those of Kubernetes as well as those of the CRDs that are installed, and no network.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Access, mustCall } from '../../control-plane/access.ts';

/** Where kubeconform is to look, below the folder. Of the core group `Group` is the version. */
export const LOCATION = '{{ .Group }}/{{ .ResourceAPIVersion }}/{{ .ResourceKind }}.json';

type Schema = Record<string, unknown>;

interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}

const KINDS = 'x-kubernetes-group-version-kind';
/** What says that there may be more fields than those that are told of. */
const OPENING = ['additionalProperties', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-embedded-resource'];
const REF = '#/components/schemas/';

interface Document {
  components?: { schemas?: Record<string, Schema> };
}

/** @returns the kinds that were written, as `GROUP/VERSION/KIND`. Those of a CRD come a moment after it is served. */
export async function writeSchemas(access: Access, folder: string): Promise<Set<string>> {
  const { paths } = (await mustCall(access, 'GET', '/openapi/v3')) as { paths: object };
  const written = new Set<string>();
  for (const path of Object.keys(paths)) {
    const [, group = '', version] = /^apis?\/(?:([^/]+)\/)?([^/]+)$/.exec(path) ?? [];
    if (version === undefined) continue;
    const { components } = (await mustCall(access, 'GET', `/openapi/v3/${path}`)) as Document;
    const schemas = components?.schemas ?? {};
    for (const [name, schema] of Object.entries(schemas)) {
      const [of, ...others] = (schema[KINDS] ?? []) as GroupVersionKind[];
      // What has many is sent about objects, such as DeleteOptions.
      if (!of || others.length > 0 || of.group !== group || of.version !== version) continue;
      const file = join(folder, group || version, version, `${of.kind.toLowerCase()}.json`);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, JSON.stringify(standalone(name, schemas)));
      written.add(`${group}/${version}/${of.kind}`);
    }
  }
  return written;
}

/** The schema and all that it leads to, in one document. */
function standalone(name: string, schemas: Readonly<Record<string, Schema>>): Schema {
  const needed = new Map<string, Schema>();
  const add = (one: string): void => {
    const found = schemas[one];
    if (!found) throw new Error(`${name}: there is no schema ${one}`);
    if (needed.has(one)) return;
    const closed = strict(found);
    needed.set(one, closed);
    for (const next of refsIn(closed)) add(next);
  };
  add(name);
  return { $ref: `${REF}${name}`, components: { schemas: Object.fromEntries(needed) } };
}

function refsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(refsIn);
  if (typeof value !== 'object' || value === null) return [];
  const { $ref, ...rest } = value as Schema;
  return [...(typeof $ref === 'string' ? [$ref.slice(REF.length)] : []), ...Object.values(rest).flatMap(refsIn)];
}

/**
 * OpenAPI's schema → one of JSON Schema that refuses unknown fields, as the API server does with `fieldValidation=Strict`.
 * Descriptions and defaults are left out. Goes by what a schema may hold, as a field may be called like a keyword.
 * @param closing false within allOf and the like, where a schema tells of a part of the fields
 */
function strict({ description: _, default: __, nullable, ...schema }: Schema, closing = true): Schema {
  const fields = schema.properties as Record<string, Schema> | undefined;
  const open = OPENING.some((key) => schema[key] !== undefined && schema[key] !== false);
  const below: [string, unknown][] = [];
  for (const key of ['items', 'additionalProperties']) {
    if (isSchema(schema[key])) below.push([key, strict(schema[key], closing)]);
  }
  if (isSchema(schema.not)) below.push(['not', strict(schema.not, false)]);
  for (const key of ['allOf', 'anyOf', 'oneOf']) {
    const list = schema[key];
    if (Array.isArray(list)) below.push([key, list.map((one: Schema) => strict(one, false))]);
  }
  return {
    ...schema,
    ...(fields && {
      properties: Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, strict(field, closing)])),
      ...(closing && !open && { additionalProperties: false }),
    }),
    ...Object.fromEntries(below),
    ...(nullable === true && typeof schema.type === 'string' && { type: [schema.type, 'null'] }),
  };
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
