import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MODEL, type TableParts, tableOf, temporaryFolder, writeTable } from '../../traffic/support.ts';
import { ask, DIGITS, run } from '../harness.ts';
import { identity } from '../onnx-builder.ts';

const serving = { protocols: ['tensorflow'] };
const DIGIT = { instances: [new Array(64).fill(1)] };

/** A table file and a runtime that reads it, as version v1 unless told. */
async function splitOf(parts: TableParts, version = 'v1') {
  const table = join(await temporaryFolder(), 'traffic.json');
  await writeTable(table, tableOf(parts));
  return run({ launch: { version, model: MODEL, table }, serving });
}

/** Two processes of one table: v1 is stable, v2 has a tenth. */
async function pair() {
  const v2 = await splitOf({ shares: { v1: 9_000, v2: 1_000 } }, 'v2');
  const at = { v2: Number(new URL(v2.direct).port) };
  return { v1: await splitOf({ shares: { v1: 9_000, v2: 1_000 }, at }), v2 };
}

describe('one version', () => {
  test('status', async () => {
    const { entry, direct } = await run({ serving });
    const status = { error_code: 'OK', error_message: '' };
    const answer = { model_version_status: [{ version: '1', state: 'AVAILABLE', status }] };
    for (const door of [entry, direct]) {
      for (const path of ['', '/versions/1', '/versions/v1', '/labels/stable']) {
        expect((await ask(`${door}/v1/models/m${path}`)).json).toEqual(answer);
      }
    }
  });

  test('status before and after it is served', async () => {
    const { entry, server } = await run({ serving, load: false });
    const state = async () => (await ask(`${entry}/v1/models/m`)).json.model_version_status[0].state;
    expect(await state()).toBe('START');
    await server.load();
    expect(await state()).toBe('AVAILABLE');
    server.own.startDraining();
    expect(await state()).toBe('UNLOADING');
  });

  test('status of a load that failed', async () => {
    const { entry, server } = await run({ serving, load: false, launch: { uri: 'no/such.onnx' } });
    await expect(server.load()).rejects.toThrow();
    const [status] = (await ask(`${entry}/v1/models/m`)).json.model_version_status;
    expect(status).toMatchObject({ state: 'END', status: { error_code: 'FAILED_PRECONDITION' } });
    expect(status.status.error_message).toMatch(/^MODEL_NOT_THERE: /);
  });

  test('metadata', async () => {
    const { entry } = await run({ serving });
    const dim = (...sizes: string[]) => sizes.map((size) => ({ size, name: '' }));
    const answer = {
      model_spec: { name: 'm', signature_name: '', version: '1' },
      metadata: {
        signature_def: {
          signature_def: {
            serving_default: {
              inputs: {
                image: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: dim('-1', '64'), unknown_rank: false },
                  name: 'image',
                },
              },
              outputs: {
                label: { dtype: 'DT_INT64', tensor_shape: { dim: dim('-1'), unknown_rank: false }, name: 'label' },
                probabilities: {
                  dtype: 'DT_FLOAT',
                  tensor_shape: { dim: dim('-1', '10'), unknown_rank: false },
                  name: 'probabilities',
                },
              },
              method_name: 'tensorflow/serving/predict',
            },
          },
        },
      },
    };
    for (const path of ['', '/versions/1', '/labels/stable']) {
      expect((await ask(`${entry}/v1/models/m${path}/metadata`)).json).toEqual(answer);
    }
  });

  test('metadata before it is loaded', async () => {
    const { entry } = await run({ serving, load: false });
    expect(await ask(`${entry}/v1/models/m/metadata`)).toMatchObject({ status: 503, json: { code: 'NOT_READY' } });
  });

  test.each([
    ['POST', '/v1/models/m:predict/', 200],
    ['POST', '/v1/models/m%3Apredict', 200],
    ['POST', '/v1/models/m/versions/1:predict', 200],
    ['POST', '/v1/models/m/labels/stable:predict', 200],
    ['POST', '/v1/models/m', 405],
    ['POST', '/v1/models/m:explain', 405],
    ['PUT', '/v1/models/m:predict', 405],
    ['GET', '/v1/models/m:predict', 405],
    ['GET', '/v1/models/other', 404],
    ['POST', '/v1/models/other:predict', 404],
    ['POST', '/v1/models/other/labels/canary:predict', 404],
    ['GET', '/v1/models/m/versions/9', 404],
    ['POST', '/v1/models/m/versions/9:predict', 404],
    ['POST', '/v1/models/m/labels/canary:predict', 404],
    ['GET', '/v1/models/m/labels/constructor', 404],
    ['GET', '/v1/models', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const { entry } = await run({ serving });
    const body = method === 'GET' ? undefined : DIGIT;
    const reply = await ask(entry + path, body, { method });
    expect(reply.status).toBe(status);
    if (status >= 400) expect(reply.json).toMatchObject({ error: expect.any(String), code: expect.any(String) });
  });

  test('a version that is named by a number keeps it; a label that is none says which there are', async () => {
    const { entry } = await splitOf({ shares: { v1: 5_000, '1': 5_000 }, primary: 'v1' });
    const { json } = await ask(`${entry}/v1/models/${MODEL}`);
    expect(json.model_version_status).toMatchObject([
      { version: '1', state: 'START' },
      { version: 'v1', state: 'AVAILABLE' },
    ]);
    const reply = await ask(`${entry}/v1/models/${MODEL}/labels/beta`);
    expect(reply.json.error).toContain("'stable' (v1), 'canary' (1)");
  });
});

describe('two runtimes', () => {
  test('numbers, names and labels reach the version that they mean, and the split counts', async () => {
    const { v1 } = await pair();
    const at = async (path: string, headers: Record<string, string> = {}) => {
      const reply = await ask(`${v1.entry}/v1/models/${MODEL}${path}:predict`, DIGIT, { headers });
      return [reply.status, reply.headers.get('modelship-version'), reply.json.predictions?.length ?? reply.json.code];
    };
    expect(await at('')).toEqual([200, 'v1', 1]);
    for (const path of ['/versions/1', '/versions/v1', '/labels/stable'])
      expect(await at(path)).toEqual([200, 'v1', 1]);
    for (const path of ['/versions/2', '/versions/v2', '/labels/canary'])
      expect(await at(path)).toEqual([200, 'v2', 1]);
    expect(await at('', { 'modelship-version': 'v2' })).toEqual([200, 'v2', 1]);
    expect(await at('/versions/2', { 'modelship-version': 'v2' })).toEqual([200, 'v2', 1]);
    expect(await at('/versions/2', { 'modelship-version': 'v1' })).toEqual([400, 'v1', 'INVALID_REQUEST']);
    expect(await at('/versions/3')).toEqual([404, 'v1', 'VERSION_NOT_FOUND']);
  });

  test('a label is what the sender says it is: the other process may have another table, or none', async () => {
    const v2 = await run({ launch: { version: 'v2', model: MODEL }, serving });
    const at = { v2: Number(new URL(v2.direct).port) };
    const v1 = await splitOf({ shares: { v1: 9_000, v2: 1_000 }, at });
    for (const path of ['/labels/canary', '/versions/2']) {
      const reply = await ask(`${v1.entry}/v1/models/${MODEL}${path}:predict`, DIGIT);
      expect([reply.status, reply.headers.get('modelship-version')]).toEqual([200, 'v2']);
      const status = await ask(`${v1.entry}/v1/models/${MODEL}${path}`);
      expect([status.status, status.headers.get('modelship-version')]).toEqual([200, 'v2']);
      expect(status.json.model_version_status).toMatchObject([{ version: '2', state: 'AVAILABLE' }]);
      const metadata = await ask(`${v1.entry}/v1/models/${MODEL}${path}/metadata`);
      expect(metadata.json.model_spec).toEqual({ name: MODEL, signature_name: '', version: '2' });
    }
  });

  test('a direct port answers as its own version only', async () => {
    const { v1, v2 } = await pair();
    const at = async (path: string) => {
      const { status, json } = await ask(`${v2.direct}/v1/models/${MODEL}${path}:predict`, DIGIT);
      return json.code ?? status;
    };
    expect(await at('/labels/canary')).toBe(200);
    expect(await at('/versions/2')).toBe(200);
    expect(await at('/labels/stable')).toBe('MISDIRECTED');
    expect(await at('/versions/1')).toBe('MISDIRECTED');
    const { json } = await ask(`${v1.entry}/v1/models/${MODEL}`);
    expect(json.model_version_status).toMatchObject([
      { version: '1', state: 'AVAILABLE' },
      { version: '2', state: 'AVAILABLE' },
    ]);
  });

  test('no label canary once it has no traffic', async () => {
    const { entry } = await splitOf({ shares: { v1: 10_000, v2: 0 } });
    const reply = await ask(`${entry}/v1/models/${MODEL}/labels/canary:predict`, DIGIT);
    expect(reply).toMatchObject({ status: 404, json: { code: 'VERSION_NOT_FOUND' } });
    expect(reply.json.error).toContain("'stable' (v1)");
  });
});

test('digits, as the documentation shows it', async () => {
  const { entry } = await run({ launch: { uri: DIGITS, model: 'digits' }, serving });
  const { json } = await ask(`${entry}/v1/models/digits:predict`, {
    instances: [...DIGIT.instances, ...DIGIT.instances],
  });
  expect(json.predictions).toEqual([
    { label: expect.any(Number), probabilities: expect.any(Array) },
    { label: expect.any(Number), probabilities: expect.any(Array) },
  ]);
});

test('a large body in rows', async () => {
  const { entry } = await run({ model: identity('FP32', ['n', 1000]), serving });
  const instances = Array.from({ length: 500 }, (_, i) => new Array(1000).fill(i / 7));
  const { json } = await ask(`${entry}/v1/models/m:predict`, { instances });
  expect(json.predictions.map((row: number[]) => Math.fround(row[999] as number))).toEqual(
    instances.map((row) => Math.fround(row[0] as number)),
  );
});
