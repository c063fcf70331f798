import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { httpPrometheus } from '../../../operator/evidence/prometheus.ts';

/** Where an answer comes. */
const PATIENT_MS = 25_000;
/** Where none does. */
const SHORT_MS = 200;

type Answer = (response: ServerResponse, request: IncomingMessage, body: string) => void;

async function prometheusFrom(answer: Answer, path = '', timeoutMs = PATIENT_MS) {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    answer(response, request, body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const source = httpPrometheus(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, timeoutMs);
  onTestFinished(async () => {
    await source.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return source;
}

const says =
  (data: object, status = 200): Answer =>
  (response) =>
    void response.writeHead(status).end(JSON.stringify(data));
const success = (resultType: string, result: unknown) => ({ status: 'success', data: { resultType, result } });
const series = (...values: string[]) =>
  success(
    'vector',
    values.map((value) => ({ metric: {}, value: [1.5, value] })),
  );

describe('an instant query', () => {
  test('is sent as a form, below the path of the URL, with a time-out of its own', async () => {
    const asked: unknown[] = [];
    const source = await prometheusFrom((response, { method, url }, body) => {
      asked.push(method, url, Object.fromEntries(new URLSearchParams(body)));
      response.end(JSON.stringify(series('0.25')));
    }, '/tenant/');
    expect(await source.query('sum(rate(x{a="b&c"}[60s]))')).toEqual({ ok: true, value: 0.25 });
    expect(asked).toEqual([
      'POST',
      '/tenant/api/v1/query',
      { query: 'sum(rate(x{a="b&c"}[60s]))', timeout: '25000ms' },
    ]);
  });

  test.each<[string, object, number]>([
    ['one series', series('-3e2'), -300],
    ['zero', series('0'), 0],
    ['a scalar', success('scalar', [1, '7']), 7],
  ])('gives the number of %s', async (_, body, value) => {
    expect(await (await prometheusFrom(says(body))).query('x')).toEqual({ ok: true, value });
  });

  test.each<[string, Answer, RegExp, number?]>([
    ['no data', says(series()), /has no data for the query/],
    ['several series', says(series('1', '2')), /gave 2 series; the query must give one number/],
    ['a range', says(success('matrix', [])), /gave a matrix/],
    ['a text', says(success('string', [1, 'x'])), /gave a string/],
    ['NaN', says(series('NaN')), /no finite number/],
    ['infinity', says(series('+Inf')), /no finite number/],
    [
      'a refusal',
      says({ status: 'error', errorType: 'bad_data', error: 'parse error: x' }, 400),
      /says: parse error: x/,
    ],
    ['another server', (response) => void response.writeHead(404).end('<html>'), /answered 404 with what is no answer/],
    ['more than it can be', (response) => void response.end(' '.repeat(300_000)), /more than 262144 bytes/],
    ['a connection that is cut', (response) => void response.destroy(), /other side closed|ECONNRESET/],
    [
      'half an answer',
      (response) => void response.writeHead(200, { 'content-length': '9' }).write('{'),
      /timeout|aborted/,
      SHORT_MS,
    ],
    ['silence', () => undefined, /timeout|aborted/, SHORT_MS],
  ])('%s is a number that is missing, and says why', async (_, answer, reason, timeoutMs = PATIENT_MS) => {
    const got = await (await prometheusFrom(answer, '', timeoutMs)).query('x');
    expect(got).toMatchObject({ ok: false, reason: expect.stringMatching(reason) });
  });
});
