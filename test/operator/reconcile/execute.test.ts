/** An object that the cache does not have is made only where there is none, whoever takes its name at whatever moment. */
import { beforeEach, expect, test } from 'vitest';
import { KubeError } from '../../../operator/kube/error.ts';
import { silentLog } from '../../../operator/kube/log.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { type Changes, wantedObjects } from '../../../operator/reconcile/changes.ts';
import { execute, type Hand } from '../../../operator/reconcile/execute.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { labels } from '../../../operator/render/labels.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { model, OWNER, spec, stored, UID } from './build.ts';

type Body = StoredObject & { metadata: { resourceVersion?: string } };

/** An API server that holds one object at most and knows preconditions; it remembers what it was asked. */
class Server {
  there: StoredObject | undefined;
  /** What it answers to the next write. */
  fail: KubeError | undefined;
  readonly asked: string[] = [];

  hand(): Hand {
    const client = {
      get: async () => {
        this.asked.push('get');
        return this.there;
      },
      apply: async (_: unknown, body: Body) => {
        const { uid, resourceVersion } = body.metadata;
        this.asked.push(uid === undefined ? `make ${resourceVersion}` : `apply to ${uid}`);
        const { fail } = this;
        this.fail = undefined;
        if (fail) throw fail;
        const taken =
          this.there && resourceVersion !== undefined && resourceVersion !== this.there.metadata.resourceVersion;
        if (taken || (uid !== undefined && uid !== this.there?.metadata.uid))
          throw new KubeError('Conflict', 'modified');
        this.there = {
          ...body,
          metadata: { ...body.metadata, uid: uid ?? 'uid-new', resourceVersion: '101' },
        } as StoredObject;
        return this.there;
      },
    };
    const caches = { of: () => ({ wrote: () => {} }) };
    return { client, caches, log: silentLog } as unknown as Hand;
  }
}

const md = model(spec([{ name: 'v1' }]));
const service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'digits', namespace: 'models', labels: labels('digits'), ownerReferences: [OWNER] },
  spec: { type: 'ClusterIP' },
} as unknown as KubeObject;
const changes: Changes = {
  applies: wantedObjects([service]).map((one) => ({ ...one, stored: undefined, why: 'missing' })),
  scales: [],
  prunes: [],
  taken: [],
};

let server: Server;
let memory: ReturnType<typeof newMemory>;
const run = () => execute(changes, md, memory, server.hand());

beforeEach(() => {
  server = new Server();
  memory = newMemory(UID, 0);
});

test('where there is none it is made by one request, and none is read', async () => {
  expect(await run()).toMatchObject({ wrote: true, problems: [], errors: [] });
  expect(server.asked).toEqual(['make 1']);
  expect(server.there?.spec).toEqual({ type: 'ClusterIP' });
});

test("somebody else's is not written to, and asked for before the next try", async () => {
  const theirs = stored('Service', 'digits');
  theirs.metadata.ownerReferences = [];
  server.there = theirs;
  const taken = [{ object: 'Service digits', reason: 'NameTaken', transient: false }];
  expect(await run()).toMatchObject({ problems: taken, errors: [], wrote: true });
  expect(await run()).toMatchObject({ problems: taken, errors: [] });
  expect(server.asked).toEqual(['make 1', 'get', 'get']);
  expect(server.there).toBe(theirs);
});

test('once the name is free it is made', async () => {
  memory.foreign.add('Service models/digits');
  expect(await run()).toMatchObject({ wrote: true, problems: [] });
  expect(server.asked).toEqual(['get', 'make 1']);
  expect(memory.foreign.size).toBe(0);
});

test('our own, which the cache does not know yet, is applied to', async () => {
  server.there = stored('Service', 'digits');
  expect(await run()).toMatchObject({ wrote: true, problems: [], errors: [] });
  expect(server.asked).toEqual(['make 1', 'get', 'apply to uid-Service-digits']);
});

test('what is gone again when it is looked for is tried again later', async () => {
  server.fail = new KubeError('Conflict', 'modified');
  const { errors, problems } = await run();
  expect([errors, problems]).toMatchObject([[{ code: 'Conflict' }], [{ transient: true }]]);
  expect(server.asked).toEqual(['make 1', 'get']);
});
