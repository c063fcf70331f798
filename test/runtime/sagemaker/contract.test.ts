import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { executionParameters } from '../../../runtime/routes/sagemaker.ts';
import { MODEL, tableOf, temporaryFolder, writeTable } from '../../traffic/support.ts';
import { ask, run } from '../harness.ts';
import { randomOf } from '../random.ts';
import { npy } from './npy.ts';

const serving = { protocols: ['sagemaker'] };
const DIGIT = { instances: [new Array(64).fill(1)] };

describe('/ping', () => {
  test('200 with an empty body once it is ready, 503 before and after', async () => {
    const { entry, server } = await run({ serving, load: false });
    expect((await ask(`${entry}/ping`)).status).toBe(503);
    await server.load();
    const { status, text } = await ask(`${entry}/ping`);
    expect([status, text]).toEqual([200, '']);
    server.own.startDraining();
    expect(await ask(`${entry}/ping`)).toMatchObject({ status: 503, json: { code: 'NOT_READY' } });
  });
});

test('/execution-parameters', async () => {
  const { entry } = await run({ serving: { ...serving, limits: { bodyBytes: 6.5 * 2 ** 20 } } });
  expect((await ask(`${entry}/execution-parameters`)).json).toEqual({
    MaxConcurrentTransforms: 16,
    BatchStrategy: 'MULTI_RECORD',
    MaxPayloadInMB: 6,
  });
});

test.each([
  [{ bodyBytes: 1_000, queue: 5 }, 5, 1],
  [{ bodyBytes: 2 ** 32, queue: 1_024 }, 1, 100],
  [{ bodyBytes: 25 * 2 ** 20, queue: 1_024 }, 4, 25],
])('batch transform of %o: never more than 100 MB in flight', (limits, transforms, payload) => {
  const parameters = executionParameters({ ...limits, timeoutMs: 1 });
  expect(parameters).toMatchObject({ MaxConcurrentTransforms: transforms, MaxPayloadInMB: payload });
});

test.each([
  ['GET', '/invocations', 405],
  ['POST', '/ping', 405],
  ['POST', '/v1/models/m:predict', 404],
])('%s %s: %i', async (method, path, status) => {
  const { entry } = await run({ serving });
  expect((await ask(entry + path, method === 'POST' ? {} : undefined)).status).toBe(status);
});

test('it is there only when the spec says so', async () => {
  const { entry } = await run();
  for (const path of ['/ping', '/execution-parameters']) expect((await ask(entry + path)).status).toBe(404);
  expect((await ask(`${entry}/invocations`, DIGIT)).status).toBe(404);
});

test('custom attributes come back as they came', async () => {
  const { entry } = await run({ serving });
  const headers = { 'x-amzn-sagemaker-custom-attributes': 'trace=7;a=b' };
  const reply = await ask(`${entry}/invocations`, DIGIT, { headers });
  expect(reply.headers.get('x-amzn-sagemaker-custom-attributes')).toBe('trace=7;a=b');
});

test('a target model is this one, or there is none', async () => {
  const { entry } = await run({ serving });
  const at = async (target: string) => {
    const headers = { 'x-amzn-sagemaker-target-model': target };
    return (await ask(`${entry}/invocations`, DIGIT, { headers })).status;
  };
  expect(await at('m.tar.gz')).toBe(200);
  expect(await at('/m')).toBe(200);
  expect(await at('other.tar.gz')).toBe(404);
});

test('two runtimes: a target variant names a version, every kind of body is forwarded as it is', async () => {
  const table = join(await temporaryFolder(), 'traffic.json');
  // The other process has another table: what a variant means is for the sender to say.
  const late = join(await temporaryFolder(), 'traffic.json');
  await writeTable(late, tableOf({ shares: { v2: 10_000 } }));
  const v2 = await run({ launch: { version: 'v2', model: MODEL, table: late }, serving });
  const at = { v2: Number(new URL(v2.direct).port) };
  await writeTable(table, tableOf({ shares: { v1: 9_000, v2: 1_000 }, at }));
  const v1 = await run({ launch: { version: 'v1', model: MODEL, table }, serving });
  const answered = async (variant: string, type = 'application/json', body: unknown = DIGIT) => {
    const headers = { 'x-amzn-sagemaker-target-variant': variant, 'content-type': type, accept: 'text/csv' };
    const { status, headers: answers, text } = await ask(`${v1.entry}/invocations`, body, { headers });
    return [status, answers.get('modelship-version'), text.split('\n').length];
  };
  expect(await answered('')).toEqual([200, 'v1', 2]);
  expect(await answered('v1')).toEqual([200, 'v1', 2]);
  for (const variant of ['v2', '2', 'canary']) expect(await answered(variant)).toEqual([200, 'v2', 2]);
  expect(await answered('stable')).toEqual([200, 'v1', 2]);
  expect((await answered('AllTraffic')).slice(0, 1)).toEqual([404]);
  const row = new Array(64).fill('1').join(',');
  expect(await answered('v2', 'text/csv', `${row}\n${row}\n`)).toEqual([200, 'v2', 3]);
  const array = npy({ shape: '(2, 64)', data: new Uint8Array(512) });
  expect(await answered('canary', 'application/x-npy', new Uint8Array(array))).toEqual([200, 'v2', 3]);
});

test('without a traffic table SageMaker has chosen the variant already', async () => {
  const { entry } = await run({ serving });
  const headers = { 'x-amzn-sagemaker-target-variant': 'AllTraffic' };
  expect((await ask(`${entry}/invocations`, DIGIT, { headers })).status).toBe(200);
});

test('hostile bodies: a coded answer below 500, and the next request is served', async () => {
  const running = await run({ serving });
  const random = randomOf(1_127);
  const seeds: [string, Buffer][] = [
    ['application/json', Buffer.from(JSON.stringify(DIGIT))],
    [
      'application/json',
      Buffer.from(
        JSON.stringify({ inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: DIGIT.instances[0] }] }),
      ),
    ],
    ['application/jsonlines', Buffer.from(JSON.stringify(DIGIT.instances[0]))],
    ['text/csv', Buffer.from(`"1",${new Array(63).fill('1').join(',')}\r\n`)],
    ['application/x-npy', npy({ shape: '(1, 64)', data: new Uint8Array(256) })],
    ['application/vnd.x.binary+json;json-header-size=40', Buffer.from(JSON.stringify(DIGIT))],
  ];
  const statuses = new Set<number>();
  for (let i = 0; i < 1_500; i++) {
    const [type, seed] = random.pick(seeds);
    const body = Buffer.from(seed);
    for (let n = random.below(4); n >= 0; n--) body[random.below(random.pick([40, body.length]))] = random.below(256);
    const cut = random.below(5) === 0 ? body.subarray(0, random.below(body.length)) : body;
    const { status, json } = await ask(`${running.entry}/invocations`, new Uint8Array(cut), {
      headers: { 'content-type': type },
    });
    statuses.add(status);
    if (status !== 200) expect(json.code).toBeTruthy();
  }
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect((await ask(`${running.entry}/invocations`, DIGIT)).status).toBe(200);
});
