/** `modelship rollout` against a real API server; what the operator would say of a rollout is written by hand. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { API_VERSION } from '../../../api/model-deployment.ts';
import { parseRolloutCommand, ROLLOUT_ANNOTATION } from '../../../api/rollout-command.ts';
import type { RolloutStatus } from '../../../api/status.ts';
import type { ModelDeploymentObject } from '../../../cli/cluster/objects.ts';
import { openPodProxy } from '../../../cli/cluster/pod-proxy.ts';
import { APPROVAL, COMPLETED, HOLDING, ROLLED_BACK, SPEC } from '../../cli/rollout/fixtures.ts';
import { mustCall } from '../../control-plane/access.ts';
import { namespace as freshNamespace, useCluster } from '../harness/cluster.ts';
import { eventually } from '../harness/eventually.ts';
import { apply, mustApply } from '../harness/objects.ts';
import { modelship, pathOf, setStatus } from './world.ts';

const version = (name: string, traffic: number) => ({ name, model: { uri: `s3://models/${name}.onnx` }, traffic });
const BEFORE = { versions: [version('v1', 100)], serving: { replicas: 1 } };
const AFTER = { versions: [version('v1', 0), version('v2', 100)], rollout: SPEC };

let models = '';

const at = (name = '') => pathOf(API_VERSION, models, 'modeldeployments', name);
const stored = async (name: string) => (await mustCall(useCluster(), 'GET', at(name))) as ModelDeploymentObject;

/** Server-side apply under a manager's name. */
async function applied(
  name: string,
  manager: string,
  spec: object,
  metadata: object = {},
): Promise<ModelDeploymentObject> {
  const body = { apiVersion: API_VERSION, kind: 'ModelDeployment', metadata: { name, ...metadata }, spec };
  return mustApply(useCluster(), body, { manager, namespace: models });
}

const status = (rollout: RolloutStatus | undefined, observedGeneration: number) => ({
  observedGeneration,
  versions: [
    { name: 'v1', phase: 'Ready', replicas: 2, readyReplicas: 2, traffic: 75, trafficInForce: 75 },
    { name: 'v2', phase: 'Ready', replicas: 1, readyReplicas: 1, traffic: 25, trafficInForce: 5 },
  ],
  ...(rollout && { rollout }),
});

async function say(name: string, rollout: RolloutStatus | undefined): Promise<void> {
  const { metadata } = await stored(name);
  await setStatus(models, name, status(rollout, metadata.generation ?? 1));
}

async function addRevision(md: ModelDeploymentObject, revision: number, spec: object): Promise<void> {
  const { name, uid } = md.metadata;
  const owner = { apiVersion: md.apiVersion, kind: 'ModelDeployment', name, uid, controller: true };
  const labels = { 'modelship.dev/model': name };
  const metadata = { name: `${name}-r${revision}`, labels, ownerReferences: [owner] };
  const data = { spec, leaving: [] };
  await mustCall(useCluster(), 'POST', pathOf('apps/v1', models, 'controllerrevisions'), { metadata, revision, data });
}

/** Two revisions, the second one in the cluster. */
async function deployed(name: string, manager: string, metadata: object = {}): Promise<ModelDeploymentObject> {
  await applied(name, manager, BEFORE, metadata);
  const md = await applied(name, manager, AFTER, metadata);
  await addRevision(md, 1, BEFORE);
  await addRevision(md, 2, AFTER);
  return md;
}

const rollout = (...args: string[]) => modelship(['rollout', ...args, '--namespace', models]);

beforeAll(async () => {
  models = await freshNamespace();
});

describe('status and watch', () => {
  beforeAll(async () => {
    await applied('looked-at', 'kubectl', AFTER);
  });

  it('show the picture, in describe and get too', async () => {
    await say('looked-at', HOLDING);
    const { code, out } = await rollout('status', 'looked-at');
    expect(code).toBe(0);
    expect(out).toContain('▶  2       25%  75%   25%    5m');
    expect(out).toMatch(/^v2 +Ready +1\/1 +25% +5%$/m);
    const described = await modelship(['describe', 'looked-at', '-n', models]);
    expect(described.out).toMatch(/^Rollout +Progressing \(Holding\), step 2 of 3/m);
    expect(described.out).toMatch(/^. ModelDeployment looked-at {2}no status yet, rollout Progressing, step 2 of 3$/m);
    expect((await modelship(['get', 'looked-at', '-n', models])).out).toMatch(/ Progressing 2\/3 /);
  });

  it('wait for the operator to look at the newest spec', async () => {
    const { metadata } = await stored('looked-at');
    await setStatus(models, 'looked-at', status(COMPLETED, (metadata.generation ?? 1) - 1));
    const ended = rollout('watch', 'looked-at');
    await eventually('it has looked', async () =>
      Promise.race([ended, new Promise((go) => setTimeout(go, 1_500, 'waits'))]),
    );
    await say('looked-at', ROLLED_BACK);
    const { code, out } = await ended;
    expect(out).toMatch(/RolledBack \(CheckFailed\)/);
    expect(code).toBe(5);
  });
});

describe('a command', () => {
  it('is the annotation and nothing else, and ends when it is honoured', async () => {
    const before = await applied('told', 'kubectl', AFTER);
    await say('told', APPROVAL);
    const ended = rollout('approve', 'told', '--output', 'json');
    const text = await eventually('the annotation is there', async () => {
      const md = await stored('told');
      return md.metadata.annotations?.[ROLLOUT_ANNOTATION];
    });
    expect(parseRolloutCommand(text)).toMatchObject({ command: 'approve', id: APPROVAL.id, step: 2 });
    await say('told', { ...APPROVAL, phase: 'Progressing', honoured: text });
    const { code, out } = await ended;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ name: 'told', rollout: { phase: 'Progressing', honoured: text } });
    const after = await stored('told');
    expect(after.metadata.generation).toBe(before.metadata.generation);
    expect(after.spec).toEqual(before.spec);
    const fields = after.metadata.managedFields as { manager: string; fieldsV1: object }[];
    const own = fields.find(({ manager }) => manager === 'modelship-cli');
    expect(own?.fieldsV1).toEqual({
      'f:metadata': { 'f:annotations': { '.': {}, [`f:${ROLLOUT_ANNOTATION}`]: {} } },
    });
    // What a GitOps tool applies again leaves it there.
    const again = await applied('told', 'kubectl', AFTER);
    expect(again.metadata.annotations?.[ROLLOUT_ANNOTATION]).toBe(text);
    expect(again.metadata.generation).toBe(before.metadata.generation);
  });

  it('that makes no sense, or that nobody honours, is an error', async () => {
    await applied('mute', 'kubectl', AFTER);
    await say('mute', HOLDING);
    const senseless = await rollout('resume', 'mute');
    expect({ code: senseless.code, err: senseless.err }).toEqual({
      code: 1,
      err: 'error: the rollout of mute is not paused: Progressing (Holding), step 2 of 3\n',
    });
    expect((await stored('mute')).metadata.annotations).toBeUndefined();
    const { code, err } = await rollout('abort', 'mute', '--timeout', '1s');
    expect(code).toBe(1);
    expect(err).toContain('was not honoured within 1s: does the operator run?');
  });
});

describe('undo', () => {
  it('writes the spec before in the name of who applied it, who then meets no conflict', async () => {
    const labels = { team: 'vision' };
    await deployed('mine', 'kubectl', { labels, annotations: { note: 'x' } });
    const { code, out } = await rollout('undo', 'mine');
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(/^mine has the spec of revision 1 .* as kubectl\n$/),
    });
    const { spec, metadata } = await stored('mine');
    expect(spec).toEqual(BEFORE);
    expect(metadata).toMatchObject({ labels, annotations: { note: 'x' } });
    const body = { apiVersion: API_VERSION, kind: 'ModelDeployment', metadata: { name: 'mine', labels }, spec: AFTER };
    const next = await apply(useCluster(), body, { manager: 'kubectl', namespace: models });
    expect(next.status).toBe(200);
  });

  it('of what was written without apply is a patch in the same name', async () => {
    const manifest = { apiVersion: API_VERSION, kind: 'ModelDeployment', metadata: { name: 'created' }, spec: AFTER };
    const md = (await mustCall(useCluster(), 'POST', `${at()}?fieldManager=ci`, manifest)) as ModelDeploymentObject;
    await addRevision(md, 1, BEFORE);
    await addRevision(md, 2, AFTER);
    const { out } = await rollout('undo', 'created', '-o', 'json');
    expect(JSON.parse(out)).toEqual({ name: 'created', undone: { revision: 1, manager: 'ci' } });
    expect((await stored('created')).spec).toEqual(BEFORE);
  });

  it('prints the manifest to commit where a GitOps tool manages it', async () => {
    const tracking = { 'argocd.argoproj.io/tracking-id': 'apps:modelship.dev/ModelDeployment:x/git' };
    const before = await deployed('git', 'argocd-controller', { annotations: { ...tracking, note: 'x' } });
    const { code, out, err } = await rollout('undo', 'git');
    expect(code).toBe(0);
    expect(err).toBe('Argo CD manages git and would take a change back: commit this manifest instead\n');
    expect(parse(out)).toEqual({
      apiVersion: API_VERSION,
      kind: 'ModelDeployment',
      metadata: { name: 'git', namespace: models, annotations: { note: 'x' } },
      spec: BEFORE,
    });
    expect((await stored('git')).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
  });

  it('only prints when told so, and knows its revisions', async () => {
    await deployed('kept', 'kubectl');
    const printed = await rollout('undo', 'kept', '--print', '--to-revision', '1');
    expect(parse(printed.out).spec).toEqual(BEFORE);
    expect((await stored('kept')).spec).toEqual(AFTER);
    expect((await rollout('undo', 'kept', '--to-revision', '7')).err).toContain('those that are kept are 2, 1');
    expect((await rollout('undo', 'kept', '--to-revision', '2')).err).toContain('has the spec of revision 2 already');
    expect((await rollout('history', 'kept')).out).toMatch(/^2 \(now\) .*\n1 /m);
  });
});

it('reads the admin port of a pod through the API server', async () => {
  // The API server takes no loopback address for a pod's.
  const [host] = Object.values(networkInterfaces()).flatMap(
    (all) => all?.filter((each) => !each.internal && each.family === 'IPv4') ?? [],
  );
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ asked: request.url }));
  }).listen(0, host?.address);
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const pods = pathOf('v1', models, 'pods');
  const spec = { schedulerName: 'nobody', containers: [{ name: 'runtime', image: 'runtime:1' }] };
  const pod = (await mustCall(useCluster(), 'POST', pods, { metadata: { name: 'digits-x' }, spec })) as object;
  const podStatus = { phase: 'Running', podIP: host?.address, podIPs: [{ ip: host?.address }] };
  await mustCall(useCluster(), 'PUT', `${pods}/digits-x/status`, { ...pod, status: podStatus });
  const { port } = server.address() as { port: number };
  const proxy = await openPodProxy({ kubeconfig: useCluster().kubeconfigPath }, port);
  onTestFinished(() => proxy.close());
  expect(await proxy.read(models, 'digits-x', '/modelship/diffs')).toEqual({ asked: '/modelship/diffs' });
  await expect(proxy.read(models, 'not-there', '/modelship/diffs')).rejects.toMatchObject({ code: 'NotFound' });
});
