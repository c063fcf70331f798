import { describe, expect, it } from 'vitest';
import { compareVersions } from '../../../operator/kube/informer-version.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { type Change, Store } from '../../../operator/kube/store.ts';
import { deleting, text, thing } from './informer-stub.ts';

const KEY = { namespace: 'ns', name: 'a' };

interface Bench {
  store: Store<StoredObject>;
  move(ms: number): void;
  list(resourceVersion: number, items: StoredObject[], options?: { rewound?: boolean; began?: number }): string[];
  now(): number;
  refused: string[];
  transformed: string[];
}

function bench(options: { refuse?: (object: StoredObject) => boolean } = {}): Bench {
  let now = 1_000;
  const refused: string[] = [];
  const transformed: string[] = [];
  const store = new Store<StoredObject>({
    now: () => now,
    index: ({ metadata }) => metadata.labels?.group,
    transform: (object) => {
      transformed.push(text(object));
      if (options.refuse?.(object)) throw new Error('no');
      return object;
    },
    onRefused: (object) => refused.push(text(object)),
  });
  return {
    store,
    refused,
    transformed,
    now: () => now,
    move: (ms) => {
      now += ms;
    },
    list: (resourceVersion, items, { rewound = false, began = now } = {}) => {
      const draft = store.draft({ began, resourceVersion: String(resourceVersion), rewound });
      for (const item of items) store.include(draft, item);
      return said(store.replace(draft));
    },
  };
}

function said(changes: readonly Change<StoredObject>[]): string[] {
  return changes.map(({ type, object }) => `${type} ${text(object)}`);
}

const held = (store: Store<StoredObject>): string[] => store.list().map(text).sort();

describe('the order of resourceVersions', () => {
  it.each<[string, string, string, number | undefined]>([
    ['equal ones', '7', '7', 0],
    ['a longer one is newer', '10', '9', 1],
    ['beyond what a double can tell apart', '9007199254740993', '9007199254740992', 1],
    ['older', '41', '42', -1],
    ['equal, though no integers', 'x', 'x', 0],
    ['not an integer: nobody can say', 'x1', '2', undefined],
    ['a leading zero is no integer', '01', '2', undefined],
    ['negative is no unsigned integer', '-1', '2', undefined],
  ])('%s', (_, a, b, sign) => {
    const order = compareVersions(a, b);
    expect(order === undefined ? undefined : Math.sign(order)).toBe(sign);
  });
});

describe('what a version meets in the store', () => {
  interface Case {
    first: (b: Bench) => void;
    next: (b: Bench) => Change<StoredObject>[] | undefined;
    said: string[];
    held: string[];
  }
  const cases: Record<string, Case> = {
    'a new object is added': {
      first: () => {},
      next: ({ store }) => store.put(thing('a', 5)),
      said: ['added a@5'],
      held: ['a@5'],
    },
    'a newer version changes it': {
      first: ({ store }) => store.put(thing('a', 9)),
      next: ({ store }) => store.put(thing('a', 10)),
      said: ['changed a@10'],
      held: ['a@10'],
    },
    'an older version is dropped': {
      first: ({ store }) => store.put(thing('a', 10)),
      next: ({ store }) => store.put(thing('a', 9)),
      said: [],
      held: ['a@10'],
    },
    'versions that cannot be compared: the incoming is taken as newer': {
      first: ({ store }) => store.put(thing('a', 'zz')),
      next: ({ store }) => store.put(thing('a', 'aa')),
      said: ['changed a@aa'],
      held: ['a@aa'],
    },
    'what we wrote causes nothing when the watch brings it': {
      first: ({ store }) => store.wrote(thing('a', 10)),
      next: ({ store }) => store.put(thing('a', 10)),
      said: [],
      held: ['a@10'],
    },
    'what we wrote is not taken over something newer': {
      first: ({ store }) => store.put(thing('a', 11)),
      next: ({ store }) => void store.wrote(thing('a', 10)),
      said: [],
      held: ['a@11'],
    },
    'a new uid takes the name: the old one is removed first': {
      first: ({ store }) => store.put(thing('a', 5, 'one')),
      next: ({ store }) => store.put(thing('a', 8, 'two')),
      said: ['removed a@5(one)', 'added a@8(two)'],
      held: ['a@8(two)'],
    },
    'late news of the old uid does not take the name back': {
      first: ({ store }) => store.put(thing('a', 8, 'two')),
      next: ({ store }) => store.put(thing('a', 6, 'one')),
      said: [],
      held: ['a@8(two)'],
    },
    'DELETED of the old uid leaves the new one': {
      first: ({ store }) => store.put(thing('a', 8, 'two')),
      next: ({ store }) => store.drop(thing('a', 9, 'one')),
      said: [],
      held: ['a@8(two)'],
    },
    'DELETED removes, and tells of the object as it was': {
      first: ({ store }) => store.put(thing('a', 8)),
      next: ({ store }) => store.drop(thing('a', 9)),
      said: ['removed a@8'],
      held: [],
    },
    'DELETED that is older than what is held removes nothing': {
      first: ({ store }) => store.wrote(thing('a', 10)),
      next: ({ store }) => store.drop(thing('a', 9)),
      said: [],
      held: ['a@10'],
    },
    'a write that was overtaken by DELETED does not bring the object back': {
      first: ({ store }) => store.drop(thing('a', 11)),
      next: ({ store }) => void store.wrote(thing('a', 10)),
      said: [],
      held: [],
    },
    'an object that left the label selector comes back with a newer version': {
      first: ({ store }) => store.drop(thing('a', 11)),
      next: ({ store }) => store.put(thing('a', 12)),
      said: ['added a@12'],
      held: ['a@12'],
    },
    'after removed() a late change does not bring the object back': {
      first: ({ store }) => {
        store.put(thing('a', 5));
        store.removed(KEY, 'a-uid');
      },
      next: ({ store }) => store.put(thing('a', 6)),
      said: [],
      held: [],
    },
    'after removed() DELETED says nothing more': {
      first: ({ store }) => {
        store.put(thing('a', 5));
        store.removed(KEY, 'a-uid');
      },
      next: ({ store }) => store.drop(thing('a', 7)),
      said: [],
      held: [],
    },
    'after removed() the object is there if it is only being deleted': {
      first: ({ store }) => {
        store.put(thing('a', 5));
        store.removed(KEY, 'a-uid');
      },
      next: ({ store }) => store.put(deleting(thing('a', 6))),
      said: ['added a@6'],
      held: ['a@6'],
    },
    'after removed() the version that was removed stays away, being deleted or not': {
      first: ({ store }) => {
        store.put(deleting(thing('a', 5)));
        store.removed(KEY, 'a-uid');
      },
      next: ({ store }) => store.put(deleting(thing('a', 5))),
      said: [],
      held: [],
    },
    'removed() of another uid leaves what is held': {
      first: ({ store }) => store.put(thing('a', 8, 'two')),
      next: ({ store }) => void store.removed(KEY, 'one'),
      said: [],
      held: ['a@8(two)'],
    },
    'the name is free for another uid after removed()': {
      first: ({ store }) => store.removed(KEY, 'one'),
      next: ({ store }) => store.put(thing('a', 8, 'two')),
      said: ['added a@8(two)'],
      held: ['a@8(two)'],
    },
    'after ten minutes and another end a tombstone is gone': {
      first: (b) => {
        b.store.removed(KEY, 'a-uid');
        b.move(11 * 60_000);
        b.store.removed({ namespace: 'ns', name: 'b' }, 'b-uid');
      },
      next: ({ store }) => store.put(thing('a', 6)),
      said: ['added a@6'],
      held: ['a@6'],
    },
    'of more than 10,000 tombstones the oldest go': {
      first: ({ store }) => {
        for (let i = 0; i <= 10_000; i++) store.drop(thing(`n${i}`, 20));
      },
      next: ({ store }) => ['n0', 'n1', 'n10000'].flatMap((name) => store.put(thing(name, 19))),
      said: ['added n0@19'],
      held: ['n0@19'],
    },
  };
  it.each(Object.entries(cases))('%s', (_, { first, next, said: expected, held: left }) => {
    const b = bench();
    first(b);
    expect(said(next(b) ?? [])).toEqual(expected);
    expect(held(b.store)).toEqual(left);
  });
});

describe('a list takes the place of all that was held', () => {
  it('says what is new, changed and gone, and nothing of the rest', () => {
    const b = bench();
    b.list(10, [thing('gone', 1), thing('same', 2), thing('changed', 3)]);
    expect(b.list(20, [thing('same', 2), thing('changed', 15), thing('new', 16)])).toEqual([
      'removed gone@1',
      'changed changed@15',
      'added new@16',
    ]);
    expect(held(b.store)).toEqual(['changed@15', 'new@16', 'same@2']);
  });

  it('reads a version that is held already no second time', () => {
    const b = bench();
    b.list(10, [thing('a', 1)]);
    b.list(20, [thing('a', 1)]);
    expect(b.transformed).toEqual(['a@1']);
  });

  it('keeps what we wrote after it, and drops what we wrote before it', () => {
    const b = bench();
    b.store.wrote(thing('before', 15));
    b.store.wrote(thing('after', 25));
    b.store.wrote(thing('listed', 26));
    expect(b.list(20, [thing('listed', 18)])).toEqual(['removed before@15']);
    expect(held(b.store)).toEqual(['after@25', 'listed@26']);
  });

  it('is believed over what the watch told', () => {
    const b = bench();
    b.store.put(thing('a', 25));
    expect(b.list(20, [])).toEqual(['removed a@25']);
  });

  it('does not bring back what was deleted while it was under way', () => {
    const b = bench();
    b.list(10, [thing('a', 5)]);
    const began = b.now();
    b.move(10);
    b.store.removed(KEY, 'a-uid');
    expect(b.list(20, [thing('a', 5), thing('b', 6)], { began })).toEqual(['added b@6']);
  });

  it('ends what was known to be gone before it: it knows better', () => {
    const b = bench();
    b.store.removed(KEY, 'a-uid');
    b.move(10);
    expect(b.list(20, [thing('a', 5)])).toEqual(['added a@5']);
  });

  it('sees that another object has the name', () => {
    const b = bench();
    b.list(10, [thing('a', 5, 'one')]);
    expect(b.list(20, [thing('a', 15, 'two')])).toEqual(['removed a@5(one)', 'added a@15(two)']);
  });

  it('that went back in time counts more than newer versions of before, also our own', () => {
    const b = bench();
    b.list(100, [thing('a', 90), thing('same', 30)]);
    b.store.wrote(thing('phantom', 95));
    b.move(10);
    const began = b.now();
    b.store.wrote(thing('now', 52));
    const restored = { ...thing('same', 30), kind: 'Restored' };
    const changes = b.list(50, [thing('a', 40), restored], { rewound: true, began });
    expect(b.store.get({ namespace: 'ns', name: 'same' })?.kind).toBe('Restored');
    expect(changes).toEqual(['removed phantom@95', 'changed a@40', 'changed same@30']);
    expect(held(b.store)).toEqual(['a@40', 'now@52', 'same@30']);
  });
});

describe('an object that cannot be read', () => {
  const refuse = ({ metadata }: StoredObject): boolean => Number(metadata.resourceVersion) % 2 === 1;

  it('stays out; the version before it stays in, over a list as well', () => {
    const b = bench({ refuse });
    b.store.put(thing('a', 4));
    expect(b.store.put(thing('a', 5))).toEqual([]);
    expect(b.store.put(thing('b', 7))).toEqual([]);
    expect(b.list(20, [thing('a', 9)])).toEqual([]);
    expect(held(b.store)).toEqual(['a@4']);
    expect(b.refused).toEqual(['a@5', 'b@7', 'a@9']);
  });

  it('still says that its name is no longer of another', () => {
    const b = bench({ refuse });
    b.store.put(thing('a', 4, 'one'));
    b.store.put(thing('b', 4, 'one'));
    expect(said(b.store.put(thing('a', 5, 'two')))).toEqual(['removed a@4(one)']);
    expect(b.list(20, [thing('b', 9, 'two')])).toEqual(['removed b@4(one)']);
  });
});

describe('groups', () => {
  const of = (group: string | undefined, object: StoredObject): StoredObject => ({
    ...object,
    metadata: { ...object.metadata, labels: group === undefined ? {} : { group } },
  });

  it('follow their objects from group to group and out', () => {
    const { store } = bench();
    const names = (group: string): string[] => store.indexed(group).map(text);
    store.put(of('x', thing('a', 1)));
    store.put(of('x', thing('b', 2)));
    store.wrote(of('y', thing('b', 3)));
    expect([names('x'), names('y')]).toEqual([['a@1'], ['b@3']]);
    store.put(of(undefined, thing('a', 4)));
    store.removed({ namespace: 'ns', name: 'b' }, 'b-uid');
    expect([names('x'), names('y'), names('never')]).toEqual([[], [], []]);
    expect(held(store)).toEqual(['a@4']);
  });
});
