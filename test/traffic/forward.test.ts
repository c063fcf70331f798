import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { CONNECTIONS_PER_ADDRESS } from '../../runtime/traffic/target.ts';
import fc from '../properties.ts';
import { healthy, rigWith, tableOf, until, upstream } from './support.ts';

const ALL_TO_V2 = { v1: 0, v2: 10_000 };

describe('what is forwarded', () => {
  test('is the method, the URL, the body and the end-to-end headers as they were', async () => {
    let got: { method?: string; url?: string; headers: IncomingHttpHeaders; body: Buffer } | undefined;
    const { port } = await upstream((request, response, body) => {
      got = { method: request.method, url: request.url, headers: request.headers, body } as typeof got;
      response.end('ok');
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const body = Buffer.from([0, 1, 2, 255, 13, 10, 0]);
    const url = '/v2/models/digits/infer?x=%20&y=1;2#no';
    const headers = {
      host: 'digits.example.com',
      'content-type': 'application/octet-stream',
      'content-length': '999',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      tracestate: 'a=b',
      authorization: 'Bearer t',
      'x-latin': 'caf\u00e9',
      'set-cookie': ['a=1', 'b=2'],
      connection: 'close, X-Private',
      'x-private': 'between two hops',
      'keep-alive': 'timeout=5',
      'transfer-encoding': 'chunked',
      te: 'trailers',
      upgrade: 'h2c',
      expect: '100-continue',
      'proxy-authorization': 'Basic x',
      'modelship-mirror': '1',
      'modelship-timeout-ms': '1',
    };
    await rig.send({ method: 'PUT', url, headers, body, deadline: performance.now() + 100_000 });
    expect(got).toMatchObject({ method: 'PUT', url, body });
    const { 'modelship-timeout-ms': timeout, ...rest } = got?.headers ?? {};
    expect(Number(timeout)).toBeGreaterThan(10_000);
    expect(rest).toEqual({
      host: `127.0.0.1:${port}`,
      connection: 'keep-alive',
      'content-type': 'application/octet-stream',
      'content-length': '7',
      traceparent: headers.traceparent,
      tracestate: 'a=b',
      authorization: 'Bearer t',
      'x-latin': 'caf\u00e9',
      'set-cookie': ['a=1', 'b=2'],
      'modelship-version': 'v2',
      'modelship-forwarded': 'digits/v1',
    });
  });

  test('comes back with status, body and end-to-end headers as they were', async () => {
    const { port } = await upstream((_, response) => {
      response.writeHead(418, {
        'content-type': 'text/x',
        connection: 'close, x-private',
        'x-private': '1',
        'x-public': '2',
        'content-encoding': 'gzip',
      });
      response.write('a');
      response.end(Buffer.from([0, 255]));
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const { status, headers, body } = await rig.send();
    const { date, ...rest } = headers;
    expect(date).toBeDefined();
    expect({ status, body }).toEqual({ status: 418, body: Buffer.from([97, 0, 255]) });
    expect(rest).toEqual({
      'content-type': 'text/x',
      'x-public': '2',
      'content-encoding': 'gzip',
      'modelship-version': 'v2',
    });
  });

  test('is sent for each request without a body, and for HEAD', async () => {
    const { port } = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    for (const method of ['GET', 'HEAD', 'DELETE', 'POST']) {
      const answer = await rig.send({ method, body: undefined });
      expect(String(answer.body)).toBe(method === 'HEAD' ? '' : 'from v2');
    }
  });

  test('is anything that node’s own parser lets in', async () => {
    const { port } = await upstream((_, response) => response.end('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const entry = createServer((request, response) => {
      const { url = '', headers, method = '' } = request;
      void rig.send({ url, headers, method, body: undefined }).then(({ status, body }) => {
        response.writeHead(status).end(body);
      });
    });
    entry.listen(0, '127.0.0.1');
    await once(entry, 'listening');
    onTestFinished(() => void entry.close());
    const text = (pool: string, maxLength: number) =>
      fc.array(fc.constantFrom(...pool), { maxLength }).map((all) => all.join(''));
    const likely = Array.from({ length: 94 }, (_, i) => String.fromCharCode(i + 33)).join('');
    const path = text(likely, 12);
    const value = text(`${likely}\t \x7f\x80\xe9\xff\x01`, 12);
    const name = text("abz09-_.!#$%&'*+^`|~", 4);
    await fc.assert(
      fc.asyncProperty(path, value, name, async (path, value, name) => {
        const raw = `GET /${path} HTTP/1.1\r\nhost: a\r\nx${name}: ${value}\r\nconnection: close\r\n\r\n`;
        const answer = await sendRaw((entry.address() as AddressInfo).port, raw);
        if (!answer.startsWith('HTTP/1.1 200')) return;
        expect(answer).toContain('v2');
      }),
      { numRuns: 300 },
    );
    expect(rig.book.of('v2')).toMatchObject({ failed: 0 });
    expect(rig.book.of('v2').forwarded).toBeGreaterThan(20);
  });

  test('is a path only: anything else is answered by the own version, or refused when it names another', async () => {
    const { port } = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    expect((await rig.send({ method: 'OPTIONS', url: '*' })).body).toBe('own v1');
    await expect(rig.send({ url: 'http://elsewhere/', pinned: 'v2' })).rejects.toMatchObject({
      code: 'INVALID_REQUEST',
    });
    expect(rig.book.of('v2')).toMatchObject({ forwarded: 0, failed: 0 });
  });
});

describe('connections', () => {
  test('are used again: a hundred requests in turn need two at most', async () => {
    const server = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    for (let i = 0; i < 100; i++) await rig.send();
    expect(server.requests).toBe(100);
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  test('are bounded: what would be too much is answered by the own version, at once', async () => {
    const waiting: (() => void)[] = [];
    const server = await upstream((_, response) => waiting.push(() => response.end('v2')));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    const answers = Array.from({ length: CONNECTIONS_PER_ADDRESS }, () => rig.send());
    await until(() => waiting.length === CONNECTIONS_PER_ADDRESS);
    for (let i = 0; i < 10; i++) expect((await rig.send()).body).toBe('own v1');
    await expect(rig.send({ pinned: 'v2' })).rejects.toMatchObject({ code: 'QUEUE_FULL', status: 503 });
    for (const answer of waiting) answer();
    for (const answer of await Promise.all(answers)) expect(String(answer.body)).toBe('v2');
    expect(server.connections).toBe(CONNECTIONS_PER_ADDRESS);
    expect(rig.book.of('v2')).toMatchObject({ forwarded: 128, failed: 0, shielded: { open: 10 } });
  });

  test('are closed when the process stops, after what is in flight', async () => {
    let answer = () => {};
    const server = await upstream((_, response) => {
      answer = () => response.end('late');
    });
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    const inFlight = rig.send();
    await until(() => server.requests === 1);
    const stopped = rig.traffic.stop();
    answer();
    expect(String((await inFlight).body)).toBe('late');
    await stopped;
    expect((await rig.send()).body).toBe('own v1');
    const sockets = process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap');
    await until(
      () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length <= sockets.length,
    );
  });
});

/** @returns all that comes back */
async function sendRaw(port: number, raw: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let all = '';
  socket.on('data', (data) => {
    all += data.toString('latin1');
  });
  socket.on('error', () => {});
  socket.end(raw, 'latin1');
  await once(socket, 'close');
  return all;
}
