/** The proxy between a client and a server of our own: what each fault does to either side. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fault } from '../../faults/plan.ts';
import { FaultProxy } from '../../faults/proxy.ts';

const PATH = '/api/v1/namespaces/a/services';
const EVENTS = [1, 2, 3].map((n) => `{"type":"ADDED","object":{"n":${n}}}\n`);

let server: Server;
let proxy: FaultProxy;
let heard: string[];
let bodies: string[];
let answers: number;
let next: Fault;

/** Answers with a count; a watch gets three events and stays open. */
function answer(method: string, url: string, response: ServerResponse): void {
  heard.push(`${method} ${url}`);
  if (url.includes('watch=')) for (const event of EVENTS) response.write(event);
  else response.end(JSON.stringify({ answer: ++answers }));
}

beforeEach(async () => {
  heard = [];
  bodies = [];
  answers = 0;
  next = { kind: 'pass' };
  server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8').on('data', (part: string) => (body += part));
    incoming.on('end', () => {
      bodies.push(body);
      answer(incoming.method ?? '', incoming.url ?? '', response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  proxy = await FaultProxy.start({
    target: { url: `http://127.0.0.1:${port}`, ca: '' },
    plan: { decide: () => next },
  });
});

afterEach(async () => {
  await proxy.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function ask(method = 'GET', query = ''): Promise<{ status: number; body: string }> {
  const response = await fetch(`${proxy.url}${PATH}${query}`, { method, ...(method !== 'GET' && { body: '{}' }) });
  return { status: response.status, body: await response.text() };
}

/** What of a watch arrives before it breaks or ends. */
async function watched(): Promise<{ text: string; broke: boolean }> {
  let text = '';
  try {
    const response = await fetch(`${proxy.url}${PATH}?watch=true`);
    for await (const part of response.body ?? []) text += Buffer.from(part).toString();
    return { text, broke: false };
  } catch {
    return { text, broke: true };
  }
}

describe('a write', () => {
  it('passes, and is on record', async () => {
    expect(await ask('POST')).toEqual({ status: 200, body: '{"answer":1}' });
    expect(proxy.trace.writes).toMatchObject([{ status: 200, request: { verb: 'create', resource: 'services' } }]);
  });

  it('with a body is heard whole, a deletion too, and the next request as well', async () => {
    for (const method of ['DELETE', 'POST', 'DELETE', 'GET']) expect((await ask(method)).status).toBe(200);
    expect(bodies).toEqual(['{}', '{}', '{}', '']);
  });

  it('that is cut before never reaches the server', async () => {
    next = { kind: 'cut-before' };
    await expect(ask('POST')).rejects.toThrow();
    expect(heard).toEqual([]);
    expect(proxy.trace.writes).toEqual([]);
  });

  it('that is cut after has happened, and the client does not know', async () => {
    next = { kind: 'cut-after' };
    await expect(ask('POST')).rejects.toThrow();
    expect(heard).toEqual([`POST ${PATH}`]);
    expect(proxy.trace.writes).toHaveLength(1);
  });

  it.each([
    ['conflict', 409, 'Conflict'],
    ['throttle', 429, 'TooManyRequests'],
    ['error', 500, 'InternalError'],
    ['unavailable', 503, 'ServiceUnavailable'],
  ] as const)('meets %s in the words of an API server', async (kind, status, reason) => {
    next = { kind };
    const answered = await ask('POST');
    expect(answered.status).toBe(status);
    expect(JSON.parse(answered.body)).toMatchObject({ kind: 'Status', status: 'Failure', code: status, reason });
    expect(heard).toEqual([]);
  });

  it('that hangs is given up by nobody but the client, and never carried out', async () => {
    next = { kind: 'hang', ms: 60_000 };
    const asked = fetch(`${proxy.url}${PATH}`, { method: 'POST', body: '{}', signal: AbortSignal.timeout(100) });
    await expect(asked).rejects.toThrow('timeout');
    expect(heard).toEqual([]);
  });
});

describe('a list', () => {
  it('is stale once there is something to remember', async () => {
    next = { kind: 'stale' };
    expect((await ask()).body).toBe('{"answer":1}');
    next = { kind: 'pass' };
    expect((await ask()).body).toBe('{"answer":2}');
    next = { kind: 'stale' };
    expect((await ask()).body).toBe('{"answer":1}');
    expect((await ask('GET', '?limit=1')).body).toBe('{"answer":3}');
  });
});

describe('a watch', () => {
  it('is cut after so many events', async () => {
    next = { kind: 'watch-cut', events: 2, torn: false };
    expect(await watched()).toEqual({ text: EVENTS.slice(0, 2).join(''), broke: true });
  });

  it('is torn in the middle of an event', async () => {
    next = { kind: 'watch-cut', events: 1, torn: true };
    const { text, broke } = await watched();
    expect(broke).toBe(true);
    expect(text.length).toBeGreaterThan(EVENTS[0]?.length ?? 0);
    expect(text.length).toBeLessThan(EVENTS.join('').length);
  });

  it('stalls: no byte comes, and the connection stays for a while', async () => {
    next = { kind: 'stall', events: 1, ms: 150 };
    const started = performance.now();
    expect(await watched()).toEqual({ text: EVENTS[0], broke: true });
    expect(performance.now() - started).toBeGreaterThan(140);
  });

  it('is told that its resourceVersion is too old', async () => {
    next = { kind: 'expired' };
    const { text } = await watched();
    expect(JSON.parse(text)).toMatchObject({ type: 'ERROR', object: { code: 410, reason: 'Expired' } });
  });
});

describe('a partition', () => {
  it('breaks what is open, and notes what is asked meanwhile', async () => {
    const open = watched();
    while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
    proxy.partition(true);
    expect((await open).broke).toBe(true);
    await expect(ask('POST')).rejects.toThrow();
    expect(proxy.trace.entries.at(-1)).toMatchObject({ fault: 'partition', request: { write: true } });
    expect(proxy.trace.writes).toEqual([]);
    proxy.partition(false);
    expect((await ask('POST')).status).toBe(200);
  });
});
