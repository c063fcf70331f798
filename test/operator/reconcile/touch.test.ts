import { describe, expect, test } from 'vitest';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { KubeError, type KubeErrorCode } from '../../../operator/kube/error.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import type { Caches } from '../../../operator/reconcile/caches.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { touchPods } from '../../../operator/reconcile/touch.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { pod, UID } from './build.ts';

const KEY = 'modelship.dev/table-revision';

function setup(refuse: Record<string, unknown> = {}) {
  const clock = new FakeClock();
  const memory = newMemory(UID, clock.now());
  const patches: { pod: string; uid: string; value: string; manager: string | undefined }[] = [];
  const wrote: string[] = [];
  const client: Pick<KubeClient, 'patch'> = {
    async patch(_resource, { name }, body, options) {
      const { uid, annotations } = (body as { metadata: { uid: string; annotations: Record<string, string> } })
        .metadata;
      patches.push({ pod: name, uid, value: annotations[KEY] ?? '', manager: options?.manager });
      if (name in refuse) throw refuse[name];
      return pod('v1', name, true) as StoredObject;
    },
  };
  const pods = { wrote: ({ metadata }: StoredObject) => void wrote.push(metadata.name) };
  const options = { client: client as KubeClient, caches: { pods } as unknown as Caches, clock };
  const touch = (behind: Pod[], revision: number) => touchPods(behind, revision, memory, options);
  const values = () => patches.map(({ pod: name, value }) => `${name}:${value}`);
  return { clock, memory, patches, wrote, touch, values };
}

const P1 = pod('v1', 'p1', true);
const P2 = pod('v1', 'p2', true);
const marked = (of: Pod, value: string): Pod => ({
  ...of,
  metadata: { ...of.metadata, annotations: { [KEY]: value } },
});

describe('pods that do not follow the table', () => {
  test('are touched once, each by its own UID; what came of it is in the cache at once', async () => {
    const { touch, patches, wrote } = setup();
    expect(await touch([P1, P2], 7)).toEqual([]);
    expect(patches).toEqual([
      { pod: 'p1', uid: P1.metadata.uid, value: '7', manager: 'modelship' },
      { pod: 'p2', uid: P2.metadata.uid, value: '7', manager: 'modelship' },
    ]);
    expect(wrote).toEqual(['p1', 'p2']);
    await touch([P1, P2], 7);
    expect(patches).toHaveLength(2);
  });

  test('are touched again with another value, each time after twice as long, and not for ever', async () => {
    const { touch, clock, values } = setup();
    const at: number[] = [];
    const start = clock.now();
    for (let count = 0; clock.now() - start <= 300_000; await clock.advance(500)) {
      await touch([P1], 7);
      if (values().length > count) at.push(clock.now() - start);
      count = values().length;
    }
    expect(at).toEqual([0, 2_000, 6_000, 14_000, 30_000, 62_000]);
    expect(values()).toEqual(['p1:7', 'p1:7.2', 'p1:7.3', 'p1:7.4', 'p1:7.5', 'p1:7.6']);
  });

  test('are touched anew for the next revision, however often it was for the one before', async () => {
    const { touch, clock, values } = setup();
    await touch([P1], 7);
    await clock.advance(2_000);
    await touch([marked(P1, '7')], 7);
    await touch([marked(P1, '7.2')], 8);
    expect(values()).toEqual(['p1:7', 'p1:7.2', 'p1:8']);
  });

  test('are not touched by the next operator for a revision that one before touched them for', async () => {
    const { touch, values } = setup();
    await touch([marked(P1, '7'), marked(P2, '7.4')], 7);
    expect(values()).toEqual([]);
    await touch([marked(P1, '70'), marked(P2, '6')], 7);
    expect(values()).toEqual(['p1:7', 'p2:7']);
  });

  test('are let be while they are not ready', async () => {
    const { touch, values } = setup();
    await touch([pod('v1', 'p1', false)], 7);
    expect(values()).toEqual([]);
  });

  test('are forgotten once they follow', async () => {
    const { touch, memory } = setup();
    await touch([P1, P2], 7);
    await touch([P2], 7);
    expect([...memory.touched.keys()]).toEqual([P2.metadata.uid]);
    await touch([], 8);
    expect(memory.touched.size).toBe(0);
  });
});

describe('a pod that cannot be touched', () => {
  const error = (code: KubeErrorCode) => new KubeError(code, `patch of p1: ${code}`);
  test.each<[string, KubeErrorCode, boolean]>([
    ['it is gone', 'NotFound', false],
    ['another one has its name', 'Conflict', false],
    ['it is forbidden', 'Forbidden', true],
    ['the API server is away', 'Unavailable', true],
    ['another process leads', 'NotLeader', true],
  ])('%s', async (_, code, told) => {
    const { touch, values } = setup({ p1: error(code) });
    expect((await touch([P1, P2], 7)).map((e) => e.code)).toEqual(told ? [code] : []);
    expect(values()).toEqual(['p1:7', 'p2:7']);
  });

  test('is not tried again at once', async () => {
    const { touch, clock, values } = setup({ p1: error('Unavailable') });
    await touch([P1], 7);
    expect(await touch([P1], 7)).toEqual([]);
    await clock.advance(2_000);
    await touch([P1], 7);
    expect(values()).toEqual(['p1:7', 'p1:7.2']);
  });

  test('by a mistake of ours: the mistake is heard of', async () => {
    const { touch } = setup({ p1: new TypeError('ours') });
    await expect(touch([P1], 7)).rejects.toThrow('ours');
  });
});
