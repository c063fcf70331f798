import { describe, expect, it } from 'vitest';
import { clusterError } from '../../../cli/cluster/errors.ts';
import { findModelDeployment, listAll, listModelDeployments } from '../../../cli/cluster/listing.ts';
import { EXIT } from '../../../cli/exit-codes.ts';
import type { KubeClient } from '../../../operator/kube/client.ts';
import { KUBE_ERROR_CODES, KubeError } from '../../../operator/kube/error.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { PODS } from '../../../operator/reconcile/resources.ts';
import { md, NAMESPACE, reader, stored } from './support.ts';

const names = (objects: readonly StoredObject[]) => objects.map(({ metadata }) => metadata.name);
const numbered = (count: number) => Array.from({ length: count }, (_, at) => stored('Pod', `p${at}`));
const whole = { pick: (object: StoredObject) => object };

describe('a list', () => {
  it('is read page by page, and its items say what they are', async () => {
    const all = await listAll(reader(numbered(5)), PODS, {}, whole);
    expect(names(all)).toEqual(['p0', 'p1', 'p2', 'p3', 'p4']);
    expect(all[0]).toMatchObject({ apiVersion: 'v1', kind: 'Pod' });
  });

  it('asks for 500 at a time', async () => {
    const limits: unknown[] = [];
    const client = reader(numbered(3));
    const watched: KubeClient = {
      ...client,
      list: (resource, options) => {
        limits.push(options.limit);
        return client.list(resource, options);
      },
    };
    await listAll(watched, PODS, {}, whole);
    expect(limits).toEqual([500, 500]);
  });

  it('keeps no more than it is told to, the first ones in order', async () => {
    const order = (a: StoredObject, b: StoredObject) => (a.metadata.name < b.metadata.name ? 1 : -1);
    const kept = await listAll(reader(numbered(9)), PODS, {}, { ...whole, most: 3, order });
    expect(names(kept)).toEqual(['p8', 'p7', 'p6']);
  });

  it.each([
    ['starts again once when its token is too old', 1, 5],
    ['gives up when that happens again', 2, undefined],
  ])('%s', async (_, times, found) => {
    const client = reader(numbered(5));
    let left = times;
    const forgetful: KubeClient = {
      ...client,
      list: async (resource, options) => {
        if (options.continue && left-- > 0) throw new KubeError('Expired', 'too old', { status: 410 });
        return client.list(resource, options);
      },
    };
    const listing = listAll(forgetful, PODS, {}, whole);
    if (found === undefined) await expect(listing).rejects.toMatchObject({ code: 'Expired' });
    else expect(await listing).toHaveLength(found);
  });
});

describe('a ModelDeployment that is not there', () => {
  const elsewhere = md({ name: 'faces', metadata: { namespace: 'vision' } });
  const known = [md(), md({ name: 'penguins' }), elsewhere];

  it.each<[string, string, readonly StoredObject[], string]>([
    ['one is called nearly so', 'digit', known, 'the namespace models; did you mean digits?'],
    ['none is called nearly so', 'whales', known, 'the namespace models; there are digits, penguins'],
    ['it is elsewhere', 'faces', known, 'models; there is one in the namespace vision: add --namespace vision'],
    ['there are none', 'digits', [elsewhere], 'the namespace models, and no other; `modelship get -A` shows all'],
  ])('%s', async (_, name, objects, said) => {
    const finding = findModelDeployment(reader(objects), NAMESPACE, name);
    await expect(finding).rejects.toMatchObject({ code: 'NotFound', exitCode: EXIT.failed });
    await expect(finding).rejects.toThrow(`there is no ModelDeployment ${name} in `);
    await expect(finding).rejects.toThrow(said);
  });

  it('says no more to who may not list', async () => {
    const client: KubeClient = {
      ...reader(known),
      list: () => Promise.reject(new KubeError('Forbidden', 'no')),
    };
    await expect(findModelDeployment(client, NAMESPACE, 'digit')).rejects.toThrow(/in the namespace models$/);
  });

  it('because the cluster does not know the kind', async () => {
    const without: KubeClient = { ...reader([]), kinds: async () => new Set() };
    const unserved = reader([], { modeldeployments: new KubeError('NotFound', 'no such resource') });
    for (const asking of [
      findModelDeployment(without, NAMESPACE, 'digits'),
      listModelDeployments(unserved, undefined),
    ]) {
      await expect(asking).rejects.toMatchObject({ code: 'CrdMissing', exitCode: EXIT.failed });
      await expect(asking).rejects.toThrow(/kubectl apply -f crds\//);
    }
  });
});

it('leaves the API server its bookkeeping', async () => {
  const kept = md({ metadata: { managedFields: [{ manager: 'kubectl' }] } });
  expect((await findModelDeployment(reader([kept]), NAMESPACE, 'digits')).metadata).not.toHaveProperty('managedFields');
});

it.each(KUBE_ERROR_CODES)('%s becomes one line and an exit code', (code) => {
  const error = clusterError(new KubeError(code, 'list pods: it said so'), 'https://cluster.example:6443');
  expect(error).toMatchObject({ code, exitCode: EXIT.failed });
  expect(error.message).toContain('list pods: it said so');
  expect(error.message).not.toContain('\n');
});
