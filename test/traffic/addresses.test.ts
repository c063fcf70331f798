import { describe, expect, test } from 'vitest';
import { deadPort, FakeClock, healthy, rigWith, seeded, tableOf, until, upstream } from './support.ts';

const ALL_TO_V2 = { v1: 0, v2: 10_000 };

describe('the addresses of a version', () => {
  const host = 'v2.digits.svc';
  const rigAt = (http: number, resolve: () => Promise<string[]>, clock?: FakeClock) =>
    rigWith(tableOf({ shares: ALL_TO_V2, at: { v2: { host, http } } }), {
      resolve,
      random: seeded(3),
      ...(clock && { clock }),
    });

  test('share the requests evenly', async () => {
    const a = await upstream(healthy('v2'));
    const b = await upstream(healthy('v2'), { host: '127.0.0.2', port: a.port });
    const rig = await rigAt(a.port, async () => ['127.0.0.1', '127.0.0.2']);
    for (let i = 0; i < 100; i++) await rig.send();
    expect([a.requests, b.requests]).toEqual([50, 50]);
  });

  test('get the next request by who has the fewest in flight', async () => {
    const held: (() => void)[] = [];
    const slow = await upstream((_, response) => held.push(() => response.end()));
    const quick = await upstream(healthy('v2'), { host: '127.0.0.2', port: slow.port });
    const rig = await rigAt(slow.port, async () => ['127.0.0.1', '127.0.0.2']);
    const answers = [rig.send(), rig.send()];
    await until(() => held.length === 1 && quick.requests === 1);
    for (let i = 0; i < 20; i++) await rig.send();
    expect([slow.requests, quick.requests]).toEqual([1, 21]);
    held[0]?.();
    await Promise.all(answers);
  });

  test('that are dead are passed over without a failure, and tried again only now and then', async () => {
    const alive = await upstream(healthy('v2'));
    const rig = await rigAt(alive.port, async () => ['127.0.0.1', '127.0.0.3']);
    for (let i = 0; i < 100; i++) expect(String((await rig.send()).body)).toBe('from v2');
    expect(rig.book.of('v2')).toMatchObject({ forwarded: 100, failed: 0 });
  });

  test('that were dead get their part again once they answer', async () => {
    const alive = await upstream(healthy('v2'));
    const clock = new FakeClock();
    const rig = await rigAt(alive.port, async () => ['127.0.0.1', '127.0.0.3'], clock);
    for (let i = 0; i < 10; i++) await rig.send();
    const revived = await upstream(healthy('v2'), { host: '127.0.0.3', port: alive.port });
    clock.advance(1_000);
    for (let i = 0; i < 100; i++) await rig.send();
    expect(revived.requests).toBeGreaterThanOrEqual(49);
  });

  test('that answer for another version are passed over, and a name that moved is looked up again at once', async () => {
    const stale = await upstream((_, response) => response.writeHead(421).end());
    const fresh = await upstream(healthy('v2'), { host: '127.0.0.2', port: stale.port });
    const clock = new FakeClock();
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    const rig = await rigAt(stale.port, async () => answers.shift() ?? ['127.0.0.2'], clock);
    const first = rig.send({ deadline: Number.POSITIVE_INFINITY });
    await first;
    clock.advance(500);
    expect(String((await rig.send()).body)).toBe('from v2');
    expect(rig.book.of('v2')).toMatchObject({ forwarded: 2, failed: 1, shielded: { unreachable: 1 } });
    expect(fresh.requests).toBe(1);
  });

  test('are looked up every 5 s beside the requests, and kept when the name cannot be resolved', async () => {
    const server = await upstream(healthy('v2'));
    const clock = new FakeClock();
    let lookups = 0;
    const rig = await rigAt(
      server.port,
      async () => {
        if (lookups++ > 0) throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
        return ['127.0.0.1'];
      },
      clock,
    );
    for (let second = 0; second < 20; second++) {
      for (let i = 0; i < 5; i++) expect(String((await rig.send()).body)).toBe('from v2');
      clock.advance(1_000);
    }
    expect(lookups).toBe(4);
  });

  test('of a name that nobody knows: shielded', async () => {
    const rig = await rigAt(await deadPort(), () => Promise.reject(new Error('ENOTFOUND')));
    expect((await rig.send()).body).toBe('own v1');
    expect(rig.book.of('v2')).toMatchObject({ failed: 1, shielded: { unreachable: 1 } });
  });

  test('are resolved by the system when nobody says otherwise', async () => {
    const server = await upstream(healthy('v2'));
    const at = { v2: { host: 'localhost', http: server.port } };
    const rig = await rigWith(tableOf({ shares: ALL_TO_V2, at }));
    expect(String((await rig.send()).body)).toBe('from v2');
  });
});
