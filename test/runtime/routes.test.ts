import { createConnection } from 'node:net';
import { describe, expect, test } from 'vitest';
import { ask, infer, type Running, run } from './harness.ts';
import { identity } from './onnx-builder.ts';

const MODEL = identity('FP32', ['n', 2]);
const GOOD = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] };

describe('what the doors answer', () => {
  test('server, health, model and readiness', async () => {
    const { entry, direct } = await run({ model: MODEL });
    for (const door of [entry, direct]) {
      const get = async (path: string) => (await ask(door + path)).json;
      const extensions = [
        'binary_tensor_data',
        'classification',
        'model_configuration',
        'model_repository',
        'statistics',
      ];
      expect(await get('/v2')).toEqual({ name: 'modelship', version: 'test', extensions });
      expect(await get('/v2/health/live')).toEqual({ live: true });
      expect(await get('/v2/health/ready')).toEqual({ ready: true });
      const metadata = {
        name: 'm',
        versions: ['v1'],
        platform: 'onnxruntime_onnx',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
      };
      expect(await get('/v2/models/m')).toEqual(metadata);
      expect(await get('/v2/models/m/versions/v1')).toEqual(metadata);
      expect(await get('/v2/models/m/ready')).toEqual({ name: 'm', version: 'v1', ready: true });
      expect(await get('/v2/models/m/versions/v1/ready')).toMatchObject({ ready: true });
    }
  });

  test('inference, by any path and header that name this version', async () => {
    const { entry, direct } = await run({ model: MODEL });
    for (const door of [entry, direct]) {
      for (const path of ['', '/versions/v1']) {
        for (const headers of [{}, { 'modelship-version': 'v1' }, { 'modelship-version': '' }] as Record<
          string,
          string
        >[]) {
          const reply = await ask(`${door}/v2/models/m${path}/infer`, GOOD, { headers });
          expect(reply.status).toBe(200);
          expect(reply.headers.get('modelship-version')).toBe('v1');
          expect(reply.headers.get('content-type')).toContain('application/json');
          expect(reply.json).toEqual({
            model_name: 'm',
            model_version: 'v1',
            outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [1, 2] }],
          });
        }
      }
    }
  });

  test.each(['application/json', 'application/vnd.kserve+json; charset=utf-8', 'application/x-www-form-urlencoded'])(
    'a body of type %s',
    async (type) => {
      const running = await run({ model: MODEL });
      expect((await infer(running, GOOD, { headers: { 'content-type': type } })).status).toBe(200);
    },
  );
});

describe('while the model is not loaded', () => {
  test('it lives, says that it is not ready, and refuses inference', async () => {
    const { entry, direct, admin } = await run({ load: false });
    expect((await ask(`${admin}/livez`)).status).toBe(200);
    for (const url of [
      `${admin}/readyz`,
      `${entry}/v2/health/ready`,
      `${entry}/v2/models/m`,
      `${direct}/v2/models/m/ready`,
    ]) {
      const reply = await ask(url);
      expect(reply.json, url).toMatchObject({ code: 'NOT_READY', error: expect.stringContaining('Pending') });
      expect(reply.status).toBe(503);
      expect(reply.headers.get('retry-after')).toBe('1');
    }
    const reply = await ask(`${entry}/v2/models/m/infer`, GOOD);
    expect([reply.status, reply.json.code, reply.headers.get('modelship-version')]).toEqual([503, 'NOT_READY', 'v1']);
  });
});

interface Refusal {
  why: string;
  door?: 'entry' | 'direct' | 'admin';
  path: string;
  body?: unknown;
  init?: RequestInit;
  answer: [status: number, code: string, says: string];
}

const REFUSALS: Refusal[] = [
  { why: 'an unknown path', path: '/v1/models', answer: [404, 'ROUTE_NOT_FOUND', 'GET /v1/models'] },
  { why: 'an unknown path on admin', door: 'admin', path: '/', answer: [404, 'ROUTE_NOT_FOUND', 'GET /'] },
  { why: 'a path that is no URL', path: '/v2/models/%zz', answer: [400, 'INVALID_REQUEST', '%zz'] },
  { why: 'an unknown model', path: '/v2/models/other', answer: [404, 'MODEL_NOT_FOUND', "'m'"] },
  {
    why: 'an unknown model, inference',
    path: '/v2/models/o/infer',
    body: GOOD,
    answer: [404, 'MODEL_NOT_FOUND', "'m'"],
  },
  { why: 'an unknown version', path: '/v2/models/m/versions/v9', answer: [404, 'VERSION_NOT_FOUND', 'v1'] },
  {
    why: 'an unknown version, inference',
    path: '/v2/models/m/versions/v9/infer',
    body: GOOD,
    answer: [404, 'VERSION_NOT_FOUND', 'v1'],
  },
  {
    why: 'an unknown version by header',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'modelship-version': 'v9' } },
    answer: [404, 'VERSION_NOT_FOUND', 'v1'],
  },
  {
    why: 'two versions at once',
    path: '/v2/models/m/versions/v1/infer',
    body: GOOD,
    init: { headers: { 'modelship-version': 'v9' } },
    answer: [400, 'INVALID_REQUEST', "'v9'"],
  },
  {
    why: 'another version at a direct door',
    door: 'direct',
    path: '/v2/models/m/versions/v2/infer',
    body: GOOD,
    answer: [421, 'MISDIRECTED', "'v2'"],
  },
  {
    why: 'another version at a direct door, by header',
    door: 'direct',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'modelship-version': 'v2' } },
    answer: [421, 'MISDIRECTED', "'v2'"],
  },
  {
    why: 'another model at a direct door, of what was forwarded',
    door: 'direct',
    path: '/v2/models/o/infer',
    body: GOOD,
    init: { headers: { 'modelship-forwarded': 'v2', 'modelship-version': 'v1' } },
    answer: [421, 'MISDIRECTED', "model 'm'"],
  },
  {
    why: 'another model at a direct door, of what was forwarded and names none',
    door: 'direct',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'modelship-forwarded': 'o/v2' } },
    answer: [421, 'MISDIRECTED', "not as 'o'"],
  },
  {
    why: 'another model at a direct door',
    door: 'direct',
    path: '/v2/models/o/infer',
    body: GOOD,
    answer: [404, 'MODEL_NOT_FOUND', "'m'"],
  },
  { why: 'GET for inference', path: '/v2/models/m/infer', answer: [405, 'METHOD_NOT_ALLOWED', 'POST'] },
  {
    why: 'GET for inference, with a query and a slash',
    path: '/v2/models/m/infer/?a=b',
    answer: [405, 'METHOD_NOT_ALLOWED', 'POST'],
  },
  { why: 'a part that is empty', path: '/v2/models//infer', answer: [404, 'ROUTE_NOT_FOUND', 'nothing'] },
  { why: 'POST for metadata', path: '/v2/models/m', body: {}, answer: [405, 'METHOD_NOT_ALLOWED', 'GET, HEAD'] },
  {
    why: 'a body in an encoding that is not understood',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'content-encoding': 'br' } },
    answer: [415, 'UNSUPPORTED_MEDIA_TYPE', 'gzip, deflate'],
  },
  {
    why: 'a body of another type',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'content-type': 'application/x-protobuf' } },
    answer: [415, 'UNSUPPORTED_MEDIA_TYPE', 'application/json'],
  },
  {
    why: 'a JSON head longer than the body',
    path: '/v2/models/m/infer',
    body: GOOD,
    init: { headers: { 'inference-header-content-length': '1000' } },
    answer: [400, 'INVALID_REQUEST', 'says 1000 bytes of JSON'],
  },
  {
    why: 'a body too large',
    path: '/v2/models/m/infer',
    body: 'x'.repeat(2_000),
    answer: [413, 'BODY_TOO_LARGE', '1000'],
  },
];

describe('refusals are coded JSON', () => {
  test.each(REFUSALS)('$why', async ({ door = 'entry', path, body, init, answer: [status, code, says] }) => {
    const running = await run({ model: MODEL, serving: { limits: { bodyBytes: 1_000 } } });
    const reply = await ask(running[door] + path, body, init);
    expect(reply.json, reply.text).toEqual({ error: expect.stringContaining(says), code });
    expect(reply.status).toBe(status);
    expect(reply.headers.get('modelship-version')).toBe('v1');
    if (status === 405) expect(reply.headers.get('allow')).toContain(says);
  });

  test('a body too large that is not announced', async () => {
    const running = await run({ model: MODEL, serving: { limits: { bodyBytes: 1_000 } } });
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('x'.repeat(2_000)));
        controller.close();
      },
    });
    const init = { method: 'POST', body: stream, duplex: 'half' } as RequestInit;
    expect((await ask(`${running.entry}/v2/models/m/infer`, undefined, init)).json.code).toBe('BODY_TOO_LARGE');
  });

  test('HEAD answers as GET, without a body', async () => {
    const { entry } = await run({ model: MODEL });
    const reply = await ask(`${entry}/v2/models/m`, undefined, { method: 'HEAD' });
    expect([reply.status, reply.text]).toEqual([200, '']);
  });

  test.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400, 'MALFORMED_HTTP'],
    ['headers without end', `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(20_000)}`, 431, 'HEADERS_TOO_LARGE'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n',
      400,
      'MALFORMED_HTTP',
    ],
  ])('%s', async (_why, bytes, status, code) => {
    const running = await run({ model: MODEL });
    const answer = await raw(running, bytes);
    expect(answer).toContain(`HTTP/1.1 ${status} `);
    expect(answer).toContain(`"code":"${code}"`);
    expect((await infer(running, GOOD)).status).toBe(200);
  });
});

/** Sends bytes as they are. @returns all that comes back */
function raw({ entry }: Running, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(entry).port) }, () =>
      socket.write(bytes),
    );
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
