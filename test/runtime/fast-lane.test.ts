/** Requests by the fast lane and by the framework (a query is enough to go there) are answered alike. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
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

function comparable({ status, headers, text }: Reply) {
  const { date: _date, ...others } = Object.fromEntries(headers);
  return { status, headers: others, text };
}

test.each(REQUESTS)('%s', async (_name, body, headers) => {
  const { entry, direct } = await run({ serving: { limits: { bodyBytes: 10_000 } } });
  for (const door of [entry, direct]) {
    const url = `${door}/v2/models/m/infer`;
    const init = { method: 'POST', headers };
    const [fast, framework] = [await ask(url, body, init), await ask(`${url}?by=framework`, body, init)];
    expect(comparable(fast)).toEqual(comparable(framework));
  }
});

test('both are counted alike', async () => {
  const running = await run({ serving: { limits: { bodyBytes: 10_000 } } });
  for (const query of ['', '?by=framework']) {
    for (const [, body, headers] of REQUESTS) {
      await ask(`${running.entry}/v2/models/m/infer${query}`, body, { method: 'POST', headers });
    }
  }
  const metrics = await metricsOf(running);
  const counts = [...metrics].filter(([name]) => name.startsWith('modelship_requests_total'));
  expect(counts.map(([, count]) => (count as number) % 2)).toEqual(counts.map(() => 0));
  expect(counts.reduce((sum, [, count]) => sum + (count as number), 0)).toBe(2 * REQUESTS.length);
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
