import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { REQUEST_ERRORS } from '../../../runtime/errors.ts';
import { ask, run } from '../harness.ts';
import { addition, type Dim, identity, onnx } from '../onnx-builder.ts';

const ALL = ['rest', 'tensorflow', 'sagemaker', 'vertex', 'graphql'];

const reference = z.strictObject({ $ref: z.string().startsWith('#/components/') });
const schema = z.looseObject({});
const content = z.record(z.string(), z.strictObject({ schema: schema.optional(), example: z.unknown().optional() }));
const response = z.strictObject({
  description: z.string().min(1),
  headers: z.record(z.string(), reference).optional(),
  content: content.optional(),
});
/** The parts of OpenAPI 3.1 that the document uses, closed: a misspelt field fails. */
const openapi = z.strictObject({
  openapi: z.literal('3.1.0'),
  info: z.strictObject({ title: z.string(), version: z.string(), description: z.string() }),
  servers: z.array(z.strictObject({ url: z.string() })),
  tags: z.array(z.strictObject({ name: z.string() })),
  paths: z.record(
    z.string().startsWith('/'),
    z.partialRecord(
      z.enum(['get', 'post']),
      z.strictObject({
        tags: z.array(z.string()),
        operationId: z.string().regex(/^\w+$/),
        summary: z.string().min(1),
        parameters: z
          .array(
            z.strictObject({
              name: z.string(),
              in: z.enum(['path', 'query', 'header']),
              required: z.boolean(),
              description: z.string().optional(),
              schema,
            }),
          )
          .optional(),
        requestBody: z.strictObject({ required: z.boolean(), content }).optional(),
        responses: z.record(z.string().regex(/^(?:[1-5]\d\d|default)$/), response),
      }),
    ),
  ),
  components: z.strictObject({
    schemas: z.record(z.string().regex(/^[\w.-]+$/), schema),
    headers: z.record(z.string(), z.strictObject({ description: z.string(), schema })),
  }),
});

async function documentOf(options: Parameters<typeof run>[0] = {}) {
  const running = await run({ ...options, serving: { protocols: ALL, ...options.serving } });
  const { json, headers, status } = await ask(`${running.entry}/docs/openapi.json`);
  expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
  return { running, document: openapi.parse(json) };
}

/** Follows a reference into the document. */
function resolve(document: object, pointer: string): unknown {
  return pointer
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
}

describe('the document is OpenAPI 3.1', () => {
  test.each([[true], [false]])('with the model there: %s', async (load) => {
    const { document } = await documentOf({ load });
    const text = JSON.stringify(document);
    const references = [...text.matchAll(/"\$ref":"([^"]+)"/g)].map(([, pointer]) => pointer as string);
    expect(references.filter((pointer) => resolve(document, pointer) === undefined)).toEqual([]);
    const used = new Set(references);
    const names = Object.keys(document.components.schemas);
    expect(names.filter((name) => !used.has(`#/components/schemas/${name}`))).toEqual([]);

    const operations = Object.values(document.paths).flatMap((item) => Object.values(item));
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const tags = document.tags.map(({ name }) => name);
    expect(operations.every((operation) => operation.tags.every((tag) => tags.includes(tag)))).toBe(true);
    for (const [path, item] of Object.entries(document.paths)) {
      const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      for (const { parameters = [] } of Object.values(item)) {
        const given = parameters.filter(({ in: place }) => place === 'path');
        expect(given.map(({ name }) => name)).toEqual(inPath);
        expect(given.every(({ required }) => required)).toBe(true);
      }
    }
    // No answer promises that it never grows, and no number is bounded by what JavaScript holds.
    expect(text).not.toMatch(/"additionalProperties":false|9007199254740991|\$schema|\$id/);
  });

  test('it lists every code', async () => {
    const { document } = await documentOf({ load: false });
    expect(resolve(document, '#/components/schemas/Error/properties/code/enum')).toEqual(Object.keys(REQUEST_ERRORS));
  });

  test('of protocols that are off it says nothing', async () => {
    const { document } = await documentOf({ load: false, serving: { protocols: ['sagemaker'] } });
    expect(Object.keys(document.paths).sort()).toEqual([
      '/docs',
      '/docs/openapi.json',
      '/execution-parameters',
      '/invocations',
      '/ping',
    ]);
    expect(document.tags.map(({ name }) => name)).toEqual(['SageMaker', 'Documentation']);
  });
});

/** The schema of a request body with all references written out, as zod reads it. */
function requestSchema(document: z.output<typeof openapi>, name: string): z.ZodType {
  const inline = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inline);
    if (typeof value !== 'object' || value === null) return value;
    if ('$ref' in value) return inline(resolve(document, value.$ref as string));
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inline(inner)]));
  };
  return z.fromJSONSchema(inline(document.components.schemas[name]) as Parameters<typeof z.fromJSONSchema>[0]);
}

describe("the model's own signature", () => {
  test('says what its requests are: names, datatypes, shapes', async () => {
    const { document } = await documentOf({ model: addition('FP32') });
    const takes = requestSchema(document, 'ModelInferRequest');
    const tensor = (name: string, changes = {}) => ({ name, datatype: 'FP32', shape: [2], data: [1, 2], ...changes });
    const good = { inputs: [tensor('b'), tensor('a')], outputs: [{ name: 'sum' }] };
    expect(takes.safeParse(good).error).toBeUndefined();
    for (const inputs of [
      [tensor('a')],
      [tensor('a'), tensor('c')],
      [tensor('a'), tensor('b'), tensor('a')],
      [tensor('a'), tensor('b', { datatype: 'INT8' })],
      [tensor('a'), tensor('b', { shape: [1, 2] })],
      [tensor('a'), tensor('b', { shape: [-2] })],
    ]) {
      expect(takes.safeParse({ ...good, inputs }).success).toBe(false);
    }
    expect(takes.safeParse({ ...good, outputs: [{ name: 'a' }] }).success).toBe(false);
  });

  test('is not there before the model is, and then it is', async () => {
    const { document, running } = await documentOf({ load: false });
    expect(document.components.schemas).not.toHaveProperty('ModelInferRequest');
    await running.server.load();
    const { json } = await ask(`${running.entry}/docs/openapi.json`);
    expect(json.components.schemas).toHaveProperty('ModelInferRequest');
  });

  const floats = (shape: readonly Dim[]) => ({ name: 'x', element: 'FP32', shape }) as const;
  const cases: [string, Buffer, number][] = [
    ['one input, free', identity('FP32', ['n', 2, 3]), 4],
    ['one input, text', identity('BYTES', ['n']), 4],
    ['two inputs', addition('INT64'), 4],
    ['a fixed first dimension: no rows', identity('BOOL', [2, 2]), 2],
    ['unknown rank: no rows', identity('FP32', 'any rank'), 2],
    [
      'too large for an example',
      onnx({
        inputs: [floats(['n', 3, 224, 224])],
        outputs: [{ ...floats(['n', 3, 224, 224]), name: 'y' }],
        nodes: [{ op: 'Identity', inputs: ['x'], outputs: ['y'] }],
      }),
      0,
    ],
  ];
  test.each(cases)('examples are requests that it answers: %s', async (_what, model, many) => {
    const { document, running } = await documentOf({ model });
    const examples = Object.entries(document.paths).flatMap(([path, { post }]) => {
      const example = post?.requestBody?.content['application/json']?.example;
      return example === undefined || /versions|labels/.test(path) ? [] : [{ path, example }];
    });
    // infer; and by rows :predict, /invocations and Vertex AI's.
    expect(examples.map(({ path }) => path)).toHaveLength(many === 2 ? 1 : many);
    for (const { path, example } of examples) {
      const { status, text } = await ask(
        running.entry + path.replace('{model}', 'm').replaceAll(/\{\w+\}/g, '1'),
        example,
      );
      expect([path, status, text]).toEqual([path, 200, expect.anything()]);
    }
  });
});

describe('the page', () => {
  test('JSON unless a page is wanted; the page shows every operation and loads nothing', async () => {
    const { running, document } = await documentOf();
    const json = await ask(`${running.entry}/docs`);
    expect(json.json).toEqual(document);
    const page = await ask(`${running.entry}/docs`, undefined, { headers: { accept: 'text/html,*/*;q=0.8' } });
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
    for (const path of Object.keys(document.paths)) expect(page.text).toContain(`<code>${path}</code>`);
    for (const name of Object.keys(document.components.schemas)) expect(page.text).toContain(`id="${name}"`);
    expect(page.text).not.toMatch(/<script|<link|<img|src=|url\(|https?:/);
  });

  test('names are text, whatever they hold', async () => {
    const evil = '</pre><script>alert(1)</script>';
    const model = onnx({
      inputs: [{ name: evil, element: 'FP32', shape: ['n'] }],
      outputs: [{ name: 'y', element: 'FP32', shape: ['n'] }],
      nodes: [{ op: 'Identity', inputs: [evil], outputs: ['y'] }],
    });
    const { entry } = await run({ model });
    const page = await ask(`${entry}/docs`, undefined, { headers: { accept: 'text/html' } });
    expect(page.text).not.toContain('<script');
    expect(page.text).toContain('&lt;script&gt;');
  });
});
