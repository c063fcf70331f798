/**
 * Requests by the plain lane (whatever `fetch` sends), by the fast lane (a connection that is to close is Node's) and by the
 * framework (a query is enough to go there) are answered alike.
 */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Inference } from '../../runtime/inference.ts';
import { fastLane } from '../../runtime/routes/fast-lane.ts';
import { ask, type Reply, run } from './harness.ts';
import { metricsOf } from './metrics-of.ts';

const ROW = Array.from({ length: 64 }, (_, at) => at % 17);
const GOOD = JSON.stringify({ id: 'a', inputs: [{ name: 'image', shape: [1, 64], datatype: 'FP32', data: ROW }] });

const REQUESTS: [string, string | Uint8Array, Record<string, string>][] = [
  ['a good one', GOOD, {}],
  ['one with a version', GOOD, { 'modelship-version': 'v1' }],
  ['one for a version that is not there', GOOD, { 'modelship-version': 'v9' }],
  ['one in gzip', gzipSync(GOOD), { 'content-encoding': 'gzip' }],
  ['one that wants gzip', GOOD, { 'accept-encoding': 'gzip' }],
  ['one in an encoding not known', GOOD, { 'content-encoding': 'br' }],
  ['one of another type', GOOD, { 'content-type': 'image/png' }],
  ['no JSON', '{"inputs":', {}],
  ['an empty body', '', {}],
  ['a wrong shape', GOOD.replace('[1,64]', '[2,64]'), {}],
  ['a JSON head longer than the body', GOOD, { 'inference-header-content-length': '99999' }],
  ['a body too large', 'x'.repeat(20_000), {}],
];

function comparable({ status, headers, text }: Pick<Reply, 'status' | 'headers' | 'text'>) {
  const { date: _date, connection: _connection, 'keep-alive': _keepAlive, ...others } = Object.fromEntries(headers);
  return { status, headers: others, text };
}

async function askAndClose(url: string, body: string | Uint8Array, headers: Record<string, string>) {
  const asked = request(url, {
    method: 'POST',
    agent: false,
    headers: { 'content-type': 'application/json', ...headers },
  });
  asked.end(body);
  const [response]: IncomingMessage[] = await once(asked, 'response');
  if (!response) throw new Error('no answer');
  expect(response.headers.connection).toBe('close');
  const of = Object.entries(response.headers).map(([name, value]): [string, string] => [name, String(value)]);
  const bytes = await buffer(response);
  const text = String(response.headers['content-encoding'] === 'gzip' ? gunzipSync(bytes) : bytes);
  return comparable({ status: response.statusCode ?? 0, headers: new Headers(of), text });
}

test.each(REQUESTS)('%s', async (_name, body, headers) => {
  const { entry, direct } = await run({ serving: { limits: { bodyBytes: 10_000 } } });
  for (const door of [entry, direct]) {
    const url = `${door}/v2/models/m/infer`;
    const init = { method: 'POST', headers };
    const framework = comparable(await ask(`${url}?by=framework`, body, init));
    expect(comparable(await ask(url, body, init))).toEqual(framework);
    expect(await askAndClose(url, body, headers)).toEqual(framework);
  }
});

test('who sends what is plain on a connection that stays is not served by Node’s server', async () => {
  const { entry, direct } = await run();
  for (const door of [entry, direct]) {
    const nameOfDate = async (path: string, agent: Agent | false) => {
      const asked = request(`${door}${path}`, { method: 'POST', agent });
      asked.end(GOOD);
      const [response]: IncomingMessage[] = await once(asked, 'response');
      await buffer(response as IncomingMessage);
      // Node's server writes it with a capital letter, our own writer does not.
      return response?.rawHeaders.find((name) => name.toLowerCase() === 'date');
    };
    const agent = new Agent({ keepAlive: true });
    expect(await nameOfDate('/v2/models/m/infer', agent)).toBe('date');
    expect(await nameOfDate('/v2/models/m/infer', false)).toBe('Date');
    agent.destroy();
  }
});

test('all are counted alike', async () => {
  const running = await run({ serving: { limits: { bodyBytes: 10_000 } } });
  const url = `${running.entry}/v2/models/m/infer`;
  for (const [, body, headers] of REQUESTS) {
    await ask(url, body, { method: 'POST', headers });
    await ask(`${url}?by=framework`, body, { method: 'POST', headers });
    await askAndClose(url, body, headers);
  }
  const metrics = await metricsOf(running);
  const counts = [...metrics].filter(([name]) => name.startsWith('modelship_requests_total'));
  expect(counts.map(([, count]) => (count as number) % 3)).toEqual(counts.map(() => 0));
  expect(counts.reduce((sum, [, count]) => sum + (count as number), 0)).toBe(3 * REQUESTS.length);
});

test('takes what is exactly an inference of its model, and touches nothing else', () => {
  const untouchable = {} as Inference;
  const lane = fastLane({ model: 'm', inference: untouchable, bodyBytes: 10 });
  const takes = (method: string, url: string, headers = {}) => {
    const request = { method, url, headers, on: () => request, off: () => request };
    return lane(request as unknown as IncomingMessage, {} as ServerResponse);
  };
  expect(takes('POST', '/v2/models/m/infer')).toBe(true);
  expect(takes('POST', '/v2/models/m/infer', { 'content-encoding': 'gzip' })).toBe(true);
  expect(takes('POST', '/v2/models/m/infer', { 'content-encoding': 'br' })).toBe(false);
  expect(takes('GET', '/v2/models/m/infer')).toBe(false);
  expect(takes('POST', '/v2/models/m/infer?a=b')).toBe(false);
  expect(takes('POST', '/v2/models/other/infer')).toBe(false);
});
