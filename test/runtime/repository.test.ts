import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { LoadError } from '../../runtime/errors.ts';
import { modelConfig } from '../../runtime/protocol/model-config.ts';
import { repositoryIndex } from '../../runtime/protocol/repository-index.ts';
import type { Signature } from '../../runtime/protocol/signature.ts';
import { tableOf, writeTable } from '../traffic/support.ts';
import { ask, run, SERVING, servingWith, temporaryFolder } from './harness.ts';
import { identity } from './onnx-builder.ts';

const open: Signature = {
  inputs: [
    { name: 'a', datatype: 'FP32', shape: [-1, 64] },
    { name: 'b', datatype: 'BYTES', shape: [-1] },
  ],
  outputs: [{ name: 'c', datatype: 'BOOL', shape: [-1, 2] }],
};
const fixed: Signature = { inputs: [{ name: 'a', datatype: 'INT64', shape: [1, 64] }], outputs: open.outputs };

const CPU = { workers: 0, providers: ['cpu'], device: 0 };

describe('the configuration of a model', () => {
  test('merged: dims without the batch dimension, the delay in microseconds', () => {
    const serving = servingWith({ batching: { maxBatchSize: 8, maxDelayMs: 1.5 } });
    expect(modelConfig('m', { signature: open, execution: { ...CPU, workers: 2 } }, serving)).toEqual({
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      version_policy: { all: {} },
      max_batch_size: 8,
      input: [
        { name: 'a', data_type: 'TYPE_FP32', dims: [64] },
        { name: 'b', data_type: 'TYPE_STRING', dims: [] },
      ],
      output: [{ name: 'c', data_type: 'TYPE_BOOL', dims: [2] }],
      instance_group: [{ name: 'm', kind: 'KIND_CPU', count: 2 }],
      dynamic_batching: { max_queue_delay_microseconds: 1_500 },
      response_cache: { enable: false },
      model_transaction_policy: { decoupled: false },
    });
  });

  const merging = servingWith({ batching: { maxBatchSize: 8, maxDelayMs: 0 } });
  const any: Signature = { ...open, inputs: [{ name: 'a', datatype: 'FP32', shape: [], anyRank: true }] };
  test.each([
    ['batching is off', open, SERVING, [-1, 64]],
    ['a dimension is fixed', fixed, merging, [1, 64]],
    ['a rank is unknown', any, merging, []],
  ])('not merged, since %s: max_batch_size 0 and whole dims', (_why, signature, serving, dims) => {
    const config = modelConfig('m', { signature, execution: CPU }, serving);
    expect([config.max_batch_size, config.input[0]?.dims]).toEqual([0, dims]);
    expect(config).not.toHaveProperty('dynamic_batching');
  });

  test('a GPU is named', () => {
    const execution = { workers: 1, providers: ['cuda', 'cpu'], device: 1 };
    const { instance_group } = modelConfig('m', { signature: open, execution }, merging);
    expect(instance_group).toEqual([{ name: 'm', kind: 'KIND_GPU', count: 1, gpus: [1] }]);
  });
});

describe('the repository index', () => {
  const own = {
    model: 'm',
    version: 'v1',
    ready: true,
    state: 'Loaded',
    failure: undefined,
    refusal: undefined,
  } as const;
  const table = tableOf({ shares: { v1: 9_000, v2: 1_000, v3: 0, v4: 0 }, at: { v2: 1, v3: 1 } });
  const splitOf = (current: TrafficTable | undefined) => ({
    table: () => current,
    versions: () => current?.versions.map(({ name }) => name) ?? ['v1'],
  });

  test('of others it says what the table says', () => {
    const index = repositoryIndex({ own, split: splitOf(table) }, false);
    expect(index.map(({ version, state }) => [version, state])).toEqual([
      ['v1', 'READY'],
      ['v2', 'READY'],
      ['v3', 'UNKNOWN'],
      ['v4', 'UNAVAILABLE'],
    ]);
    expect(index.every(({ state, reason }) => (state === 'READY') === (reason === ''))).toBe(true);
  });

  test('only those that are ready', () => {
    const index = repositoryIndex({ own: { ...own, ready: false, state: 'Loading' }, split: splitOf(table) }, true);
    expect(index.map(({ version }) => version)).toEqual(['v2']);
  });

  test.each([
    ['Downloading', undefined, 'LOADING', /Downloading/],
    ['Failed', new LoadError('MODEL_CORRUPT', 'cut off'), 'UNAVAILABLE', /^MODEL_CORRUPT: cut off$/],
    ['Loaded', undefined, 'UNAVAILABLE', /shutting down/],
  ] as const)('its own, %s and not ready', (state, failure, expected, reason) => {
    const [entry] = repositoryIndex(
      { own: { ...own, ready: false, state, failure }, split: splitOf(undefined) },
      false,
    );
    expect(entry).toMatchObject({ name: 'm', version: 'v1', state: expected });
    expect(entry?.reason).toMatch(reason);
  });
});

describe('over REST', () => {
  test('config, stats and index of a model that is there', async () => {
    const { entry } = await run({ serving: { batching: { maxBatchSize: 16, maxDelayMs: 0 } } });
    const { json: config } = await ask(`${entry}/v2/models/m/config`);
    expect(config).toMatchObject({ name: 'm', max_batch_size: 16, input: [{ data_type: 'TYPE_FP32', dims: [64] }] });
    for (const path of ['/v2/models/stats', '/v2/models/m/stats', '/v2/models/m/versions/v1/stats']) {
      const { status, json } = await ask(entry + path);
      expect([status, json.model_stats.length, json.model_stats[0].version]).toEqual([200, 1, 'v1']);
    }
    const ready = [{ name: 'm', version: 'v1', state: 'READY', reason: '' }];
    expect((await ask(`${entry}/v2/repository/index`, undefined, { method: 'POST' })).json).toEqual(ready);
    expect((await ask(`${entry}/v2/repository/index`, '')).json).toEqual(ready);
    expect((await ask(`${entry}/v2/repository/index`, { ready: true })).json).toEqual(ready);
  });

  test.each([
    ['/v2/models/other/config', undefined, 404, 'MODEL_NOT_FOUND'],
    ['/v2/models/m/versions/v9/stats', undefined, 404, 'VERSION_NOT_FOUND'],
    ['/v2/models/m/versions/v9/config', undefined, 404, 'VERSION_NOT_FOUND'],
    ['/v2/repository/index', '[]', 400, 'INVALID_REQUEST'],
    ['/v2/repository/index', '{"ready": 1}', 400, 'INVALID_REQUEST'],
    ['/v2/repository/index', '{', 400, 'MALFORMED_JSON'],
    ['/v2/repository/models/m/load', '{}', 403, 'REPOSITORY_READ_ONLY'],
    ['/v2/repository/models/m/unload', '{}', 403, 'REPOSITORY_READ_ONLY'],
    ['/v2/repository/models/m/load', undefined, 405, 'METHOD_NOT_ALLOWED'],
  ])('%s %s is %d %s', async (path, body, status, code) => {
    const { entry } = await run({ model: identity('FP32') });
    const reply = await ask(entry + path, body);
    expect([reply.status, reply.json.code]).toEqual([status, code]);
  });

  test('before the model is there: an index that says so, and no configuration', async () => {
    const { entry } = await run({ load: false });
    expect((await ask(`${entry}/v2/repository/index`, {})).json).toMatchObject([{ state: 'LOADING' }]);
    expect((await ask(`${entry}/v2/repository/index`, { ready: true })).json).toEqual([]);
    expect((await ask(`${entry}/v2/models/m/config`)).json.code).toBe('NOT_READY');
  });

  test('a compressed question', async () => {
    const { entry } = await run({ load: false });
    const body = gzipSync('{"ready": true}');
    const reply = await ask(`${entry}/v2/repository/index`, body, { headers: { 'content-encoding': 'gzip' } });
    expect([reply.status, reply.json]).toEqual([200, []]);
  });

  test('a model named stats keeps its metadata', async () => {
    const { entry } = await run({ model: identity('FP32'), launch: { model: 'stats' } });
    expect((await ask(`${entry}/v2/models/stats`)).json.name).toBe('stats');
    expect((await ask(`${entry}/v2/models/stats/stats`)).json.model_stats[0].name).toBe('stats');
  });

  test('questions about another version are answered by it', async () => {
    const table = join(await temporaryFolder(), 'traffic.json');
    await writeFile(table, '');
    const v2 = await run({
      launch: { version: 'v2', model: 'digits', table },
      serving: { batching: { maxBatchSize: 4 } },
    });
    const at = { v2: Number(new URL(v2.direct).port) };
    await writeTable(table, tableOf({ shares: { v1: 10_000, v2: 0 }, at }));
    const v1 = await run({ launch: { version: 'v1', model: 'digits', table } });
    const base = `${v1.entry}/v2/models/digits`;
    expect((await ask(`${base}/versions/v2/stats`)).json.model_stats[0].version).toBe('v2');
    expect((await ask(`${base}/stats`)).json.model_stats[0].version).toBe('v1');
    const [own, other] = [await ask(`${base}/config`), await ask(`${base}/versions/v2/config`)];
    expect([own.json.max_batch_size, other.json.max_batch_size]).toEqual([0, 4]);
    expect(other.headers.get('modelship-version')).toBe('v2');
  });
});
