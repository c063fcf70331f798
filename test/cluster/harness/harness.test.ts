/** What other tests lean on. */
import { describe, expect, it } from 'vitest';
import { mustCall } from '../../control-plane/access.ts';
import { eventually, kubectl, namespace, useCluster } from './cluster.ts';
import { digits } from './manifests.ts';
import { NODES } from './nodes.ts';
import { servedKinds } from './objects.ts';
import { modelsClaim } from './volume.ts';

const access = useCluster();

describe('the shared control plane', () => {
  it('has the nodes that are asked for, with what they can give', async () => {
    const { items } = (await mustCall(access, 'GET', '/api/v1/nodes')) as {
      items: { metadata: { name: string }; status: { allocatable: Record<string, string> } }[];
    };
    const found = items.map(({ metadata, status }) => ({ name: metadata.name, given: status.allocatable }));
    expect(found).toHaveLength(NODES.length);
    for (const { name, capacity } of NODES) {
      expect(found).toContainEqual({ name, given: expect.objectContaining({ cpu: '32', ...capacity }) });
    }
  });

  it('serves what the operator may use, and not the Prometheus operator', async () => {
    const kinds = async (api: string) => (await servedKinds(access, api)).map(({ kind }) => kind);
    expect(await kinds('modelship.dev/v1alpha1')).toEqual(['ModelDeployment']);
    expect(await kinds('resource.k8s.io/v1')).toContain('ResourceClaimTemplate');
    expect(await kinds('monitoring.coreos.com/v1')).toEqual([]);
  });

  it('runs pods that mount a claim of models', async () => {
    const place = await namespace();
    await modelsClaim(place);
    await mustCall(access, 'POST', `/api/v1/namespaces/${place}/pods`, {
      metadata: { name: 'reader' },
      spec: {
        containers: [{ name: 'reader', image: 'reader' }],
        volumes: [{ name: 'models', persistentVolumeClaim: { claimName: 'models', readOnly: true } }],
      },
    });
    await eventually('the pod is Ready, with an address', async () => {
      const { status } = (await mustCall(access, 'GET', `/api/v1/namespaces/${place}/pods/reader`)) as {
        status: { podIP?: string; conditions?: { type: string; status: string }[] };
      };
      return status.podIP && status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True');
    });
  });

  it('collects what belongs to a ModelDeployment that is gone', async () => {
    const place = await namespace();
    const objects = `/apis/modelship.dev/v1alpha1/namespaces/${place}/modeldeployments`;
    const { apiVersion, kind, metadata } = (await mustCall(access, 'POST', objects, digits())) as {
      apiVersion: string;
      kind: string;
      metadata: { name: string; uid: string };
    };
    const owner = { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
    const maps = `/api/v1/namespaces/${place}/configmaps`;
    await mustCall(access, 'POST', maps, { metadata: { name: 'owned', ownerReferences: [owner] } });
    await mustCall(access, 'DELETE', `${objects}/${metadata.name}`);
    await eventually('the owned ConfigMap is gone', async () => {
      const { items } = (await mustCall(access, 'GET', maps)) as { items: { metadata: { name: string } }[] };
      return !items.some((item) => item.metadata.name === 'owned');
    });
  });
});

describe('kubectl', () => {
  it('reads and writes in the namespace it is told', async () => {
    const place = await namespace();
    const manifest = JSON.stringify(digits({ name: 'mine', spec: { retireAfter: '5s' } }));
    const applied = await kubectl(['apply', '-f', '-'], { input: manifest, namespace: place });
    expect(applied).toMatchObject({ code: 0, err: '' });
    const { out } = await kubectl(['get', 'mdep', 'mine', '-o', 'jsonpath={.spec.retireAfter}'], { namespace: place });
    expect(out).toBe('5s');
  });

  it('says what went wrong', async () => {
    const { code, err } = await kubectl(['get', 'mdep', 'nobody'], { namespace: 'default' });
    expect(code).toBe(1);
    expect(err).toContain('not found');
  });
});

describe('eventually', () => {
  const soon = { timeoutMs: 20, everyMs: 1 };

  it('returns the first answer that is one', async () => {
    const answers = [undefined, false, 0] as const;
    let asked = 0;
    expect(await eventually('a number', async () => answers[asked++], { everyMs: 1 })).toBe(0);
  });

  it('says why the last check failed', async () => {
    const check = async () => expect(1).toBe(2);
    await expect(eventually('1 is 2', check, soon)).rejects.toThrow(/not in 0.02 s: 1 is 2; .*expected 1 to be 2/);
  });
});
