/** How an informer lists, watches and heals; what its cache holds is in `informer-cache.test.ts`. */
import { describe, expect, it } from 'vitest';
import { settle } from './fake-clock.ts';
import { thing, watching, world } from './informer-stub.ts';

const SILENT_MS = 150_000;

describe('the first list', () => {
  it('is taken in pages, and counts when all are there', async () => {
    const { api, informer, told, held } = await world({ namespace: 'ns', labelSelector: 'a=b' });
    expect(api.list.options).toEqual({ namespace: 'ns', labelSelector: 'a=b', limit: 500, continue: undefined });
    await api.list.answer(10, [thing('a', 1)], 'more');
    expect([informer.synced, informer.size, told]).toEqual([false, 0, []]);
    expect(api.list.options.continue).toBe('more');
    await api.list.answer(10, [thing('b', 2)]);
    await informer.whenSynced();
    expect([informer.synced, held(), told]).toEqual([true, ['a@1', 'b@2'], ['added a@1', 'added b@2']]);
    expect(informer.get({ namespace: 'ns', name: 'b' })?.metadata.resourceVersion).toBe('2');
  });

  it('leads to a watch from its resourceVersion, for a time drawn by chance', async () => {
    const { api } = await watching([], { random: () => 0.25, namespace: 'ns', labelSelector: 'a=b' });
    const { signal: _, ...options } = api.watch.options;
    expect(options).toEqual({ namespace: 'ns', labelSelector: 'a=b', resourceVersion: '10', timeoutSeconds: 375 });
  });

  it('begins anew when its page token expires, and after the second time asks for all in one piece', async () => {
    const { api, clock, relists, held } = await world();
    await api.list.answer(10, [thing('a', 1)], 'more');
    await api.list.fail('Expired', { status: 410 });
    expect([api.list.options.continue, api.list.options.limit, api.lists.length]).toEqual([undefined, 500, 3]);
    await api.list.answer(11, [thing('a', 1)], 'more');
    await api.list.fail('Expired', { status: 410 });
    await clock.advance(1_000);
    expect([api.list.options.continue, api.list.options.limit]).toEqual([undefined, undefined]);
    await api.list.answer(12, [thing('b', 2)]);
    expect([held(), relists, api.watch.from]).toEqual([['b@2'], ['PageExpired', 'PageExpired'], '12']);
  });

  it('is tried again and again, later each time, without end', async () => {
    const { api, clock, informer } = await world({ random: () => 0 });
    const waits: number[] = [];
    for (let failures = 1; failures <= 9; failures++) {
      await api.list.fail('Unavailable');
      const asked = api.lists.length;
      const before = clock.now();
      while (api.lists.length === asked) await clock.advance(50);
      waits.push(clock.now() - before);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000]);
    await api.list.answer(10, []);
    expect(informer.synced).toBe(true);
  });

  it('that succeeded lets a later one fail at first pace, and in pages', async () => {
    const { api, clock } = await world();
    for (let i = 0; i < 6; i++) {
      await api.list.fail('Unavailable');
      await clock.advance(30_000);
    }
    await api.list.answer(10, []);
    await api.watch.fail('Expired');
    expect(api.list.options.limit).toBe(500);
    const asked = api.lists.length;
    await api.list.fail('Unavailable');
    await clock.advance(500);
    expect(api.lists.length).toBe(asked + 1);
  });

  it('that nobody answers is given up and asked again', async () => {
    const { api, clock, informer, held } = await world();
    const unanswered = api.list;
    await clock.advance(SILENT_MS + 500);
    expect(api.lists.length).toBe(2);
    await unanswered.answer(9, [thing('late', 1)]);
    expect(informer.size).toBe(0);
    await api.list.answer(10, [thing('a', 1)]);
    expect(held()).toEqual(['a@1']);
  });
});

describe('a watch', () => {
  it('tells of what it brings, and the cache has it by then', async () => {
    const { api, informer, told, held } = await watching([thing('a', 1)]);
    api.watch.send('ADDED', thing('b', 11));
    api.watch.send('MODIFIED', thing('a', 12));
    api.watch.send('DELETED', thing('b', 13));
    expect(told).toEqual(['added b@11', 'changed a@12', 'removed b@11']);
    expect([held(), informer.size]).toEqual([['a@12'], 1]);
  });

  it('that ends goes on at once from the newest object', async () => {
    const { api, relists } = await watching();
    api.watch.send('ADDED', thing('a', 17));
    await api.watch.end();
    expect([api.watches.length, api.watch.from, api.lists.length, relists]).toEqual([2, '17', 1, []]);
  });

  it('that ends goes on from the newest bookmark', async () => {
    const { api } = await watching();
    api.watch.send('ADDED', thing('a', 17));
    api.watch.bookmark(40);
    await api.watch.end();
    expect([api.watch.from, api.lists.length]).toEqual(['40', 1]);
  });

  it('never goes on from something older than it has seen', async () => {
    const { api } = await watching();
    api.watch.bookmark(40);
    api.watch.send('ADDED', thing('a', 35));
    await api.watch.end();
    expect(api.watch.from).toBe('40');
  });

  it('that is cut off goes on after a moment, and what it brings twice counts once', async () => {
    const { api, clock, told, logged } = await watching();
    api.watch.send('ADDED', thing('a', 17));
    await api.watch.fail('Unavailable');
    expect(api.watches.length).toBe(1);
    await clock.advance(500);
    expect([api.watches.length, api.watch.from]).toEqual([2, '17']);
    api.watch.send('ADDED', thing('a', 17));
    expect([told, logged]).toEqual([['added a@17'], ['info the watch broke off']]);
  });

  it('that fails again and again is opened later each time, and at first pace after one that brought something', async () => {
    const { api, clock } = await watching([], { random: () => 0 });
    const waits: number[] = [];
    const fail = async (): Promise<void> => {
      await api.watch.fail('Forbidden', { status: 403 });
      const before = clock.now();
      const opened = api.watches.length;
      while (api.watches.length === opened) await clock.advance(50);
      waits.push(clock.now() - before);
    };
    for (let i = 0; i < 8; i++) await fail();
    api.watch.bookmark(30);
    await fail();
    await clock.advance(10_000);
    await fail();
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 250, 250]);
    expect([api.lists.length, api.watch.from]).toEqual([1, '30']);
  });

  it('that is ended at once each time is not opened in a tight loop', async () => {
    const { api, clock } = await watching([], { random: () => 0 });
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      api.watch.send('ADDED', thing('a', 10));
      const opened = api.watches.length;
      await api.watch.end();
      expect(api.watches.length).toBe(opened);
      const before = clock.now();
      while (api.watches.length === opened) await clock.advance(50);
      waits.push(clock.now() - before);
    }
    expect(waits).toEqual([250, 500, 1_000, 2_000, 4_000]);
  });

  it('that is asked to come later comes later, but not never', async () => {
    const { api, clock } = await watching();
    await api.watch.fail('TooManyRequests', { status: 429, retryAfterMs: 7_000 });
    await clock.advance(6_999);
    expect(api.watches.length).toBe(1);
    await clock.advance(1);
    expect(api.watches.length).toBe(2);
    await api.watch.fail('TooManyRequests', { status: 429, retryAfterMs: 1e12 });
    await clock.advance(300_000);
    expect(api.watches.length).toBe(3);
  });
});

describe('a resourceVersion that the API server refuses', () => {
  it('means a list at once, whose difference is told', async () => {
    const { api, told, relists, held } = await watching([thing('gone', 1), thing('stays', 2), thing('changes', 3)]);
    await api.watch.fail('Expired', { status: 410 });
    expect([api.lists.length, relists, held()]).toEqual([2, ['Expired'], ['changes@3', 'gone@1', 'stays@2']]);
    await api.list.answer(50, [thing('stays', 2), thing('changes', 44), thing('new', 45)]);
    expect(told).toEqual(['removed gone@1', 'changed changes@44', 'added new@45']);
    expect(api.watch.from).toBe('50');
  });

  it('again and again means lists at growing distances', async () => {
    const { api, clock, relists } = await watching();
    for (let i = 0; i < 6; i++) {
      await api.watch.fail('Expired', { status: 410 });
      if (i > 0) expect(api.lists.length).toBe(i + 1);
      await clock.advance(30_000);
      await api.list.answer(20 + i, []);
    }
    expect(relists.length).toBe(6);
  });

  it('takes nothing away while the list fails or has only begun', async () => {
    const { api, clock, told, held } = await watching([thing('a', 1), thing('b', 2)]);
    await api.watch.fail('Expired', { status: 410 });
    await api.list.answer(50, [], 'more');
    await api.list.fail('Unavailable');
    await clock.advance(1_000);
    expect([held(), told]).toEqual([['a@1', 'b@2'], []]);
    await api.list.answer(51, [thing('a', 1)]);
    expect([held(), told]).toEqual([['a@1'], ['removed b@2']]);
  });

  it.each(['Invalid', 'NotFound'] as const)('as %s means a list after a while', async (code) => {
    const { api, clock, relists } = await watching();
    await api.watch.fail(code, { status: 400 });
    expect(api.lists.length).toBe(1);
    await clock.advance(500);
    expect([api.lists.length, relists]).toEqual([2, [code]]);
  });
});

describe('an API server that went back in time', () => {
  it('says so by a bookmark: its list replaces what is held', async () => {
    const { api, told, relists, logged } = await watching([thing('a', 1)]);
    api.watch.send('MODIFIED', thing('a', 90));
    api.watch.bookmark(55);
    await settle();
    expect([relists, api.lists.length]).toEqual([['Rewound'], 2]);
    await api.list.answer(56, [thing('a', 40)]);
    expect(told).toEqual(['changed a@90', 'changed a@40']);
    expect(logged.at(-1)).toMatch(/^warn the API server went back in time/);
    api.watch.bookmark(57);
    await settle();
    expect([relists.length, api.watch.from]).toEqual([1, '56']);
  });

  it('says nothing at all: after two watches without a word a list is taken', async () => {
    const { api, clock, relists } = await watching([thing('a', 1)]);
    await clock.advance(SILENT_MS);
    expect([api.watches.length, api.lists.length]).toEqual([2, 1]);
    await clock.advance(SILENT_MS);
    expect([api.watches.length, api.lists.length, relists]).toEqual([2, 2, ['Silent']]);
    await api.list.answer(5, []);
    await clock.advance(SILENT_MS);
    expect([api.watches.length, api.lists.length]).toEqual([4, 2]);
  });

  it('says now this and now that, as replicas of which one lags: lists at growing distances', async () => {
    const { api, clock } = await watching();
    for (let i = 0; i < 5; i++) {
      await clock.advance(60_000);
      api.watch.bookmark(5);
      await settle();
      if (i > 0) expect(api.lists.length).toBe(i + 1);
      await clock.advance(30_000);
      await api.list.answer(10, []);
    }
    expect(api.lists.length).toBe(6);
  });
});

describe('a silent connection', () => {
  it('is given up once nothing was heard for so long, and the watch goes on', async () => {
    const { api, clock, relists } = await watching();
    await clock.advance(100_000);
    api.watch.bookmark(20);
    await clock.advance(SILENT_MS - 1);
    expect(api.watch.options.signal.aborted).toBe(false);
    const stalled = api.watch;
    await clock.advance(1);
    expect([stalled.options.signal.aborted, api.watches.length, api.watch.from]).toEqual([true, 2, '20']);
    expect(relists).toEqual([]);
  });

  it('now and then, with words in between, needs no list', async () => {
    const { api, clock, relists } = await watching();
    for (let version = 11; version < 15; version++) {
      await clock.advance(SILENT_MS);
      api.watch.bookmark(version);
      await clock.advance(SILENT_MS);
    }
    expect([relists, api.watches.length]).toEqual([[], 9]);
  });

  it('that speaks after it was given up is not listened to', async () => {
    const { api, clock, told, held } = await watching();
    const stalled = api.watch;
    await clock.advance(SILENT_MS);
    stalled.send('ADDED', thing('a', 11));
    stalled.bookmark(99);
    expect([told, held()]).toEqual([[], []]);
    api.watch.send('ADDED', thing('a', 11));
    await api.watch.end();
    expect([told, api.watch.from]).toEqual([['added a@11'], '11']);
  });

  it('may be short, where the timing says so', async () => {
    const { api, clock } = await watching([], { timing: { silentMs: 1_000 } });
    await clock.advance(1_000);
    expect(api.watches.length).toBe(2);
  });
});
