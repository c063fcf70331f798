import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { REQUEST_ERRORS } from '../../runtime/errors.ts';
import {
  deadPort,
  FakeClock,
  healthy,
  type Rig,
  requestWith,
  rigWith,
  tableOf,
  until,
  upstream,
  user,
} from './support.ts';

const ALL_TO_V2 = { v1: 0, v2: 10_000 };

function v2Of(rig: Rig) {
  return rig.book.of('v2');
}

const withLength = (response: ServerResponse, length: number) =>
  response.writeHead(200, { 'content-length': length, 'modelship-version': 'v2' });

/** How a version may fail a request that drew it, and what is counted. */
const FAILURES = {
  'nothing listens': { port: deadPort, reason: 'unreachable' },
  'it never answers': { answer: () => {}, reason: 'timeout', waits: true },
  'it sends headers and then nothing': {
    answer: (_: unknown, response: ServerResponse) => withLength(response, 10).flushHeaders(),
    reason: 'timeout',
    waits: true,
  },
  'it answers 500': {
    answer: (_: unknown, response: ServerResponse) => response.writeHead(500).end('{}'),
    reason: 'error',
  },
  'it answers 503, overloaded': {
    answer: (_: unknown, response: ServerResponse) => response.writeHead(503).end('{}'),
    reason: 'error',
  },
  'it runs out of time and says so': {
    answer: (_: unknown, response: ServerResponse) => response.writeHead(504).end('{}'),
    reason: 'timeout',
  },
  'it dies before an answer': {
    answer: (_: unknown, response: ServerResponse) => response.destroy(),
    reason: 'unreachable',
  },
  'its answer is cut midway': {
    answer: (_: unknown, response: ServerResponse) => {
      withLength(response, 100).write('half');
      setTimeout(() => response.destroy(), 5);
    },
    reason: 'unreachable',
  },
  'its chunked answer is cut midway': {
    answer: (_: unknown, response: ServerResponse) => {
      response.write('half');
      setTimeout(() => response.destroy(), 5);
    },
    reason: 'unreachable',
  },
  'what it says is not HTTP': {
    answer: (_: unknown, response: ServerResponse) => response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
    reason: 'unreachable',
  },
  'another version is at its address': {
    answer: (_: unknown, response: ServerResponse) => response.writeHead(421).end('{}'),
    reason: 'unreachable',
  },
} as const;

describe('a request that drew a failing version', () => {
  for (const [name, failure] of Object.entries(FAILURES)) {
    test(`is answered by the own version: ${name}`, async () => {
      const server = 'port' in failure ? undefined : await upstream(failure.answer);
      const port = 'port' in failure ? await failure.port() : (server?.port as number);
      const clock = new FakeClock();
      const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }), { clock });
      const answering = rig.send({ deadline: clock.now() + 300 });
      if ('waits' in failure) {
        await until(() => server?.requests === 1);
        clock.advance(150);
      }
      const answer = await answering;
      expect(answer).toMatchObject({ status: 200, body: 'own v1', headers: { 'modelship-version': 'v1' } });
      expect(v2Of(rig)).toMatchObject({ routed: 1, forwarded: 1, failed: 1 });
      expect(v2Of(rig).shielded).toEqual({ unreachable: 0, timeout: 0, error: 0, open: 0, [failure.reason]: 1 });
    });
  }

  test('is answered by the own version when it has no address', async () => {
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2 }));
    expect((await rig.send()).body).toBe('own v1');
    expect(v2Of(rig)).toMatchObject({ routed: 1, forwarded: 0, failed: 0, shielded: { unreachable: 1 } });
  });

  test('gets half of the time that is left, and says so to the version', async () => {
    let told = '';
    const { port } = await upstream((request) => {
      told = String(request.headers['modelship-timeout-ms']);
    });
    const clock = new FakeClock();
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }), { clock });
    const answer = rig.send({ deadline: clock.now() + 400 });
    await until(() => told !== '');
    expect(told).toBe('200');
    clock.advance(199);
    expect(v2Of(rig).failed).toBe(0);
    clock.advance(1);
    expect((await answer).body).toBe('own v1');
    expect(v2Of(rig)).toMatchObject({ failed: 1, shielded: { timeout: 1 } });
  });

  test('is not shielded from the answers that are the user’s own doing', async () => {
    for (const status of [400, 404, 413, 429]) {
      const { port } = await upstream((_, response) => response.writeHead(status, { 'retry-after': '1' }).end('no'));
      const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
      const answer = await rig.send();
      expect(answer.status).toBe(status);
      expect(String(answer.body)).toBe('no');
      expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 0 });
    }
  });

  test('gets the own failure as it is', async () => {
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: await deadPort() } }));
    const own = { status: 503, headers: {}, body: 'full' };
    expect(await rig.traffic.handle(requestWith({ deadline: performance.now() + 100_000 }), async () => own)).toBe(own);
  });

  test('is not shielded when no time is left', async () => {
    const clock = new FakeClock();
    const { port } = await upstream(() => {});
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }), { clock });
    const answer = rig.send({ deadline: clock.now() + 100 });
    clock.advance(100);
    await expect(answer).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT' });
    expect(v2Of(rig)).toMatchObject({ failed: 1, shielded: { timeout: 0 } });
  });

  test('is shielded the same way when the version is the primary and this process is the canary', async () => {
    const table = tableOf({ shares: { v1: 10_000, v2: 0 }, primary: 'v1', at: { v1: await deadPort() } });
    const rig = await rigWith(table, { ownVersion: 'v2' });
    expect((await rig.send()).body).toBe('own v2');
    expect(rig.book.of('v1')).toMatchObject({ failed: 1, shielded: { unreachable: 1 } });
  });
});

describe('a request that names a version', () => {
  const pinned = { pinned: 'v2' };

  test('gets that version, whatever its share', async () => {
    const { port } = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: { v1: 10_000, v2: 0 }, at: { v2: port } }));
    const answer = await rig.send(pinned);
    expect(answer.headers['modelship-version']).toBe('v2');
    expect(String(answer.body)).toBe('from v2');
    expect((await rig.send({ pinned: 'v1' })).body).toBe('own v1');
    expect(v2Of(rig)).toMatchObject({ routed: 1, forwarded: 1, failed: 0 });
    expect(rig.book.of('v1').routed).toBe(1);
  });

  test('gets VERSION_NOT_FOUND with the versions there are', async () => {
    const rig = await rigWith(tableOf({ shares: { v1: 10_000, v2: 0 } }));
    await expect(rig.send({ pinned: 'v9' })).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND', status: 404 });
    await expect(rig.send({ pinned: 'v9' })).rejects.toThrow("no version 'v9' here; there is v1, v2");
    expect([...rig.book.entries()].map(([name]) => name)).toEqual(['v1', 'v2']);
  });

  test('gets the version’s own 5xx, and it is counted', async () => {
    const { port } = await upstream((_, response) => response.writeHead(500).end('broken'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    expect(await rig.send(pinned)).toMatchObject({ status: 500, body: Buffer.from('broken') });
    expect(v2Of(rig)).toMatchObject({ forwarded: 1, failed: 1, shielded: { error: 0 } });
  });

  test('gets VERSION_UNAVAILABLE when it cannot be reached, without an address from inside', async () => {
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: await deadPort() } }));
    const failure = { code: 'VERSION_UNAVAILABLE', status: REQUEST_ERRORS.VERSION_UNAVAILABLE };
    await expect(rig.send(pinned)).rejects.toMatchObject(failure);
    await expect(rig.send(pinned)).rejects.toThrow(/^(?!.*127\.0).*no connection \(ECONNREFUSED\)/);
    const homeless = await rigWith(tableOf({ shares: ALL_TO_V2 }));
    await expect(homeless.send(pinned)).rejects.toMatchObject(failure);
  });

  test('gets REQUEST_TIMEOUT when it hangs', async () => {
    const server = await upstream(() => {});
    const clock = new FakeClock();
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }), { clock });
    const answer = rig.send({ ...pinned, deadline: clock.now() + 100 });
    const refused = expect(answer).rejects.toMatchObject({ code: 'REQUEST_TIMEOUT', status: 504 });
    await until(() => server.requests === 1);
    clock.advance(100);
    await refused;
    expect(v2Of(rig)).toMatchObject({ failed: 1, shielded: { timeout: 0 } });
  });
});

describe('no double forward', () => {
  test('a request that was forwarded already is answered here, or refused when it names another version', async () => {
    const { port } = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const headers = { 'modelship-forwarded': 'v3' };
    for (let i = 0; i < 20; i++) expect((await rig.send({ headers })).body).toBe('own v1');
    await expect(rig.send({ headers, pinned: 'v2' })).rejects.toMatchObject({ code: 'MISDIRECTED', status: 421 });
    expect(v2Of(rig)).toMatchObject({ routed: 0, forwarded: 0 });
  });

  test('two processes whose tables lead to each other’s entry end after one hop', async () => {
    let hops = 0;
    const entry = async (ownVersion: string, other: string) => {
      const own: { rig?: Rig } = {};
      const server = await upstream((request, response, body) => {
        hops++;
        void own.rig?.send({ headers: request.headers, url: request.url as string, body }).then((answer) => {
          response.writeHead(answer.status, answer.headers).end(answer.body);
        });
      });
      const start = async (port: number) => {
        own.rig = await rigWith(tableOf({ shares: { [other]: 10_000 }, at: { [other]: port } }), { ownVersion });
        return own.rig;
      };
      return { port: server.port, start };
    };
    const [a, b] = [await entry('v1', 'v2'), await entry('v2', 'v1')];
    const [first] = [await a.start(b.port), await b.start(a.port)];
    expect(String((await first.send()).body)).toBe('own v2');
    expect(hops).toBe(1);
  });
});

describe('the user', () => {
  test('who hangs up cancels the version’s work, and that is no failure of it', async () => {
    const server = await upstream(() => {});
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: server.port } }));
    for (const pinned of [undefined, 'v2']) {
      const { onGone, hangUp } = user();
      const answer = rig.send({ pinned, onGone });
      const { requests, cancelled } = server;
      await until(() => server.requests > requests);
      hangUp();
      expect((await answer).status).toBe(499);
      await until(() => server.cancelled > cancelled);
    }
    expect(v2Of(rig)).toMatchObject({ forwarded: 2, failed: 0 });
    expect(Object.values(v2Of(rig).shielded)).toEqual([0, 0, 0, 0]);
  });

  test('is no longer listened for once the answer is there', async () => {
    const { port } = await upstream(healthy('v2'));
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: port } }));
    const someone = user();
    await rig.send({ onGone: someone.onGone });
    expect(someone.listened).toBe(0);
  });
});
