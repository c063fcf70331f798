/** What the HTTP client makes of servers and networks that fail. */
import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeErrorCode } from '../../../operator/kube/error.ts';
import type { HttpKubeClient } from '../../../operator/kube/http-client.ts';
import { Exchange } from '../../../operator/kube/http-wire.ts';
import { freePorts } from '../../control-plane/servers.ts';
import {
  CONFIG_MAPS,
  clientOf,
  failure,
  type Handler,
  json,
  KEY,
  refusal,
  SECRET,
  type StubClient,
  StubServer,
} from './client-stub.ts';
import { FakeClock, settle } from './fake-clock.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

let stub: StubServer;
let made: StubClient;
let client: HttpKubeClient;
let clock: FakeClock;
beforeEach(async () => {
  stub = await StubServer.open();
  clock = new FakeClock(START);
  made = clientOf(stub.url, { clock });
  client = made.client;
});
afterEach(async () => {
  await stub[Symbol.asyncDispose]();
  await client.close();
});

interface Refused {
  status: number;
  body: object | string;
  headers?: Record<string, string>;
  code: KubeErrorCode;
  retryAfterMs?: number;
  /** In the message. */
  says?: string;
}

const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: KEY };
const inAMinute = new Date(START + 60_000).toUTCString();
const cause = (reason: string) => ({ causes: [{ reason, message: 'why', field: '.data' }] });

const REFUSED: Record<string, Refused> = {
  'a full API server, with seconds to wait': {
    status: 429,
    headers: { 'retry-after': '3' },
    body: refusal(429, 'TooManyRequests', 'please try again later'),
    code: 'TooManyRequests',
    retryAfterMs: 3_000,
    says: '429 TooManyRequests: please try again later',
  },
  'seconds to wait in the details alone': {
    status: 429,
    body: refusal(429, 'TooManyRequests', 'later', { retryAfterSeconds: 2 }),
    code: 'TooManyRequests',
    retryAfterMs: 2_000,
  },
  'a time to come again': {
    status: 503,
    headers: { 'retry-after': inAMinute },
    body: '',
    code: 'Unavailable',
    retryAfterMs: 60_000,
  },
  'a time that has passed': {
    status: 503,
    headers: { 'retry-after': new Date(0).toUTCString() },
    body: '',
    code: 'Unavailable',
    retryAfterMs: 0,
  },
  'a wait of years': {
    status: 429,
    headers: { 'retry-after': '99999999' },
    body: '',
    code: 'TooManyRequests',
    retryAfterMs: 600_000,
  },
  'a wait that is no number': { status: 429, headers: { 'retry-after': 'soon' }, body: '', code: 'TooManyRequests' },
  'a load balancer without a server behind it': {
    status: 503,
    headers: { 'content-type': 'text/html' },
    body: '<html><body><h1>503 Service\nUnavailable</h1></body></html>',
    code: 'Unavailable',
    says: '503: 503 Service Unavailable',
  },
  'a load balancer that waited in vain': {
    status: 504,
    headers: { 'retry-after': '1' },
    body: '',
    code: 'Timeout',
    retryAfterMs: 1_000,
  },
  'an API server that waited in vain': {
    status: 500,
    body: refusal(500, 'ServerTimeout', 'slow', { retryAfterSeconds: 1 }),
    code: 'Timeout',
    retryAfterMs: 1_000,
  },
  'a webhook that is down': {
    status: 500,
    body: refusal(500, 'InternalError', 'failed calling webhook'),
    code: 'Unavailable',
  },
  'a name that is taken': { status: 409, body: refusal(409, 'AlreadyExists', 'there is one'), code: 'AlreadyExists' },
  'a precondition': { status: 409, body: refusal(409, 'Conflict', 'changed'), code: 'Conflict' },
  'a page token that is too old': { status: 410, body: refusal(410, 'Expired', 'too old'), code: 'Expired' },
  'a resourceVersion that is gone': { status: 410, body: refusal(410, 'Gone', 'too old'), code: 'Expired' },
  'an object that breaks a rule': {
    status: 422,
    body: refusal(422, 'Invalid', 'no', cause('FieldValueInvalid')),
    code: 'Invalid',
  },
  'an object that is too large': {
    status: 413,
    body: refusal(413, 'RequestEntityTooLarge', 'limit is 3145728'),
    code: 'Invalid',
  },
  'a type of patch that is not known': {
    status: 415,
    body: refusal(415, 'UnsupportedMediaType', 'no'),
    code: 'Invalid',
  },
  'a quota': { status: 403, body: refusal(403, 'Forbidden', 'exceeded quota'), code: 'Forbidden' },
  'a namespace on its way out': {
    status: 403,
    body: refusal(403, 'Forbidden', 'no', cause('NamespaceTerminating')),
    code: 'NamespaceTerminating',
  },
  'a reason from the future': { status: 409, body: refusal(409, 'Entangled', 'no'), code: 'Conflict' },
  'a reason that every object has': { status: 404, body: refusal(404, 'toString', 'no'), code: 'NotFound' },
  'a page that moved': {
    status: 302,
    headers: { location: '/login' },
    body: '',
    code: 'Unavailable',
    says: 'address of an API server',
  },
};

describe('a refusal', () => {
  it.each(Object.entries(REFUSED))('from %s', async (_, { status, body, headers, code, retryAfterMs, says }) => {
    stub.handler = (response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    const error = await failure(client.apply(CONFIG_MAPS, object, { manager: 'test' }));
    expect(error).toMatchObject({ code, status });
    expect(error.retryAfterMs).toBe(retryAfterMs);
    expect(error.message).toMatch(new RegExp(`^apply ConfigMap models/digits: ${status}`));
    expect(error.message).toContain(says ?? '');
    expect(made.seen).toMatchObject([{ verb: 'apply', resource: 'configmaps', status, error: undefined }]);
  });

  it('that does not end is read only so far', async () => {
    stub.handler = (response) => {
      response.writeHead(500, { 'content-type': 'text/plain' });
      response.write('x'.repeat(100_000));
    };
    const error = await failure(client.get(CONFIG_MAPS, KEY));
    expect(error).toMatchObject({ code: 'Unavailable', status: 500 });
    expect(error.message.length).toBeLessThan(400);
  });
});

interface Broken {
  answer: Handler;
  /** Status that was seen. */
  status: number;
  says: string;
}

const BROKEN: Record<string, Broken> = {
  'closes without a word': { answer: (response) => response.socket?.destroy(), status: 0, says: 'http://127.0.0.1' },
  'breaks off in the body': {
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"kind":');
      setImmediate(() => response.socket?.destroy());
    },
    status: 200,
    says: 'http://127.0.0.1',
  },
  'breaks off in a body of unknown length': {
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write(JSON.stringify(object));
      setImmediate(() => response.socket?.destroy());
    },
    status: 200,
    says: 'http://127.0.0.1',
  },
  'answers with a page': {
    answer: (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>log in</html>'),
    status: 200,
    says: '200 with text/html that is no JSON object; is this the address of an API server?',
  },
  'answers with other JSON': {
    answer: (response) => json(response, 200, { version: 1 }),
    status: 200,
    says: 'the answer is no object',
  },
  'answers with a list of JSON': { answer: (response) => json(response, 200, []), status: 200, says: 'no JSON object' },
  'answers with nothing': { answer: (response) => response.writeHead(200).end(), status: 200, says: 'no JSON object' },
  'answers with more than fits': {
    answer: (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const piece = Buffer.alloc(2 ** 20, ' ');
      const more = () => {
        while (!response.destroyed) if (!response.write(piece)) return void response.once('drain', more);
      };
      more();
    },
    status: 200,
    says: 'the answer has more than 64 MiB',
  },
};

describe('a server that', () => {
  it.each(Object.entries(BROKEN))('%s is Unavailable', async (_, { answer, status, says }) => {
    stub.handler = answer;
    const error = await failure(client.get(CONFIG_MAPS, KEY));
    expect(error).toMatchObject({ code: 'Unavailable', status: 0, transient: true });
    expect(error.message).toMatch(/^get ConfigMap models\/digits: /);
    expect(error.message).toContain(says);
    expect(made.seen).toMatchObject([{ verb: 'get', status }]);
  });

  it('is silent is a Timeout, and the connection is not used again', async () => {
    stub.handler = () => {};
    const asked = failure(client.get(CONFIG_MAPS, KEY));
    await stub.seen(1);
    await clock.advance(10_000);
    const error = await asked;
    expect(error).toMatchObject({ code: 'Timeout', status: 0 });
    expect(error.message).toBe(`get ConfigMap models/digits: no answer from ${stub.url} in 10 s`);
    expect(made.seen).toEqual([{ verb: 'get', resource: 'configmaps', status: 0, seconds: 10, error }]);
    stub.handler = (response) => json(response, 200, object);
    await client.get(CONFIG_MAPS, KEY);
    expect(stub.requests.map(({ connection }) => connection)).toEqual([0, 1]);
  });

  it('falls silent in the body is a Timeout too', async () => {
    stub.handler = (response) => response.write('{');
    const asked = failure(client.get(CONFIG_MAPS, KEY));
    await stub.seen(1);
    await clock.advance(10_000);
    expect((await asked).code).toBe('Timeout');
  });

  it('is not there is Unavailable', async () => {
    const [port] = await freePorts(1);
    const { client: lost, seen } = clientOf(`http://127.0.0.1:${port}`);
    const error = await failure(lost.list(CONFIG_MAPS, {}));
    expect(error).toMatchObject({ code: 'Unavailable', status: 0 });
    expect(error.message).toContain(`list ConfigMap: http://127.0.0.1:${port}: connect ECONNREFUSED`);
    expect(seen).toEqual([{ verb: 'list', resource: 'configmaps', status: 0, seconds: expect.any(Number), error }]);
    await lost.close();
  });
});

describe('a client', () => {
  it('asks at most 64 things at once', async () => {
    const held: ServerResponse[] = [];
    stub.handler = (response) => held.push(response);
    const asked = Array.from({ length: 80 }, () => client.get(CONFIG_MAPS, KEY));
    await stub.seen(64);
    await settle();
    expect(stub.requests).toHaveLength(64);
    stub.handler = (response) => json(response, 200, object);
    for (const response of held) json(response, 200, object);
    await Promise.all(asked);
    expect(new Set(stub.requests.map(({ connection }) => connection)).size).toBe(64);
  });

  it('does not send what was given up while it waited for a connection', async () => {
    let waiting: Dispatcher.DispatchHandler | undefined;
    const dispatcher = { dispatch: (_: unknown, handler: Dispatcher.DispatchHandler) => (waiting = handler) };
    const exchange = new Exchange({ limits: { answer: 1, refusal: 1 } });
    exchange.start(dispatcher as unknown as Dispatcher, '', { method: 'GET', path: '/', headers: {} });
    exchange.cancel(new Error('late'));
    await expect(exchange.answer).rejects.toThrow('late');
    const aborted: Error[] = [];
    const abort = (error: Error) => aborted.push(error);
    waiting?.onRequestStart?.({ abort } as unknown as Dispatcher.DispatchController, undefined);
    expect(aborted).toMatchObject([{ message: 'late' }]);
  });

  it('keeps its connections', async () => {
    stub.handler = (response) => json(response, 200, object);
    for (let i = 0; i < 10; i++) await client.get(CONFIG_MAPS, KEY);
    // The one that has just answered may not be free yet.
    expect(new Set(stub.requests.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
  });

  it('that is closed says so', async () => {
    await client.close();
    const error = await failure(client.get(CONFIG_MAPS, KEY));
    expect(error.code).toBe('Unavailable');
    expect(error.message).toContain('this client is closed');
  });

  it('says who asks and for what', async () => {
    stub.handler = (response) => json(response, 200, object);
    await client.get(CONFIG_MAPS, { namespace: 'models', name: 'a b?c' });
    await client.apply(CONFIG_MAPS, object, { manager: 'me & you', force: true });
    expect(stub.requests).toMatchObject([
      { method: 'GET', url: '/api/v1/namespaces/models/configmaps/a%20b%3Fc' },
      {
        method: 'PATCH',
        url: '/api/v1/namespaces/models/configmaps/digits?fieldManager=me%20%26%20you&force=true&fieldValidation=Strict',
        headers: {
          authorization: `Bearer ${SECRET}`,
          accept: 'application/json',
          'content-type': 'application/apply-patch+yaml',
          'user-agent': 'modelship',
        },
        body: JSON.stringify(object),
      },
    ]);
  });

  it('deletes in the background unless told otherwise, and only what was meant', async () => {
    stub.handler = (response) => json(response, 200, { kind: 'Status', status: 'Success' });
    await client.delete(CONFIG_MAPS, KEY);
    await client.delete(CONFIG_MAPS, KEY, { uid: 'u', resourceVersion: '7', propagation: 'Orphan' });
    const sent = stub.requests.map(({ body }) => JSON.parse(body));
    expect(sent).toEqual([
      { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background', preconditions: {} },
      {
        apiVersion: 'v1',
        kind: 'DeleteOptions',
        propagationPolicy: 'Orphan',
        preconditions: { uid: 'u', resourceVersion: '7' },
      },
    ]);
  });

  it('gives each item of a list its kind, and takes null for an empty list', async () => {
    const metadata = { resourceVersion: '7' };
    stub.handler = (response) => json(response, 200, { kind: 'ConfigMapList', metadata, items: [{ metadata: KEY }] });
    expect(await client.list(CONFIG_MAPS, {})).toEqual({ resourceVersion: '7', items: [object] });
    stub.handler = (response) => json(response, 200, { kind: 'ConfigMapList', metadata, items: null });
    expect(await client.list(CONFIG_MAPS, {})).toEqual({ resourceVersion: '7', items: [] });
    stub.handler = (response) => json(response, 200, { kind: 'ConfigMapList', items: [] });
    expect((await failure(client.list(CONFIG_MAPS, {}))).message).toContain('the answer is no list');
  });

  it('finds an API server that lives below a path', async () => {
    stub.handler = (response) => json(response, 200, object);
    const { client: below } = clientOf(`${stub.url}/k8s/clusters/c1`);
    await below.get(CONFIG_MAPS, KEY);
    expect(stub.requests[0]?.url).toBe('/k8s/clusters/c1/api/v1/namespaces/models/configmaps/digits');
    await below.close();
  });
});
