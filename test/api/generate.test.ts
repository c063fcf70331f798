import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { crd, crdYaml } from '../../api/generate/crd.ts';
import { staleFiles } from '../../api/generate/generated.ts';
import { editorSchema } from '../../api/generate/json-schema.ts';
import { generatedFiles } from '../../api/generate/main.ts';
import type { SchemaNode } from '../../api/generate/notes.ts';
import { structural } from '../../api/generate/structural.ts';

describe('generated files', () => {
  let empty: string;
  beforeAll(async () => {
    empty = await mkdtemp(join(tmpdir(), 'modelship-'));
  });
  afterAll(() => rm(empty, { recursive: true }));

  it('are what would be generated now; if not, run npm run generate', async () => {
    expect(await staleFiles(generatedFiles())).toEqual([]);
  });

  it('are named when they are missing', async () => {
    expect(await staleFiles(generatedFiles(), empty)).toEqual(Object.keys(generatedFiles()));
  });
});

const at = (node: SchemaNode | undefined, path: string): SchemaNode => {
  let here = node;
  for (const part of path.split('.')) here = part === '[]' ? here?.items : here?.properties?.[part];
  return here as SchemaNode;
};

describe('the CRD', () => {
  const [version] = crd().spec.versions;
  const root = version?.schema.openAPIV3Schema;

  it('says the same in YAML 1.1, which kubectl reads, as in 1.2', () => {
    expect(parse(crdYaml(), { version: '1.1' })).toEqual(crd());
    expect(parse(crdYaml())).toEqual(crd());
  });

  it('fits into the annotation of kubectl apply', () => {
    expect(JSON.stringify(crd()).length).toBeLessThan(200_000);
  });

  it('has columns for people', () => {
    const columns = version?.additionalPrinterColumns.map(
      ({ name, priority = 0 }) => `${name}${priority ? ' (wide)' : ''}`,
    );
    expect(columns).toEqual(['Ready', 'Traffic', 'Rollout', 'URL', 'Age', 'Message (wide)']);
  });

  it('tells default and unit in words, and carries no default', () => {
    const field = at(root, 'spec.serving.limits.queue');
    expect(field.description).toMatch(/ Default: 1024\. Unit: requests\.$/);
    expect(field).not.toHaveProperty('default');
  });

  it('keeps rules and notes through optional and override', () => {
    expect(at(root, 'spec.versions.[].traffic')['x-kubernetes-validations']).toHaveLength(1);
    expect(at(root, 'spec.versions.[].serving.gpu')['x-kubernetes-validations']).toHaveLength(1);
    expect(at(root, 'spec.versions.[].model')['x-kubernetes-validations']).toHaveLength(2);
    expect(at(root, 'spec.versions')['x-kubernetes-list-map-keys']).toEqual(['name']);
  });

  it('writes a quantity as Kubernetes does', () => {
    expect(at(root, 'spec.serving.cache.size')).toMatchObject({
      'x-kubernetes-int-or-string': true,
      anyOf: [{ type: 'integer' }, { type: 'string' }],
      minimum: 1,
      maxLength: 16,
    });
  });
});

describe('what is not structural', () => {
  it.each<[string, SchemaNode, string]>([
    ['a choice of types', { anyOf: [{ type: 'string' }, { type: 'object' }] }, 'x: anyOf'],
    ['oneOf', { type: 'object', oneOf: [] }, 'x: keyword oneOf'],
    ['a reference', { $ref: '#/x' }, 'x: keyword $ref'],
    ['no type', { description: 'Anything.' }, 'x: type (none)'],
    ['a default', { type: 'string', default: 'a' }, 'x: keyword default'],
    ['fields beside a map', { type: 'object', properties: {}, additionalProperties: {} }, 'x: properties beside'],
    ['an object that says nothing', { type: 'object' }, 'x: an object that says nothing'],
    ['an array that says nothing', { type: 'array' }, 'x: an array without items'],
    ['deeper', { type: 'array', items: { type: 'array', items: { type: 'null' } } }, 'x[][]: type null'],
  ])('is refused: %s', (_, node, message) => {
    expect(() => structural(node, 'x')).toThrow(message);
  });

  it('the bounds of JavaScript are left out', () => {
    expect(
      structural({ type: 'integer', minimum: -Number.MAX_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }),
    ).toEqual({
      type: 'integer',
    });
  });
});

describe('the editor schema', () => {
  it('has real defaults, refuses unknown fields, and knows nothing of Kubernetes extensions', () => {
    const schema = editorSchema();
    expect(at(schema, 'spec.retireAfter').default).toBe('30s');
    expect(at(schema, 'spec').additionalProperties).toBe(false);
    expect(JSON.stringify(schema)).not.toMatch(/"x-|9007199254740991/);
  });
});
