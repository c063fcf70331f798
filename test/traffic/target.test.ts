import { describe, expect, onTestFinished, test } from 'vitest';
import { type Endpoint, type Resolve, Target } from '../../runtime/traffic/target.ts';
import { FakeClock, rigWith, seeded, tableOf, until, upstream, user } from './support.ts';

/** A target that knows its addresses. Nothing is sent, so no connection is made. */
async function targetAt(resolve: Resolve): Promise<{ target: Target; clock: FakeClock }> {
  const clock = new FakeClock();
  const target = new Target({ host: 'v2.svc', port: 1, clock, resolve, random: seeded(5) });
  onTestFinished(() => target.retire());
  await target.beforeUse();
  return { target, clock };
}

const NONE = new Set<Endpoint>();
const choose = (target: Target, tried: ReadonlySet<Endpoint> = NONE) => target.choose(tried) as Endpoint;
const chosen = (target: Target, times: number) => Array.from({ length: times }, () => choose(target).address);
const TWO: Resolve = async () => ['10.0.0.1', '10.0.0.2'];

describe('an address that failed', () => {
  test('is left alone for 1, 2, 4 … 30 s while there is another, then tried by one request', async () => {
    const { target, clock } = await targetAt(TWO);
    const bad = choose(target);
    target.suspect(bad);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      expect(chosen(target, 5)).not.toContain(bad.address);
      clock.advance(seconds * 1_000 - 1);
      expect(chosen(target, 5)).not.toContain(bad.address);
      clock.advance(1);
      expect(chosen(target, 5).filter((address) => address === bad.address)).toHaveLength(1);
      target.suspect(bad);
    }
  });

  test('gets its part again as soon as it answered', async () => {
    const { target, clock } = await targetAt(TWO);
    const bad = choose(target);
    target.suspect(bad);
    clock.advance(1_000);
    chosen(target, 2);
    target.trust(bad);
    expect(chosen(target, 10).filter((address) => address === bad.address)).toHaveLength(5);
  });

  test('is used all the same when it is the only one, or the others were tried', async () => {
    const { target } = await targetAt(TWO);
    const [a, b] = [choose(target), choose(target)];
    target.suspect(a);
    expect(choose(target, new Set([b]))).toBe(a);
    target.suspect(b);
    expect([a, b]).toContain(choose(target));
    expect(target.choose(new Set([a, b]))).toBeUndefined();
  });

  test('has the name looked up again, at most twice a second', async () => {
    let lookups = 0;
    const { target, clock } = await targetAt(async () => {
      lookups++;
      return ['10.0.0.1', '10.0.0.2'];
    });
    const endpoint = choose(target);
    for (let i = 0; i < 10; i++) {
      clock.advance(250);
      target.suspect(endpoint);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(lookups).toBe(1 + 5);
  });
});

describe('the addresses', () => {
  test('follow the name, and one that stays keeps its connections', async () => {
    const answers = [['10.0.0.1', '10.0.0.2'], ['10.0.0.2', '10.0.0.3'], []];
    const { target, clock } = await targetAt(async () => answers.shift() ?? []);
    const kept = [choose(target), choose(target)].find(({ address }) => address === '10.0.0.2') as Endpoint;
    const gone = [choose(target), choose(target)].find(({ address }) => address === '10.0.0.1') as Endpoint;
    clock.advance(5_000);
    expect(target.beforeUse()).toBeUndefined();
    await target.refresh();
    expect(target.addresses).toEqual(['10.0.0.2', '10.0.0.3']);
    expect([choose(target), choose(target)]).toContain(kept);
    expect([kept.pool.closed, gone.pool.closed]).toEqual([false, true]);
    clock.advance(5_000);
    await target.refresh();
    expect(target.addresses).toEqual(['10.0.0.2', '10.0.0.3']);
  });

  test('are waited for after half a minute without a request, when they may all be gone', async () => {
    const { target, clock } = await targetAt(TWO);
    clock.advance(30_001);
    expect(target.beforeUse()).toBeInstanceOf(Promise);
  });

  test('of a large version are a random 64', async () => {
    const all = Array.from({ length: 300 }, (_, i) => `10.0.${Math.floor(i / 200)}.${i % 200}`);
    const { target } = await targetAt(async () => all);
    expect(target.addresses).toHaveLength(64);
    expect(new Set(target.addresses).size).toBe(64);
    expect(target.addresses).not.toEqual(all.slice(0, 64));
  });
});

describe('a target that left the table', () => {
  test('stays open, all addresses of it, until the last request is done', async () => {
    const { target } = await targetAt(TWO);
    expect([target.retain(), target.retain()]).toEqual([true, true]);
    const retired = target.retire();
    target.release();
    const [a, b] = [choose(target), choose(target)];
    expect([a.pool.closed, b.pool.closed]).toEqual([false, false]);
    target.release();
    await retired;
    expect([a.pool.closed, b.pool.closed]).toEqual([true, true]);
    expect(target.retain()).toBe(false);
  });
});

describe('what a pod may have begun', () => {
  test('is not sent to the next one: a request that kills pods kills one', async () => {
    const deadly = (_: unknown, response: { destroy(): void }) => response.destroy();
    const a = await upstream(deadly);
    const b = await upstream(deadly, { host: '127.0.0.2', port: a.port });
    const at = { v2: { host: 'v2.svc', http: a.port } };
    const resolve = async () => ['127.0.0.1', '127.0.0.2'];
    const rig = await rigWith(tableOf({ shares: { v1: 0, v2: 10_000 }, at }), { resolve });
    expect((await rig.send()).body).toBe('own v1');
    expect(a.requests + b.requests).toBe(1);
  });

  test('is nothing when the user hangs up before there is a connection', async () => {
    const server = await upstream(() => {});
    const rig = await rigWith(tableOf({ shares: { v1: 0, v2: 10_000 }, at: { v2: server.port } }));
    const { onGone, hangUp } = user();
    const answer = rig.send({ onGone });
    hangUp();
    expect((await answer).status).toBe(499);
    await until(() => server.connections === 1 && server.open === 0);
    expect(server.requests).toBe(0);
  });
});
