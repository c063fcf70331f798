/** The commands as processes against a real API server, its controllers and scheduler. */
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import type { TreeNode } from '../../../cli/cluster/node.ts';
import { versionName } from '../../../operator/render/names.ts';
import { ROOT } from '../../cli/support.ts';
import { mustCall } from '../../control-plane/access.ts';
import { namespace as freshNamespace, useCluster } from '../harness/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import { addModelDeployment, addObjects, modelship, pathOf, setStatus, userWith } from './world.ts';

const V1 = versionName('digits', 'v1');
const V2 = versionName('digits', 'v2');
/** Other tests share the cluster: a name that none of them has. */
const FACES = 'cli-faces';
const SINCE = '2026-11-21T05:00:00Z';

const DIGITS = {
  apiVersion: 'modelship.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name: 'digits' },
  spec: {
    versions: [
      { name: 'v1', model: { uri: 's3://models/digits/1/model.onnx' }, traffic: 90 },
      // No node has as many.
      {
        name: 'v2',
        model: { uri: 's3://models/digits/2/model.onnx' },
        traffic: 10,
        serving: { replicas: 1, gpu: { count: 16 } },
      },
    ],
    serving: { replicas: 2 },
  },
};

const WHY = 'v2: no pod can be scheduled';

const condition = (type: string, status: string, message: string) => ({
  type,
  status,
  reason: 'Because',
  message,
  observedGeneration: 1,
  lastTransitionTime: SINCE,
});

const STATUS = {
  observedGeneration: 1,
  conditions: [condition('Accepted', 'True', ''), condition('Available', 'True', ''), condition('Ready', 'False', WHY)],
  traffic: 'v1:100',
  versions: [
    { name: 'v1', phase: 'Ready', replicas: 2, readyReplicas: 2, traffic: 90, trafficInForce: 100 },
    { name: 'v2', phase: 'Pending', replicas: 1, readyReplicas: 0, traffic: 10, trafficInForce: 0 },
  ],
  url: 'http://digits.models.svc:8080',
  blockedBy: 'a node with 16 free GPUs',
};

let models = '';
let vision = '';
let empty = '';
let folder = '';

async function addRevision(md: ModelDeployment, revision: number, spec: object): Promise<void> {
  const { name, uid } = md.metadata;
  const owner = { apiVersion: md.apiVersion, kind: md.kind, name, uid, controller: true };
  const metadata = {
    name: `${name}-r${revision}`,
    annotations: { 'modelship.dev/accepted-at': SINCE },
    labels: { 'modelship.dev/model': name },
    ownerReferences: [owner],
  };
  const at = pathOf('apps/v1', models, 'controllerrevisions');
  await mustCall(useCluster(), 'POST', at, { metadata, revision, data: { spec, leaving: [] } });
}

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'modelship-cli-cluster-'));
  [models, vision, empty] = await Promise.all([freshNamespace(), freshNamespace(), freshNamespace()]);
  const digits = await addModelDeployment(models, DIGITS);
  await addModelDeployment(vision, { ...DIGITS, metadata: { name: FACES } });
  const { versions } = DIGITS.spec;
  await addRevision(digits, 1, { ...DIGITS.spec, versions: [{ ...versions[0], traffic: 100 }] });
  await addRevision(digits, 2, DIGITS.spec);
  await setStatus(models, 'digits', STATUS);
  await addObjects(models, digits);
  await eventually('two pods of v1 run, and one of v2 was looked at', async () => {
    const pods = pathOf('v1', models, 'pods');
    const { items } = (await mustCall(useCluster(), 'GET', pods)) as {
      items: { status: { conditions?: { type: string; status: string }[] } }[];
    };
    const holding = (type: string, status: string) =>
      items.filter((pod) => pod.status.conditions?.some((each) => each.type === type && each.status === status)).length;
    return holding('Ready', 'True') === 2 && holding('PodScheduled', 'False') === 1;
  });
  // Each by a controller of its own, and events last.
  await eventually('all controllers have seen it', async () => {
    const { out } = await modelship(['describe', 'digits', '-n', models]);
    expect(out).toContain(`Deployment ${V1}  2 of 2 replicas ready`);
    expect(out).toContain(`Deployment ${V2}  0 of 1 replica ready`);
    expect(out).toContain(`Service ${V1}  headless, 2 ready endpoints`);
    expect(out).toContain('Service digits  public, leads to v1, 2 ready endpoints');
    expect(out).toContain(`PodDisruptionBudget ${V1}  at most 1 down, 1 may be evicted now`);
    expect(out).toMatch(/Warning +FailedScheduling +Pod\/digits-v2-/);
    const events = (await modelship(['events', 'digits', '-n', models])).out;
    for (const reason of ['ScalingReplicaSet', 'SuccessfulCreate', 'FailedScheduling'])
      expect(events).toContain(reason);
    return true;
  });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('get', () => {
  it('lists those of a namespace', async () => {
    const { code, out, err } = await modelship(['get', '--namespace', models]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      /^NAME +READY +TRAFFIC +VERSIONS +ROLLOUT +AGE +MESSAGE\ndigits +False +v1:100 +v1 2\/2, v2 0\/1 +– +\d+[smhd] +v2: no pod can be scheduled\n$/,
    );
  });

  it('lists those of all namespaces, or one name in all', async () => {
    const all = await modelship(['get', '-A']);
    expect(all.out).toMatch(new RegExp(`^${models} +digits `, 'm'));
    expect(all.out).toMatch(new RegExp(`^${vision} +${FACES} +– .*no status yet`, 'm'));
    const { out } = await modelship(['get', FACES, '-A']);
    expect(out.split('\n')).toHaveLength(3);
  });

  it('prints what is stored', async () => {
    const one = JSON.parse((await modelship(['get', 'digits', '-n', models, '-o', 'json'])).out);
    expect(one).toMatchObject({ kind: 'ModelDeployment', spec: DIGITS.spec, status: STATUS });
    expect(one.metadata).not.toHaveProperty('managedFields');
    const list = JSON.parse((await modelship(['get', '-n', models, '-o', 'json'])).out);
    expect(list).toEqual({ apiVersion: 'v1', kind: 'List', items: [one] });
  });

  it('says that there are none', async () => {
    expect(await modelship(['get', '-n', empty])).toEqual({
      code: 0,
      out: '',
      err: `no ModelDeployment in the namespace ${empty}\n`,
    });
  });
});

describe('describe', () => {
  it('shows all that stands behind one, and why it is not ready', async () => {
    const { code, out } = await modelship(['describe', 'digits', '-n', models]);
    expect(code).toBe(0);
    expect(out).toMatch(/^Ready +no: v2: no pod can be scheduled$/m);
    expect(out).toMatch(/^Blocked by +a node with 16 free GPUs$/m);
    const tree = out
      .slice(out.indexOf('✗ ModelDeployment'), out.indexOf('\n\nLAST'))
      .replaceAll(/, \d+[sm]$/gm, ', AGE');
    const shown = tree
      .replaceAll(/(Pod \S+)-[a-z0-9]+-[a-z0-9]{5} /g, '$1 ')
      .replaceAll(/plain-\d/g, 'NODE')
      .split('\n');
    expect(shown).toEqual([
      '✗ ModelDeployment digits  not ready',
      '├─ ✓ Version v1  Ready, 90% (100% in force)',
      `│  ├─ ✓ Deployment ${V1}  2 of 2 replicas ready`,
      `│  │  ├─ ✓ Pod ${V1}  Running, ready, on NODE, AGE`,
      `│  │  └─ ✓ Pod ${V1}  Running, ready, on NODE, AGE`,
      `│  ├─ ✓ Service ${V1}  headless, 2 ready endpoints`,
      `│  └─ ✓ PodDisruptionBudget ${V1}  at most 1 down, 1 may be evicted now`,
      '├─ … Version v2  Pending, 10% (0% in force)',
      `│  ├─ ✗ Deployment ${V2}  0 of 1 replica ready`,
      `│  │  └─ ✗ Pod ${V2}  Pending, not ready, on no node, AGE`,
      expect.stringMatching(/^│ {2}│ {4} +Unschedulable: 0\/7 nodes are available: /),
      ...shown.filter((line) => /^│ {2}│ {6} +[^U]/.test(line)),
      `│  └─ … Service ${V2}  headless, 0 ready endpoints`,
      '├─ ✓ Service digits  public, leads to v1, 2 ready endpoints',
      '├─ ✓ ConfigMap digits-traffic  traffic table, revision 1: v1 90%, v2 10%',
      '└─ · NetworkPolicy digits  there',
    ]);
    expect(out).toMatch(/Warning +FailedScheduling +Pod\/digits-v2-/);
  });

  it('is a document for programs too', async () => {
    const said = JSON.parse((await modelship(['describe', 'digits', '-n', models, '-o', 'json'])).out);
    expect(Object.keys(said)).toEqual(['modelDeployment', 'tree', 'events']);
    const failing = (node: TreeNode): string[] => [
      ...(node.health === 'failing' ? [node.kind] : []),
      ...node.children.flatMap(failing),
    ];
    expect(failing(said.tree)).toEqual(['ModelDeployment', 'Deployment', 'Pod']);
  });

  it('shows what the reader may see, and names the rest', async () => {
    const rules = [
      { apiGroups: ['modelship.dev'], resources: ['modeldeployments'], verbs: ['get', 'list'] },
      { apiGroups: [''], resources: ['pods', 'services', 'configmaps'], verbs: ['get', 'list'] },
    ];
    const kubeconfig = await userWith(models, 'half', folder, rules);
    const { out } = await eventually('the role counts', async () => {
      const ran = await modelship(['describe', 'digits', '-n', models], kubeconfig);
      return ran.code === 0 && ran;
    });
    expect(out).toContain('Deployments cannot be read and are left out:');
    expect(out).toContain(`Service ${V1}  headless, 2 ready endpoints`);
    expect(out).toMatch(/Pod digits-v2-\S+ {2}Pending/);
  });
});

describe('history', () => {
  it('tells the changes, the newest first', async () => {
    const { code, out } = await modelship(['history', 'digits', '-n', models]);
    expect(code).toBe(0);
    expect(out.split('\n').slice(1, 3)).toEqual([
      expect.stringMatching(/^2 \(now\) +\S+ +v1:90 v2:10 +\+v2, v1 100→90 +v1=…\/1\/model.onnx, v2=…\/2\/model.onnx$/),
      expect.stringMatching(/^1 +\S+ +v1:100 +oldest kept +v1=…\/1\/model.onnx$/),
    ]);
  });

  it('prints a revision that can be applied as it is', async () => {
    const { out } = await modelship(['history', 'digits', '-n', models, '--revision', '1']);
    const manifest = parse(out) as ModelDeployment;
    expect(manifest.spec.versions.map(({ name, traffic }) => [name, traffic])).toEqual([['v1', 100]]);
    const put = pathOf('modelship.dev/v1alpha1', models, 'modeldeployments', 'digits');
    const now = (await mustCall(useCluster(), 'GET', put)) as ModelDeployment;
    const { resourceVersion } = now.metadata as unknown as { resourceVersion: string };
    const back = { ...manifest, metadata: { ...manifest.metadata, resourceVersion } };
    await mustCall(useCluster(), 'PUT', `${put}?dryRun=All&fieldValidation=Strict`, back);
  });

  it('has no revision that was never there', async () => {
    const { code, err } = await modelship(['history', 'digits', '-n', models, '--revision', '7']);
    expect({ code, err }).toEqual({ code: 1, err: 'error: digits has no revision 7: those that are kept are 2, 1\n' });
  });
});

describe('events', () => {
  it('has those of pods and Deployments, in order', async () => {
    const { out } = await modelship(['events', 'digits', '-n', models, '-o', 'json']);
    const { events } = JSON.parse(out) as { events: { at: string; kind: string; reason: string }[] };
    const seen = new Set(events.map(({ kind, reason }) => `${kind} ${reason}`));
    expect([...seen]).toEqual(
      expect.arrayContaining(['Deployment ScalingReplicaSet', 'ReplicaSet SuccessfulCreate', 'Pod FailedScheduling']),
    );
    const times = events.map(({ at }) => Date.parse(at));
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it('can be only the warnings, of all namespaces', async () => {
    const { out } = await modelship(['events', '-A', '--warnings']);
    expect(out).toMatch(/^NAMESPACE +LAST +COUNT +TYPE/);
    expect(out).toMatch(new RegExp(`^${models} .*Warning +FailedScheduling`, 'm'));
    expect(out).not.toMatch(/^\S+ +\S+ +\d+ +Normal/m);
  });

  it('says that there are none', async () => {
    const { code, out, err } = await modelship(['events', '-n', vision]);
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toBe(`no events about ModelDeployments in the namespace ${vision}\n`);
  });
});

describe('what goes wrong', () => {
  it('one that is not there, with the one that was meant', async () => {
    const { code, err } = await modelship(['describe', 'digit', '-n', models]);
    expect(code).toBe(1);
    expect(err).toBe(`error: there is no ModelDeployment digit in the namespace ${models}; did you mean digits?\n`);
    const elsewhere = await modelship(['history', FACES, '-n', models, '-o', 'json']);
    expect(JSON.parse(elsewhere.out).error).toMatchObject({ code: 'NotFound' });
    expect(elsewhere.err).toContain(`add --namespace ${vision}`);
  });

  it('a user who may not', async () => {
    const { code, err } = await modelship(['get', '-n', models], await userWith(models, 'nobody', folder, []));
    expect(code).toBe(1);
    expect(err).toMatch(/^error: the cluster does not let you: .*forbidden.*\. Ask for a Role .*\n$/);
  });

  it('a token that nobody knows', async () => {
    const { kubeconfigPath, token } = useCluster();
    const kubeconfig = path.join(folder, 'stranger.kubeconfig');
    writeFileSync(kubeconfig, readFileSync(kubeconfigPath, 'utf8').replace(token, 'x'.repeat(48)));
    const { code, err } = await modelship(['get'], kubeconfig);
    expect(code).toBe(1);
    expect(err).toMatch(/^error: the cluster at https:\S+ does not know who you are/);
  });

  it('a cluster that is not there, and a kubeconfig or a context that is not', async () => {
    const gone = path.join(folder, 'gone.kubeconfig');
    const { kubeconfigPath, url } = useCluster();
    writeFileSync(gone, readFileSync(kubeconfigPath, 'utf8').replace(url, 'https://127.0.0.1:9'));
    const unreachable = await modelship(['get'], gone);
    expect(unreachable.code).toBe(1);
    expect(unreachable.err).toMatch(/^error: cannot reach the cluster at https:\/\/127\.0\.0\.1:9\/?: .*ECONNREFUSED/);
    const missing = await modelship(['get'], path.join(folder, 'missing'));
    expect({ code: missing.code, out: missing.out }).toEqual({ code: 2, out: '' });
    expect(missing.err).toMatch(/^error: .*missing/);
    const context = await modelship(['get', '--context', 'nowhere']);
    expect(context.code).toBe(2);
    expect(context.err).toMatch(/^error: .*nowhere/);
  });
});

it('is `kubectl modelship` when it is on the PATH', async () => {
  const bin = path.join(folder, 'bin');
  mkdirSync(bin);
  const script = path.join(ROOT, 'cli/kubectl-modelship.mjs');
  symlinkSync(script, path.join(bin, 'kubectl-modelship'));
  const env = { ...process.env, PATH: `${bin}:${path.dirname(process.execPath)}:${process.env.PATH}`, NO_COLOR: '1' };
  const args = ['modelship', 'get', 'digits', '-n', models, '--kubeconfig', useCluster().kubeconfigPath];
  const { stdout } = await promisify(execFile)('kubectl', args, { env });
  expect(stdout).toMatch(/^NAME .*\ndigits /);
});
