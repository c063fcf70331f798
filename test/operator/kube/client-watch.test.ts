/** Watches of the HTTP client, on answers that come in every way. */
import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { WatchEvent } from '../../../operator/kube/client.ts';
import type { HttpKubeClient } from '../../../operator/kube/http-client.ts';
import {
  CONFIG_MAPS,
  clientOf,
  event,
  failure,
  json,
  KEY,
  refusal,
  type StubClient,
  StubServer,
} from './client-stub.ts';
import { FakeClock } from './fake-clock.ts';

let stub: StubServer;
let made: StubClient;
let client: HttpKubeClient;
let clock: FakeClock;
let controller: AbortController;
let events: WatchEvent[];
beforeEach(async () => {
  stub = await StubServer.open();
  clock = new FakeClock();
  made = clientOf(stub.url, { clock });
  client = made.client;
  controller = new AbortController();
  events = [];
});
afterEach(async () => {
  await stub[Symbol.asyncDispose]();
  await client.close();
});

const configMap = (resourceVersion: string, data = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { ...KEY, resourceVersion },
  data,
});

function watch(onEvent: (event: WatchEvent) => void = (one) => events.push(one)): Promise<void> {
  const { signal } = controller;
  const options = { namespace: 'models', resourceVersion: '5', timeoutSeconds: 300, signal };
  return client.watch(CONFIG_MAPS, { ...options, labelSelector: 'a=b' }, onEvent);
}

const write = (response: ServerResponse, piece: string | Buffer) =>
  new Promise<void>((resolve) => response.write(piece, () => setImmediate(resolve)));

describe('a watch', () => {
  it('asks for bookmarks, and to be ended by the server', async () => {
    stub.handler = (response) => response.end();
    await watch();
    expect(stub.requests[0]?.url).toBe(
      '/api/v1/namespaces/models/configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=300&resourceVersion=5&labelSelector=a%3Db',
    );
    expect(made.seen).toMatchObject([{ verb: 'watch', status: 200, error: undefined }]);
  });

  it.each([1, 7, 100_000])('reads events that come in pieces of %i bytes', async (size) => {
    const large = configMap('7', { text: 'ä€😀'.repeat(20) });
    const bookmark = { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: '9' } };
    const text = `${event('ADDED', large)}\n${event('NEW-TYPE', large)}${event('BOOKMARK', bookmark)}${event('DELETED', large)}`;
    const bytes = Buffer.from(text);
    stub.handler = async (response) => {
      response.socket?.setNoDelay(true);
      for (let at = 0; at < bytes.length; at += size) await write(response, bytes.subarray(at, at + size));
      response.end();
    };
    await watch();
    expect(events).toEqual([
      { type: 'ADDED', object: large },
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'DELETED', object: large },
    ]);
  });

  it('may be silent for longer than a request', async () => {
    const started = Promise.withResolvers<ServerResponse>();
    stub.handler = async (response) => {
      await write(response, event('ADDED', configMap('6')));
      started.resolve(response);
    };
    const first = Promise.withResolvers<void>();
    const watching = watch((one) => {
      events.push(one);
      first.resolve();
    });
    const response = await started.promise;
    await first.promise;
    await clock.advance(3_600_000);
    response.end(event('MODIFIED', configMap('7')));
    await watching;
    expect(events.map(({ type }) => type)).toEqual(['ADDED', 'MODIFIED']);
    expect(made.seen).toMatchObject([{ seconds: 3_600 }]);
  });

  it('that does not start in time is a Timeout', async () => {
    stub.handler = () => {};
    const watching = failure(watch());
    await stub.seen(1);
    await clock.advance(10_000);
    expect((await watching).code).toBe('Timeout');
  });

  it('has a connection of its own', async () => {
    const held: ServerResponse[] = [];
    stub.handler = (response, request) => {
      if (!request.url?.includes('watch=1')) json(response, 200, configMap('1'));
      else {
        response.flushHeaders();
        held.push(response);
      }
    };
    const watches = [watch(), watch()];
    await stub.seen(2);
    for (let i = 0; i < 3; i++) await client.get(CONFIG_MAPS, KEY);
    for (const response of held) response.end();
    await Promise.all(watches);
    const connections = stub.requests.map(({ connection }) => connection);
    const [first, second, ...requests] = connections;
    expect(second).not.toBe(first);
    expect(requests).not.toContain(first);
    expect(requests).not.toContain(second);
  });

  it('sends nothing when it has been ended before it began', async () => {
    controller.abort();
    await watch();
    expect(stub.requests).toEqual([]);
    expect(made.seen).toEqual([]);
  });

  it('tells nothing more once its reader had enough, also of the same piece', async () => {
    stub.handler = (response) => response.write(event('ADDED', configMap('6')) + event('ADDED', configMap('7')));
    await watch((one) => {
      events.push(one);
      controller.abort();
    });
    expect(events).toHaveLength(1);
    expect(made.seen).toMatchObject([{ verb: 'watch', status: 200, error: undefined }]);
  });

  it('throws what its reader throws', async () => {
    stub.handler = (response) => response.write(event('ADDED', configMap('6')));
    const mistake = new TypeError('a mistake of the reader');
    await expect(
      watch(() => {
        throw mistake;
      }),
    ).rejects.toBe(mistake);
  });
});

describe('a watch that breaks', () => {
  it('with an old resourceVersion is Expired', async () => {
    const gone = refusal(410, 'Expired', 'too old resource version: 5 (9)');
    stub.handler = (response) => response.end(event('ADDED', configMap('6')) + event('ERROR', gone));
    const error = await failure(watch());
    expect(error).toMatchObject({ code: 'Expired', status: 410 });
    expect(error.message).toBe('watch ConfigMap in models: 410 Expired: too old resource version: 5 (9)');
    expect(events).toHaveLength(1);
  });

  it('with a refusal at its start is that', async () => {
    stub.handler = (response) => json(response, 410, refusal(410, 'Gone', 'too old'));
    expect((await failure(watch())).code).toBe('Expired');
  });

  it('with another error says which, and when to come again', async () => {
    const later = refusal(504, 'Timeout', 'Too large resource version', { retryAfterSeconds: 1 });
    stub.handler = (response) => response.end(event('ERROR', later));
    expect(await failure(watch())).toMatchObject({ code: 'Timeout', retryAfterMs: 1_000 });
  });

  it('with the connection is Unavailable, and what had come is told', async () => {
    stub.handler = async (response) => {
      await write(response, event('ADDED', configMap('6')));
      response.socket?.destroy();
    };
    const error = await failure(watch());
    expect(error).toMatchObject({ code: 'Unavailable', status: 0 });
    expect(events).toHaveLength(1);
    expect(made.seen).toEqual([
      { verb: 'watch', resource: 'configmaps', status: 200, seconds: expect.any(Number), error },
    ]);
  });

  it('in the middle of an event is Unavailable, however well it ends', async () => {
    stub.handler = (response) => response.end(event('ADDED', configMap('6')).slice(0, -5));
    const error = await failure(watch());
    expect(error.code).toBe('Unavailable');
    expect(error.message).toContain('in the middle of an event');
    expect(events).toEqual([]);
  });

  it.each(['<html>', '{"type":"ADDED"}', '{"type":"ADDED","object":{}}', 'null', '"text"'])(
    'with a line that is no event (%s) is Unavailable',
    async (line) => {
      stub.handler = (response) => response.write(`${line}\n`);
      const error = await failure(watch());
      expect(error.code).toBe('Unavailable');
      expect(error.message).toContain('is no event');
    },
  );

  it('with an event that does not end is Unavailable', async () => {
    stub.handler = (response) => {
      const piece = Buffer.alloc(2 ** 20, 'x');
      const more = () => {
        while (!response.destroyed) if (!response.write(piece)) return void response.once('drain', more);
      };
      more();
    };
    const error = await failure(watch());
    expect(error.code).toBe('Unavailable');
    expect(error.message).toContain('longer than 16 MiB');
  });
});
