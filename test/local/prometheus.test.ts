/** One number from a Prometheus, over its real HTTP API, played by a server. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { prometheusAt } from '../../local/prometheus.ts';

let server: Server | undefined;
afterEach(() => server?.close());

/** @returns its URL, with a path before that of the API */
async function answering(body: object): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  server = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text: string) => asked.push(`${request.url} ${text}`));
    request.on('end', () => response.end(JSON.stringify(body)));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tenant/`, asked };
}

const vector = (...values: string[]) => ({
  status: 'success',
  data: { resultType: 'vector', result: values.map((value) => ({ metric: {}, value: [1_700_000_000.1, value] })) },
});

test.each([
  ['a vector of one', vector('0.25'), 0.25],
  ['a scalar', { status: 'success', data: { resultType: 'scalar', result: [1, '3'] } }, 3],
  ['no series', vector(), 'Prometheus has no data for the query'],
  ['two series', vector('1', '2'), 'Prometheus gave 2 series; the query must give one number'],
  ['not a number', vector('NaN'), 'Prometheus gave no finite number'],
  ['an error', { status: 'error', errorType: 'bad_data', error: 'parse error' }, 'Prometheus says: parse error'],
  ['something else', { hello: 1 }, 'Prometheus answered 200 with what is no answer to a query'],
])('%s', async (_, body, expected) => {
  const { url, asked } = await answering(body);
  const answer = typeof expected === 'number' ? { ok: true, value: expected } : { ok: false, reason: expected };
  expect(await prometheusAt(url)('up{a="b"}')).toEqual(answer);
  expect(asked).toEqual(['/tenant/api/v1/query query=up%7Ba%3D%22b%22%7D']);
});

test('one that is not there is a reason, not an end', async () => {
  const { url } = await answering({});
  server?.close();
  await once(server as Server, 'close');
  expect(await prometheusAt(url)('up')).toMatchObject({
    ok: false,
    reason: expect.stringMatching(/cannot be asked: /),
  });
});
