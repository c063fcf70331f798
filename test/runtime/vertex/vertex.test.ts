import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { vertexRoutes } from '../../../runtime/routes/vertex.ts';
import { MODEL, tableOf, temporaryFolder, writeTable } from '../../traffic/support.ts';
import { ask, run } from '../harness.ts';
import { addition, identity } from '../onnx-builder.ts';
import { randomOf } from '../random.ts';

const serving = { protocols: ['vertex'] };
const AT = '/v1/endpoints/123/deployedModels/456';
const PAIRS = identity('FP32', ['n', 2]);

/** The environment as Vertex AI sets it, for what is started afterwards in the same test. */
function environment(variables: Record<string, string>): void {
  Object.assign(process.env, variables);
}

afterEach(() => {
  for (const name of Object.keys(process.env)) if (name.startsWith('AIP_')) delete process.env[name];
});

describe('the contract', () => {
  test('health: 200 once it is ready, 503 before', async () => {
    const { entry, server } = await run({ serving, load: false });
    expect(await ask(entry + AT)).toMatchObject({ status: 503, json: { code: 'NOT_READY' } });
    await server.load();
    expect((await ask(entry + AT)).status).toBe(200);
  });

  test.each<[string, Buffer, unknown, unknown]>([
    [
      'rows',
      PAIRS,
      {
        instances: [
          [1, 2],
          [3, 4],
        ],
      },
      [
        [1, 2],
        [3, 4],
      ],
    ],
    [
      'rows by name',
      addition('INT32'),
      {
        instances: [
          { a: 1, b: 2 },
          { a: 3, b: 4 },
        ],
      },
      [3, 7],
    ],
    ['parameters', PAIRS, { instances: [[1, 2]], parameters: { confidence: 0.5 } }, [[1, 2]]],
    ['parameters that are null', PAIRS, { instances: [[1, 2]], parameters: null }, [[1, 2]]],
    ['base64', identity('BYTES'), { instances: [{ b64: 'YQ==' }, 'b'] }, ['a', 'b']],
    ['what JSON has no number for', PAIRS, { instances: [['NaN', '-Infinity']] }, [['NaN', '-Infinity']]],
  ])('%s', async (_what, model, body, predictions) => {
    const { entry, direct } = await run({ model, serving });
    for (const door of [entry, direct]) {
      const reply = await ask(`${door + AT}:predict`, body);
      expect([reply.status, reply.json]).toEqual([200, { predictions }]);
      expect(reply.headers.get('modelship-version')).toBe('v1');
    }
  });

  test.each<[string, unknown, string]>([
    ['no instances', {}, 'INVALID_REQUEST'],
    ['columns', { inputs: [[1, 2]] }, 'INVALID_REQUEST'],
    ['no object', '[[1, 2]]', 'INVALID_REQUEST'],
    ['no rows', { instances: [] }, 'INVALID_REQUEST'],
    ['parameters that are none', { instances: [[1, 2]], parameters: [1] }, 'INVALID_REQUEST'],
    ['ragged rows', { instances: [[1, 2], [3]] }, 'INPUT_SHAPE'],
    ['text for a number', { instances: [[1, 'a']] }, 'INPUT_DATA'],
    ['no JSON', '{', 'MALFORMED_JSON'],
  ])('%s is refused', async (_what, body, code) => {
    const { entry } = await run({ model: PAIRS, serving });
    expect(await ask(`${entry + AT}:predict`, body)).toMatchObject({ status: 400, json: { code } });
  });

  test.each([
    ['POST', AT, 405],
    ['GET', `${AT}:predict`, 405],
    ['DELETE', AT, 405],
    ['POST', '/v1/endpoints/123:predict', 404],
  ])('%s %s: %i', async (method, path, status) => {
    const { entry } = await run({ serving });
    const body = method === 'GET' ? undefined : {};
    expect((await ask(entry + path, body, { method })).status).toBe(status);
  });

  test('it is there only when the spec says so', async () => {
    const { entry } = await run();
    expect((await ask(entry + AT)).status).toBe(404);
    expect((await ask(`${entry + AT}:predict`, { instances: [] })).status).toBe(404);
  });
});

describe('routes from the environment', () => {
  test('named ones, colons and all', async () => {
    environment({ AIP_HEALTH_ROUTE: '/healthy', AIP_PREDICT_ROUTE: '/v1/models/mine:predict' });
    const { entry } = await run({ model: PAIRS, serving });
    expect((await ask(`${entry}/healthy`)).status).toBe(200);
    expect((await ask(`${entry}/v1/models/mine:predict`, { instances: [[1, 2]] })).json).toEqual({
      predictions: [[1, 2]],
    });
    expect((await ask(`${entry}/v1/models/mine:predict`)).status).toBe(405);
    expect((await ask(`${entry}/v1/models/minexpredict`, {})).status).toBe(404);
  });

  test('one path for both', async () => {
    environment({ AIP_HEALTH_ROUTE: '/both', AIP_PREDICT_ROUTE: '/both' });
    const { entry } = await run({ model: PAIRS, serving });
    expect((await ask(`${entry}/both`)).status).toBe(200);
    expect((await ask(`${entry}/both`, { instances: [[1, 2]] })).status).toBe(200);
  });

  test("another protocol's, in whatever order the spec names them", async () => {
    environment({ AIP_HEALTH_ROUTE: '/v2/health/ready', AIP_PREDICT_ROUTE: '/invocations' });
    const { entry } = await run({ model: PAIRS, serving: { protocols: ['vertex', 'sagemaker', 'rest'] } });
    expect((await ask(`${entry}/v2/health/ready`)).json).toEqual({ ready: true });
    expect((await ask(`${entry}/invocations`, { instances: [[1, 2]] })).json).toEqual({ predictions: [[1, 2]] });
  });

  test('a path that another protocol has for another method', async () => {
    environment({ AIP_HEALTH_ROUTE: '/healthy', AIP_PREDICT_ROUTE: '/ping' });
    const { entry } = await run({ model: PAIRS, serving: { protocols: ['vertex', 'sagemaker'] } });
    expect((await ask(`${entry}/ping`)).status).toBe(200);
    expect((await ask(`${entry}/ping`, { instances: [[1, 2]] })).json).toEqual({ predictions: [[1, 2]] });
    const refused = await ask(`${entry}/ping`, undefined, { method: 'DELETE' });
    expect([refused.status, refused.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
  });

  test('empty means default; what is no path is refused', () => {
    expect(vertexRoutes({ AIP_HEALTH_ROUTE: '' })).toEqual({ health: undefined, predict: undefined });
    for (const path of ['health', '/a b', '/a?b=1', '/*']) {
      expect(() => vertexRoutes({ AIP_PREDICT_ROUTE: path })).toThrow(/AIP_PREDICT_ROUTE/);
    }
  });
});

test('two runtimes: the split forwards, and a header names the version', async () => {
  environment({ AIP_PREDICT_ROUTE: '/predict' });
  const table = join(await temporaryFolder(), 'traffic.json');
  const v2 = await run({ launch: { version: 'v2', model: MODEL }, serving });
  await writeTable(table, tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: Number(new URL(v2.direct).port) } }));
  const v1 = await run({ launch: { version: 'v1', model: MODEL, table }, serving });
  const body = { instances: [{ image: new Array(64).fill(1) }] };
  for (const path of ['/predict', `${AT}:predict`]) {
    const drawn = await ask(v1.entry + path, body);
    expect([drawn.status, drawn.headers.get('modelship-version')]).toEqual([200, 'v2']);
    expect(drawn.json.predictions).toHaveLength(1);
    const named = await ask(v1.entry + path, body, { headers: { 'modelship-version': 'v1' } });
    expect([named.status, named.headers.get('modelship-version')]).toEqual([200, 'v1']);
  }
});

test('hostile bodies: a coded answer below 500', async () => {
  const { entry } = await run({ serving });
  const random = randomOf(2_711);
  const good = Buffer.from(JSON.stringify({ instances: [{ image: new Array(64).fill(1) }], parameters: {} }));
  for (let i = 0; i < 500; i++) {
    const body = Buffer.from(good);
    for (let n = random.below(3); n >= 0; n--) body[random.below(body.length)] = random.below(256);
    const { status, json } = await ask(`${entry + AT}:predict`, new Uint8Array(body));
    expect(status).toBeLessThan(500);
    if (status !== 200) expect(json.code).toBeTruthy();
  }
});
