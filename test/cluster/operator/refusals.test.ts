/** What is refused, by the API server or before: the words of who refuses, and what is made all the same. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import { Api } from '../../faults/api.ts';
import { eventually, useCluster } from '../harness/cluster.ts';
import { fastClock } from '../harness/fast-clock.ts';
import { digits } from '../harness/manifests.ts';
import { failureOf, one, untilStuck } from '../harness/one-version.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { quota } from '../harness/quota.ts';

describe('what the API server refuses', () => {
  let world: World;
  let api: Api;
  const policy = '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies';
  const binding = `${policy.slice(0, -'policies'.length)}policybindings`;
  beforeAll(async () => {
    world = await World.open({ labels: { 'modelship.test/policy': 'yes' }, clock: fastClock(20) });
    api = new Api(useCluster());
  });
  afterAll(async () => {
    api.close();
    await world[Symbol.asyncDispose]();
  });

  const core = (path: string) => `/api/v1/namespaces/${world.namespace}/${path}`;

  it('pods over the quota: the words of the quota, until it is raised', async () => {
    await quota(useCluster(), world.namespace, 'few', { pods: '1' });
    await world.apply(one('greedy', { replicas: 2 }));
    const status = await untilStuck(world, 'greedy');
    expect(failureOf(status)).toMatchObject({
      code: 'QuotaExceeded',
      message: expect.stringMatching(
        /^Deployment greedy-v1-\w+: .*exceeded quota: few, requested: pods=1, used: pods=1, limited: pods=1$/,
      ),
    });
    expect(status.blockedBy).toBe('v1: raise the ResourceQuota of the namespace, or ask for less');
    await api.must(
      'PATCH',
      core('resourcequotas/few'),
      { spec: { hard: { pods: '100' } } },
      'application/merge-patch+json',
    );
    // The longer it was refused, the longer its ReplicaSet waits.
    const ready = (said: Status): boolean => conditionOf(said, 'Ready')?.status === 'True';
    await world.until('greedy is ready', ready, { name: 'greedy', timeoutMs: 120_000 });
    await api.must('DELETE', core('resourcequotas/few'));
  }, 200_000);

  it('Services over the quota: all else is made', async () => {
    await quota(useCluster(), world.namespace, 'services', { 'count/services': '1' });
    await world.apply(one('shut'));
    const status = await world.until('it is refused', (s) => conditionOf(s, 'Ready')?.reason === 'Forbidden', {
      name: 'shut',
    });
    expect(conditionOf(status, 'Ready')?.message).toMatch(/Service .*exceeded quota: services/);
    expect(status.blockedBy).toMatch(/change the policy or quota that the message names/);
    expect((await world.objects()).filter((o) => o.includes('shut'))).toEqual([
      'ConfigMap shut-traffic',
      expect.stringMatching(/^Deployment shut-v1-/),
    ]);
    await api.must('DELETE', core('resourcequotas/services'));
    await world.untilReady('shut');
  });

  it('a Deployment that a policy denies: all else is made, it is tried again, and mended when the policy goes', async () => {
    const name = `no-v2-${world.namespace}`;
    await api.must('POST', policy, {
      metadata: { name },
      spec: {
        failurePolicy: 'Fail',
        matchConstraints: {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': world.namespace } },
          resourceRules: [
            { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] },
          ],
        },
        validations: [
          { expression: "object.metadata.name.indexOf('-v2-') < 0", message: 'no second versions in this town' },
        ],
      },
    });
    await api.must('POST', binding, { metadata: { name }, spec: { policyName: name, validationActions: ['Deny'] } });
    const deployments = `/apis/apps/v1/namespaces/${world.namespace}/deployments?dryRun=All`;
    const labels = { app: 'x' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'x', image: 'x' }] } };
    await eventually('the policy is in force', async () => {
      const spec = { selector: { matchLabels: labels }, template };
      return (await api.request('POST', deployments, { metadata: { name: 'a-v2-b' }, spec })).status === 422;
    });

    await world.apply(digits());
    const status = await untilStuck(world, 'digits');
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'Invalid' });
    expect(conditionOf(status, 'Ready')?.message).toMatch(
      /^apply Deployment \S*digits-v2-\w+: .*no second versions in this town/,
    );
    expect(status.blockedBy).toContain('digits-v2');
    const made = (await world.objects()).filter((o) => o.includes('digits'));
    expect(made.map((o) => o.replace(/-\w{8}$/, '').trim())).toEqual([
      'ConfigMap digits-traffic',
      'Deployment digits-v1',
      'Service digits',
      'Service digits-v1',
      'Service digits-v2',
    ]);
    await world.until('v1 serves', (s) => conditionOf(s, 'Available')?.status === 'True');
    const tries = () =>
      world.requests.filter(({ resource, status: code }) => resource === 'deployments' && code === 422).length;
    const before = tries();
    await eventually('it is tried again', async () => tries() > before);
    await api.must('DELETE', `${binding}/${name}`);
    await api.must('DELETE', `${policy}/${name}`);
    const well = await world.untilReady();
    expect(well.traffic).toBe('v1:90 v2:10');
  });

  const wrong: Record<string, [object[], RegExp]> = {
    'two volumes of one name': [
      [
        { name: 'x', emptyDir: {} },
        { name: 'x', emptyDir: {} },
      ],
      /^apply Deployment \S+\/crooked-v1-\w+: 500: .*spec\.template\.spec\.volumes: duplicate entries for key/,
    ],
    'a volume without a name': [
      [{ emptyDir: {} }],
      /^apply Deployment \S+\/crooked-v1-\w+: 422 Invalid: .*spec\.template\.spec\.volumes\[2\]\.name: Required value/,
    ],
  };
  it.each(Object.entries(wrong))(
    'a pass-through that is wrong, by object and field: %s',
    async (_, [volumes, says]) => {
      await world.apply(one('crooked', { pod: { volumes: volumes as Record<string, unknown>[] } }));
      const status = await untilStuck(world, 'crooked');
      expect(conditionOf(status, 'Stalled')).toMatchObject({ reason: 'Invalid', message: expect.stringMatching(says) });
      expect(status.blockedBy).toMatch(/^Deployment \S+: correct the field of the ModelDeployment/);
    },
  );

  it('a pass-through that was mended is taken', async () => {
    await world.apply(one('crooked', { pod: { volumes: [{ name: 'x', emptyDir: {} }] } }));
    await world.untilReady('crooked');
  });
});

describe('a spec that is not taken', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('a model of a laptop: why, and nothing is made', async () => {
    await world.apply(one('local', {}, { uri: './model.onnx' }));
    const status = await world.until('it is refused', (s) => conditionOf(s, 'Accepted')?.status === 'False', {
      name: 'local',
    });
    expect(conditionOf(status, 'Accepted')).toMatchObject({ reason: 'LocalModel' });
    expect(conditionOf(status, 'Ready')).toMatchObject({ status: 'False', reason: 'LocalModel' });
    expect(status.blockedBy).toMatch(/put the model where the cluster can reach it/);
    expect(await world.objects()).toEqual([]);
  });

  it('after one that was taken: what was taken goes on', async () => {
    await world.apply(one('once'));
    await world.untilReady('once');
    await world.apply(one('once', {}, { uri: 'https://models.example.com/other.onnx' })).catch(() => undefined);
    const { spec } = one('once');
    await world.apply(
      digits({
        name: 'once',
        spec: {
          ...spec,
          versions: [
            ...spec.versions.map((v) => ({ ...v, traffic: 100 })),
            { name: 'v2', traffic: 0, model: { uri: 'file:///x.onnx' } },
          ],
        },
      }),
    );
    const status = await world.until('it is refused', (s) => conditionOf(s, 'Accepted')?.status === 'False', {
      name: 'once',
    });
    expect(conditionOf(status, 'Available')).toMatchObject({ status: 'True' });
    expect(conditionOf(status, 'Stalled')).toMatchObject({ status: 'True', reason: 'LocalModel' });
    await world.apply(one('once'));
    await world.untilReady('once');
  });
});
