/** What is really asked and answered is what the document says. */
import { describe, expect, test } from 'vitest';
import { chaptersOf, SCHEMAS } from '../../../runtime/openapi/catalogue.ts';
import type { Operation } from '../../../runtime/openapi/operation.ts';
import { ask, type Running, run } from '../harness.ts';
import { identity } from '../onnx-builder.ts';

const ALL = ['rest', 'tensorflow', 'sagemaker', 'vertex', 'graphql'];
const OPERATIONS = chaptersOf({ model: 'm', kind: 'entry', protocols: ALL }, {}).flatMap(
  ({ operations }) => operations,
);

const tensor = { name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] };

/** A request for each schema of requests. */
const REQUESTS: Record<string, unknown> = {
  InferRequest: { id: '7', inputs: [tensor], outputs: [{ name: 'y', parameters: { binary_data: false } }] },
  RepositoryIndexRequest: { ready: true },
  TensorflowPredictRequest: { signature_name: 'serving_default', instances: [[1, 2]] },
  TensorflowExamplesRequest: { examples: [{ x: [1, 2] }] },
  SagemakerRequest: { instances: [[1, 2]] },
  VertexRequest: { instances: [[1, 2]], parameters: { a: 1 } },
  GraphqlRequest: { query: 'query Q { models { name versions { name } } }', variables: {}, operationName: 'Q' },
};

const NAMES: Record<string, string> = { model: 'm', version: 'v1', label: 'stable', endpoint: '1', deployed: '2' };
const urlOf = ({ id, path }: Operation) =>
  path.replaceAll(/\{(\w+)\}/g, (_, name) => NAMES[name] as string) +
  (id === 'graphqlGet' ? `?query=${encodeURIComponent('{models{name}}')}` : '');

function schemaOf(content: Record<string, unknown> | undefined, type = 'application/json') {
  const body = content?.[type] as { schema: string } | undefined;
  return body && { name: body.schema, zod: SCHEMAS[body.schema] as (typeof SCHEMAS)[string] };
}

/** What is wrong with a value by a schema; undefined: nothing. */
const wrong = (name: string, value: unknown) => SCHEMAS[name]?.safeParse(value).error?.message;

function start(model: Buffer): Promise<Running> {
  return run({ model, serving: { protocols: ALL, batching: { maxBatchSize: 4 } } });
}

test.each(OPERATIONS.map((operation) => [operation.id, operation] as const))('%s', async (_id, operation) => {
  // One number an example, for :regress.
  const regress = operation.path.endsWith(':regress');
  const { entry } = await start(regress ? identity('FP32') : identity('FP32', ['n', 2]));
  const request = schemaOf(operation.request?.content);
  const body = request && (regress ? { examples: [{ x: 1 }] } : REQUESTS[request.name]);
  if (request) {
    expect(body).toBeDefined();
    expect(wrong(request.name, body)).toBeUndefined();
  }
  const init = operation.method === 'post' ? { method: 'POST' } : {};
  const reply = await ask(entry + urlOf(operation), body, init);
  if (operation.errors?.includes('REPOSITORY_READ_ONLY')) {
    expect([reply.status, wrong('Error', reply.json)]).toEqual([403, undefined]);
    return;
  }
  expect([reply.status, reply.text.slice(0, 300)]).toEqual([200, expect.any(String)]);
  const answer = schemaOf(operation.answer.content);
  if (answer) expect(wrong(answer.name, reply.json)).toBeUndefined();
  else expect(reply.text).toBe('');
});

describe('other answers of the same operations', () => {
  test.each<[string, string, unknown, string]>([
    ['columns', '/v1/models/m:predict', { inputs: [[1, 2]] }, 'TensorflowPredictResponse'],
    ['a row without a name', '/invocations', [[1, 2]], 'SagemakerResponse'],
    ['tensors', '/invocations', { inputs: [tensor] }, 'SagemakerResponse'],
    ['an inference', '/graphql', { query: '{ infer(model: "m", inputs: []) { id } }' }, 'GraphqlResponse'],
    ['the whole index', '/v2/repository/index', {}, 'RepositoryIndex'],
  ])('%s', async (_what, path, body, schema) => {
    const { entry } = await start(identity('FP32', ['n', 2]));
    const { status, json } = await ask(entry + path, body);
    expect([status, wrong(schema, json)]).toEqual([200, undefined]);
  });

  test.each<[string, unknown, string]>([
    ['/v2/models/m/infer', {}, 'Error'],
    ['/v1/models/m:predict', {}, 'Error'],
    ['/invocations', '{', 'Error'],
    ['/v1/endpoints/1/deployedModels/2:predict', {}, 'Error'],
    ['/graphql', { query: '{' }, 'GraphqlRefusal'],
    ['/graphql', '{', 'GraphqlRefusal'],
  ])('a refusal of %s %j', async (path, body, schema) => {
    const { entry } = await start(identity('FP32', ['n', 2]));
    const { status, json } = await ask(entry + path, body);
    expect([status, wrong(schema, json)]).toEqual([400, undefined]);
  });

  test('before the model is there: health and index', async () => {
    const { entry } = await run({ load: false, serving: { protocols: ALL } });
    for (const path of ['/v2/health/ready', '/ping', '/v1/endpoints/1/deployedModels/2']) {
      const { status, json } = await ask(entry + path);
      expect([path, status, wrong('Error', json)]).toEqual([path, 503, undefined]);
    }
    expect(wrong('RepositoryIndex', (await ask(`${entry}/v2/repository/index`, {})).json)).toBeUndefined();
    expect(wrong('TensorflowStatus', (await ask(`${entry}/v1/models/m`)).json)).toBeUndefined();
  });
});
