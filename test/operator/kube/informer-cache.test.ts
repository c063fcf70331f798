/** What the cache of an informer holds and tells; how it heals is in `informer.test.ts`. */
import { describe, expect, it } from 'vitest';
import type { ListPage } from '../../../operator/kube/client.ts';
import type { InformerChange } from '../../../operator/kube/informer.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { settle } from './fake-clock.ts';
import { thing, watching, world } from './informer-stub.ts';

describe('our own writes', () => {
  it('are in the cache at once, and nothing is told of them, then or later', async () => {
    const { api, informer, told, held } = await watching([thing('a', 1)]);
    informer.wrote(thing('a', 12));
    informer.wrote(thing('b', 13));
    expect(held()).toEqual(['a@12', 'b@13']);
    api.watch.send('MODIFIED', thing('a', 11), thing('a', 12));
    api.watch.send('ADDED', thing('b', 13));
    expect(told).toEqual([]);
    api.watch.send('MODIFIED', thing('a', 14));
    expect(told).toEqual(['changed a@14']);
  });

  it('are not what a watch goes on from', async () => {
    const { api, informer } = await watching();
    informer.wrote(thing('a', 99));
    api.watch.bookmark(12);
    await api.watch.end();
    expect(api.watch.from).toBe('12');
  });

  it('do not make a list that is older look like the past', async () => {
    const { api, informer, held, logged } = await watching();
    informer.wrote(thing('a', 99));
    await api.watch.fail('Expired', { status: 410 });
    await api.list.answer(50, []);
    expect([held(), logged.filter((line) => line.startsWith('warn'))]).toEqual([['a@99'], []]);
  });

  it('that delete are not undone by events that were under way', async () => {
    const { api, informer, told, held } = await watching([thing('a', 1)]);
    informer.removed({ namespace: 'ns', name: 'a' }, 'a-uid');
    api.watch.send('MODIFIED', thing('a', 11));
    api.watch.send('DELETED', thing('a', 12));
    expect([held(), told]).toEqual([[], []]);
    api.watch.send('ADDED', thing('a', 13, 'again'));
    expect(told).toEqual(['added a@13(again)']);
  });

  it('in another namespace than the one that is watched stay out', async () => {
    const { informer, held } = await watching([], { namespace: 'other' });
    informer.wrote(thing('a', 12));
    expect(held()).toEqual([]);
  });
});

describe('callbacks that throw', () => {
  it('of onChange are logged, and all goes on', async () => {
    const seen: string[] = [];
    const onChange = ({ object }: InformerChange<StoredObject>): void => {
      seen.push(object.metadata.name);
      throw new Error('bad day');
    };
    const { api, held, logged } = await watching([thing('a', 1), thing('b', 2)], { onChange });
    api.watch.send('ADDED', thing('c', 11));
    await api.watch.end();
    expect([seen, held(), api.watch.from]).toEqual([['a', 'b', 'c'], ['a@1', 'b@2', 'c@11'], '11']);
    expect(logged[0]).toBe('error onChange threw; the informer goes on');
  });

  it('of transform leave the object as it was before, and are counted', async () => {
    const transform = (object: StoredObject): StoredObject => {
      if (object.metadata.resourceVersion === '11') throw new Error('unreadable');
      return object;
    };
    const { api, informer, told, held } = await watching([thing('a', 1)], { transform });
    api.watch.send('MODIFIED', thing('a', 11));
    expect([held(), told, informer.refused]).toEqual([['a@1'], [], 1]);
    await api.watch.end();
    expect(api.watch.from).toBe('11');
    api.watch.send('MODIFIED', thing('a', 12));
    expect([held(), informer.refused]).toEqual([['a@12'], 1]);
  });

  it('and an event that is no object do not end the watch', async () => {
    const { api, held, logged } = await watching();
    api.watch.send('ADDED', JSON.parse('{}'), thing('a', 11));
    expect([held(), logged]).toEqual([['a@11'], ['error an event could not be read and is left out']]);
  });
});

describe('what is kept', () => {
  it('is all but managedFields, unless transform says otherwise', async () => {
    const object = thing('a', 11);
    object.metadata.managedFields = [{ manager: 'x' }];
    const { api, informer } = await watching();
    api.watch.send('ADDED', object);
    expect(informer.list()).toEqual([thing('a', 11)]);
  });

  it('can be found by the group that index names', async () => {
    const { api, informer } = await watching([thing('a', 1)], { index: ({ metadata }) => metadata.uid.slice(0, 1) });
    api.watch.send('ADDED', thing('abc', 11), thing('b', 12));
    expect(informer.indexed('a').map(({ metadata }) => metadata.name)).toEqual(['a', 'abc']);
  });
});

describe('health', () => {
  it('needs a first list', async () => {
    const { informer } = await world();
    expect(informer.healthy).toBe(false);
  });

  it('lasts as long as there are bookmarks, and ends when there are only errors', async () => {
    const { api, clock, informer } = await watching();
    for (let version = 11; version < 30; version++) {
      await clock.advance(60_000);
      api.watch.bookmark(version);
    }
    expect([informer.healthy, api.watches.length, informer.lastHeard]).toEqual([true, 1, clock.now()]);
    for (let i = 0; i < 12; i++) {
      await api.watch.fail('Forbidden', { status: 403 });
      await clock.advance(30_000);
    }
    expect(informer.healthy).toBe(false);
    expect(informer.lastHeard).toBe(clock.now() - 30_000);
    api.watch.bookmark(30);
    expect(informer.healthy).toBe(true);
  });

  it('ends when a list is needed and never gets whole', async () => {
    const { api, clock, informer } = await watching();
    await api.watch.fail('Expired', { status: 410 });
    for (let i = 0; i < 12; i++) {
      await api.list.answer(20, [], 'more');
      await api.list.fail('Unavailable');
      await clock.advance(30_000);
    }
    expect(informer.healthy).toBe(false);
  });

  it('has a sign of life in a watch that ends in good order', async () => {
    const { api, clock, informer } = await watching();
    await clock.advance(140_000);
    await api.watch.end();
    expect(informer.lastHeard).toBe(clock.now());
  });

  it('is not claimed for an API server that cannot be reached', async () => {
    const { api, clock, informer } = await watching();
    const heard = informer.lastHeard;
    for (let i = 0; i < 20; i++) {
      await api.watch.fail('Unavailable');
      await clock.advance(30_000);
    }
    expect([informer.healthy, informer.lastHeard]).toEqual([false, heard]);
  });
});

describe('stop', () => {
  type Moment = (w: Awaited<ReturnType<typeof world>>) => Promise<void>;
  const moments: Record<string, Moment> = {
    'before the first list is answered': async () => {},
    'between two pages': async ({ api }) => api.list.answer(10, [thing('a', 1)], 'more'),
    'while it waits to list again': async ({ api }) => api.list.fail('Unavailable'),
    'during a watch': async ({ api }) => api.list.answer(10, [thing('a', 1)]),
    'while it waits to watch again': async ({ api }) => {
      await api.list.answer(10, []);
      await api.watch.fail('Unavailable');
    },
  };
  it.each(Object.entries(moments))('%s leaves no timer and asks for nothing more', async (_, moment) => {
    const w = await world();
    await moment(w);
    w.told.length = 0;
    await w.informer.stop();
    expect(w.clock.pending).toBe(0);
    const asked = [w.api.lists.length, w.api.watches.length];
    const late: ListPage = { items: [thing('late', 20)], resourceVersion: '20' };
    await w.api.list.answer(20, late.items);
    w.api.watches.at(-1)?.send('ADDED', thing('late', 21));
    await w.clock.advance(3_600_000);
    w.informer.start();
    await settle();
    expect([w.told, [w.api.lists.length, w.api.watches.length], w.clock.pending]).toEqual([[], asked, 0]);
  });

  it('ends the watch by its signal', async () => {
    const { api, informer } = await watching();
    await informer.stop();
    expect(api.watch.options.signal.aborted).toBe(true);
  });

  it('in a callback is the last callback', async () => {
    const told: string[] = [];
    const w = await world({
      onChange: ({ object }) => {
        told.push(object.metadata.name);
        void w.informer.stop();
      },
    });
    await w.api.list.answer(10, [thing('a', 1), thing('b', 2)]);
    expect([told, w.api.watches.length, w.clock.pending]).toEqual([['a'], 0, 0]);
  });

  it('before the first list rejects those who wait for it; after it nobody', async () => {
    const early = await world();
    const waiting = early.informer.whenSynced();
    await early.informer.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'Unavailable', message: expect.stringContaining('things') });
    const late = await watching();
    await late.informer.stop();
    await late.informer.whenSynced();
  });

  it('can be asked twice, and before start', async () => {
    const { informer } = await world();
    await Promise.all([informer.stop(), informer.stop()]);
    await informer.stop();
  });

  it('start twice is start once', async () => {
    const { api, informer } = await world();
    informer.start();
    await settle();
    expect(api.lists.length).toBe(1);
  });
});
