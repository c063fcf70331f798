/** What every KubeClient does, whatever is behind it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { KubeClient, WatchEvent } from '../../../operator/kube/client.ts';
import { KubeError, type KubeErrorCode } from '../../../operator/kube/error.ts';
import type { Manifest, StoredObject } from '../../../operator/kube/object.ts';
import { CONFIG_MAPS, MODEL_DEPLOYMENTS, NODES } from '../../../operator/reconcile/resources.ts';
import { eventually } from '../harness/eventually.ts';
import { digits } from '../harness/manifests.ts';

/** An API server that serves ModelDeployments too. */
export interface ClientWorld {
  /** May do everything. */
  client: KubeClient;
  /** May do nothing. */
  nobody: KubeClient;
  /** An empty namespace. */
  namespace: string;
  close(): Promise<void>;
}

const NAMESPACES = { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', namespaced: false };
const UNSERVED = { apiVersion: 'example.com/v1', kind: 'Nothing', plural: 'nothings', namespaced: true };
const OTHER_UID = '11111111-1111-4111-8111-111111111111';
const MANAGER = { manager: 'contract' };

function stopper(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}

export async function failure(asked: Promise<unknown>): Promise<KubeError> {
  const error = await asked.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (reason: unknown) => reason,
  );
  if (error instanceof KubeError) return error;
  throw error;
}

export function describeKubeClient(name: string, make: () => Promise<ClientWorld>): void {
  describe(name, () => {
    let world: ClientWorld;
    let client: KubeClient;
    let namespace: string;
    beforeAll(async () => {
      world = await make();
      ({ client, namespace } = world);
    });
    afterAll(() => world?.close());

    const configMap = (object: string, data: Record<string, string> = {}, metadata: object = {}): Manifest => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: object, namespace, ...metadata },
      data,
    });
    const key = (object: string) => ({ namespace, name: object });

    describe('reads', () => {
      it('gets an object, or undefined where there is none', async () => {
        const made = await client.create(CONFIG_MAPS, configMap('read', { a: '1' }));
        expect(made).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap', data: { a: '1' } });
        expect(await client.get(CONFIG_MAPS, key('read'))).toEqual(made);
        expect(await client.get(CONFIG_MAPS, key('none'))).toBeUndefined();
        expect(await client.get(CONFIG_MAPS, { namespace: 'no-such-place', name: 'read' })).toBeUndefined();
        expect(await client.get(UNSERVED, key('read'))).toBeUndefined();
      });

      it('gets metadata alone, under the kind of the object', async () => {
        const made = await client.create(CONFIG_MAPS, configMap('bare', { a: '1' }));
        const found = await client.get(CONFIG_MAPS, key('bare'), { metadataOnly: true });
        expect(found).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: made.metadata });
      });

      it('gets what has no namespace', async () => {
        expect(await client.get(NAMESPACES, { name: namespace })).toMatchObject({
          kind: 'Namespace',
          metadata: { name: namespace },
        });
        expect((await client.list(NODES, {})).items.every(({ kind }) => kind === 'Node')).toBe(true);
      });

      it('lists page by page, each item with its kind', async () => {
        for (const number of [1, 2, 3, 4, 5]) {
          await client.create(CONFIG_MAPS, configMap(`page-${number}`, {}, { labels: { pages: 'yes' } }));
        }
        const pages: string[][] = [];
        let next: string | undefined;
        do {
          const page = await client.list(CONFIG_MAPS, {
            namespace,
            labelSelector: 'pages=yes',
            limit: 2,
            continue: next,
          });
          expect(page.resourceVersion).toMatch(/^\d+$/);
          for (const item of page.items) expect(item).toMatchObject({ apiVersion: 'v1', kind: 'ConfigMap' });
          pages.push(page.items.map(({ metadata }) => metadata.name));
          next = page.continue;
        } while (next);
        expect(pages).toEqual([['page-1', 'page-2'], ['page-3', 'page-4'], ['page-5']]);
      });

      it('lists by label and by field, in one namespace or in all, and from the cache', async () => {
        await client.create(CONFIG_MAPS, configMap('chosen', {}, { labels: { choose: 'me' } }));
        const names = async (options: object) =>
          (await client.list(CONFIG_MAPS, options)).items.map(({ metadata }) => metadata.name);
        expect(await names({ namespace, labelSelector: 'choose in (me),!other' })).toEqual(['chosen']);
        expect(await names({ labelSelector: 'choose=me' })).toContain('chosen');
        expect(await names({ namespace, fieldSelector: 'metadata.name=chosen' })).toEqual(['chosen']);
        await eventually('the cache has it', async () =>
          (await names({ namespace, labelSelector: 'choose=me', resourceVersion: '0' })).includes('chosen'),
        );
      });

      it('tells which kinds an API serves', async () => {
        expect(await client.kinds('v1')).toContain('ConfigMap');
        const apps = await client.kinds('apps/v1');
        expect(apps).toContain('Deployment');
        expect(apps).not.toContain('Scale');
        expect((await client.kinds('example.com/v1')).size).toBe(0);
      });
    });

    describe('watches', () => {
      it('tells what changes since a list', async () => {
        const labelSelector = 'watched=yes';
        const labels = { watched: 'yes' };
        const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace, labelSelector });
        const changes: Exclude<WatchEvent, { type: 'BOOKMARK' }>[] = [];
        const { signal, abort } = stopper();
        const options = { namespace, labelSelector, resourceVersion, timeoutSeconds: 300, signal };
        const watch = client.watch(CONFIG_MAPS, options, (event) => {
          if (event.type === 'BOOKMARK') return;
          changes.push(event);
          if (event.type === 'DELETED') abort();
        });
        await client.create(CONFIG_MAPS, configMap('seen', { a: 'ä' }, { labels }));
        await client.create(CONFIG_MAPS, configMap('unseen'));
        await client.patch(CONFIG_MAPS, key('seen'), { data: { a: 'x'.repeat(200_000) } });
        await client.delete(CONFIG_MAPS, key('seen'));
        await watch;
        expect(changes.map(({ type, object }) => [type, object.kind, object.metadata.name])).toEqual([
          ['ADDED', 'ConfigMap', 'seen'],
          ['MODIFIED', 'ConfigMap', 'seen'],
          ['DELETED', 'ConfigMap', 'seen'],
        ]);
        expect(changes[0]?.object).toMatchObject({ data: { a: 'ä' } });
      });

      it('bookmarks how far it has come, and resolves when the API server ends it', async () => {
        const { signal } = stopper();
        // It bookmarks two seconds before the end; one that stands still just then leaves it out.
        await eventually('a watch has a bookmark', async () => {
          const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace });
          const events: WatchEvent[] = [];
          const options = { namespace, labelSelector: 'never=there', resourceVersion, timeoutSeconds: 4, signal };
          const watch = client.watch(CONFIG_MAPS, options, (event) => events.push(event));
          // Without anything new there would be nothing to tell.
          const metadata = { generateName: 'unwatched-', namespace };
          await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
          await watch;
          expect(events).toContainEqual({ type: 'BOOKMARK', resourceVersion: expect.stringMatching(/^\d+$/) });
          return true;
        });
      });

      it('ends at once, without an error, when it is told to', async () => {
        const controller = new AbortController();
        const { resourceVersion } = await client.list(CONFIG_MAPS, { namespace });
        const options = { namespace, resourceVersion, timeoutSeconds: 300, signal: controller.signal };
        const first = Promise.withResolvers<void>();
        const watch = client.watch(CONFIG_MAPS, options, () => first.resolve());
        await client.create(CONFIG_MAPS, configMap('last-seen'));
        await first.promise;
        controller.abort();
        await watch;
        await client.watch(CONFIG_MAPS, options, () => expect.unreachable());
      });

      it('says Expired when the resourceVersion is too old', async () => {
        const { signal } = stopper();
        const options = { resourceVersion: '1', timeoutSeconds: 5, signal };
        const error = await failure(client.watch(MODEL_DEPLOYMENTS, options, () => {}));
        expect(error).toMatchObject({ code: 'Expired', status: 410 });
      });
    });

    describe('applies', () => {
      it('creates, changes what it owns, and writes nothing when nothing is new', async () => {
        const made = await client.apply(CONFIG_MAPS, configMap('mine', { a: '1', b: '1' }), MANAGER);
        expect(made).toMatchObject({ kind: 'ConfigMap', data: { a: '1', b: '1' } });
        const same = await client.apply(CONFIG_MAPS, configMap('mine', { a: '1', b: '1' }), MANAGER);
        expect(same.metadata.resourceVersion).toBe(made.metadata.resourceVersion);
        const changed = await client.apply(CONFIG_MAPS, configMap('mine', { a: '2' }), MANAGER);
        expect(changed).toMatchObject({ data: { a: '2' } });
        expect(changed.data).not.toHaveProperty('b');
        expect(changed.metadata.managedFields).toMatchObject([{ manager: 'contract', operation: 'Apply' }]);
      });

      it('says who holds a field, and takes it only by force', async () => {
        await client.apply(CONFIG_MAPS, configMap('contested', { a: '1' }), { manager: 'first' });
        const error = await failure(
          client.apply(CONFIG_MAPS, configMap('contested', { a: '2' }), { manager: 'second' }),
        );
        expect(error).toMatchObject({ code: 'Conflict', status: 409, transient: true });
        expect(error.causes).toEqual([
          { reason: 'FieldManagerConflict', message: expect.stringContaining('"first"'), field: '.data.a' },
        ]);
        const options = { manager: 'second', force: true };
        const taken = await client.apply(CONFIG_MAPS, configMap('contested', { a: '2' }), options);
        expect(taken).toMatchObject({ data: { a: '2' } });
      });

      it.each(['is not there', 'is another one'])('with the uid of an object that %s, is a Conflict', async (state) => {
        const object = `uid-${state.replaceAll(' ', '-')}`;
        if (state === 'is another one') await client.create(CONFIG_MAPS, configMap(object));
        const error = await failure(client.apply(CONFIG_MAPS, configMap(object, {}, { uid: OTHER_UID }), MANAGER));
        expect(error.code).toBe('Conflict');
      });

      it('refuses an unknown field, and names it', async () => {
        const wrong = { ...configMap('typo'), dta: { a: '1' } };
        for (const ask of [() => client.apply(CONFIG_MAPS, wrong, MANAGER), () => client.create(CONFIG_MAPS, wrong)]) {
          const error = await failure(ask());
          expect(error).toMatchObject({ code: 'Invalid', transient: false });
          expect(error.message).toMatch(/^(apply|create) ConfigMap \S+\/typo: .*\bdta\b/);
        }
      });

      it('says which field breaks a rule of the kind', async () => {
        const wrong = digits({ name: 'wrong', namespace });
        for (const version of wrong.spec.versions) version.traffic = 10;
        const error = await failure(client.apply(MODEL_DEPLOYMENTS, wrong as unknown as Manifest, MANAGER));
        expect(error).toMatchObject({ code: 'Invalid', status: 422 });
        expect(error.causes.map(({ field }) => field)).toContain('spec.versions');
      });

      it('of the status leaves the rest alone', async () => {
        const wanted = digits({ name: 'digits', namespace }) as unknown as Manifest;
        const made = await client.apply(MODEL_DEPLOYMENTS, wanted, MANAGER);
        const { apiVersion, kind } = wanted;
        const status = { observedGeneration: 1 };
        const body = { apiVersion, kind, metadata: { name: 'digits', namespace }, status };
        const told = await client.applyStatus(MODEL_DEPLOYMENTS, body, { manager: 'contract-status' });
        expect(told).toMatchObject({ status, spec: made.spec as object });
        expect(told.metadata.generation).toBe(made.metadata.generation);
        expect(await client.get(MODEL_DEPLOYMENTS, { namespace, name: 'digits' })).toMatchObject({ status });
      });

      it('of the status does not make an object', async () => {
        const body = {
          apiVersion: 'modelship.dev/v1alpha1',
          kind: 'ModelDeployment',
          metadata: key('nothing'),
          status: {},
        };
        expect((await failure(client.applyStatus(MODEL_DEPLOYMENTS, body, MANAGER))).code).toBe('NotFound');
      });
    });

    describe('creates and patches', () => {
      it('does not create what is there', async () => {
        await client.create(CONFIG_MAPS, configMap('once'));
        const error = await failure(client.create(CONFIG_MAPS, configMap('once')));
        expect(error).toMatchObject({ code: 'AlreadyExists', status: 409 });
      });

      it('lets the API server choose a name', async () => {
        const metadata = { generateName: 'some-', namespace };
        const made = await client.create(CONFIG_MAPS, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
        expect(made.metadata.name).toMatch(/^some-\w+$/);
      });

      it('merges a patch, in which null removes', async () => {
        await client.create(CONFIG_MAPS, configMap('merged', { a: '1', b: '1' }));
        const patched = await client.patch(CONFIG_MAPS, key('merged'), { data: { a: null, c: '1' } }, MANAGER);
        expect(patched.data).toEqual({ b: '1', c: '1' });
        const managers = patched.metadata.managedFields as { manager: string }[];
        expect(managers.map(({ manager }) => manager)).toContain('contract');
      });

      it('patches the status alone, also what another manager holds', async () => {
        const body = { apiVersion: MODEL_DEPLOYMENTS.apiVersion, kind: 'ModelDeployment', metadata: key('digits') };
        await client.applyStatus(MODEL_DEPLOYMENTS, { ...body, status: { url: 'http://a' } }, { manager: 'other' });
        const patch = { spec: null, status: { url: null, traffic: 'v1:100' } };
        const options = { ...MANAGER, subresource: 'status' } as const;
        const patched = await client.patch(MODEL_DEPLOYMENTS, key('digits'), patch, options);
        expect(patched.status).not.toHaveProperty('url');
        expect(patched.status).toMatchObject({ traffic: 'v1:100' });
        expect(patched.spec).toBeDefined();
      });

      it('patches only the version that it was told', async () => {
        const made = await client.create(CONFIG_MAPS, configMap('versioned'));
        const { resourceVersion } = made.metadata;
        const patch = { metadata: { resourceVersion }, data: { a: '1' } };
        await client.patch(CONFIG_MAPS, key('versioned'), patch);
        const error = await failure(client.patch(CONFIG_MAPS, key('versioned'), patch));
        expect(error).toMatchObject({ code: 'Conflict', status: 409 });
      });

      it('does not patch what is not there', async () => {
        expect((await failure(client.patch(CONFIG_MAPS, key('none'), {}))).code).toBe('NotFound');
      });
    });

    describe('deletes', () => {
      it('says whether there was one', async () => {
        await client.create(CONFIG_MAPS, configMap('gone'));
        expect(await client.delete(CONFIG_MAPS, key('gone'))).toBe(true);
        expect(await client.delete(CONFIG_MAPS, key('gone'))).toBe(false);
      });

      const wrong: [string, (made: StoredObject) => object][] = [
        ['uid', () => ({ uid: OTHER_UID })],
        ['resourceVersion', (made) => ({ uid: made.metadata.uid, resourceVersion: '1' })],
      ];
      it.each(wrong)('keeps an object of another %s', async (_, options) => {
        const made = await client.create(CONFIG_MAPS, configMap('kept'));
        const error = await failure(client.delete(CONFIG_MAPS, key('kept'), options(made)));
        expect(error).toMatchObject({ code: 'Conflict', status: 409 });
        const { uid, resourceVersion } = made.metadata;
        expect(await client.delete(CONFIG_MAPS, key('kept'), { uid, resourceVersion })).toBe(true);
      });
    });

    describe('says what is wrong', () => {
      const forbidden: [string, (nobody: KubeClient) => Promise<unknown>][] = [
        ['get', (nobody) => nobody.get(CONFIG_MAPS, key('read'))],
        ['list', (nobody) => nobody.list(CONFIG_MAPS, { namespace })],
        ['apply', (nobody) => nobody.apply(CONFIG_MAPS, configMap('theirs'), MANAGER)],
        ['delete', (nobody) => nobody.delete(CONFIG_MAPS, key('read'))],
        [
          'watch',
          (nobody) => {
            const { signal } = stopper();
            return nobody.watch(CONFIG_MAPS, { namespace, resourceVersion: '0', timeoutSeconds: 1, signal }, () => {});
          },
        ],
      ];
      it.each(forbidden)('a %s without the right to it is Forbidden', async (verb, ask) => {
        const error = await failure(ask(world.nobody));
        expect(error).toMatchObject({ code: 'Forbidden', status: 403, transient: false });
        expect(error.message).toContain(`${verb} ConfigMap`);
        expect(error.message).toContain('nobody');
      });

      const notFound: [string, KubeErrorCode, () => Promise<unknown>][] = [
        [
          'an apply into a namespace that is not there',
          'NotFound',
          () => {
            return client.apply(CONFIG_MAPS, configMap('lost', {}, { namespace: 'no-such-place' }), MANAGER);
          },
        ],
        ['a list of a kind that is not served', 'NotFound', () => client.list(UNSERVED, {})],
        ['an object without a namespace', 'Invalid', () => client.get(CONFIG_MAPS, { name: 'read' })],
        ['a delete without a name', 'Invalid', () => client.delete(CONFIG_MAPS, key(''))],
        ['a selector that cannot be read', 'Invalid', () => client.list(CONFIG_MAPS, { labelSelector: 'a=(' })],
      ];
      it.each(notFound)('%s is %s', async (_, code, ask) => {
        expect((await failure(ask())).code).toBe(code);
      });

      it('an apply into a namespace that is going away is NamespaceTerminating', async () => {
        const going = `${namespace}-going`;
        await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: going } });
        const holder = configMap('holder', {}, { namespace: going, finalizers: ['example.com/hold'] });
        await client.create(CONFIG_MAPS, holder);
        await client.delete(NAMESPACES, { name: going });
        try {
          let attempts = 0;
          const error = await eventually('the namespace takes nothing new', async () => {
            const late = configMap(`late-${++attempts}`, {}, { namespace: going });
            return client.apply(CONFIG_MAPS, late, MANAGER).then(
              () => undefined,
              (reason: KubeError) => reason,
            );
          });
          expect(error).toMatchObject({ code: 'NamespaceTerminating', status: 403 });
        } finally {
          await client.patch(CONFIG_MAPS, { namespace: going, name: 'holder' }, { metadata: { finalizers: null } });
        }
      });
    });
  });
}
