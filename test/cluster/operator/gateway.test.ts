/**
 * Routes on a control plane of its own, because the CRDs of Gateway API are there for all. No gateway runs: the test
 * writes what one would say. What a gateway does with routes, `test/gateway` shows.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { Rollout } from '../../../api/rollout.ts';
import type { Gateway } from '../../../api/routing.ts';
import type { Status } from '../../../api/status.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { GRPC_ROUTES, HTTP_ROUTES, MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { versionName } from '../../../operator/render/names.ts';
import type { RouteRule } from '../../../operator/render/route-rules.ts';
import type { ApiServer } from '../../control-plane/handle.ts';
import { startControlPlane } from '../../control-plane/start.ts';
import { Api } from '../../faults/api.ts';
import { gatewayCrds } from '../../gateway/build.ts';
import { CASES, renderCase } from '../../operator/render/cases.ts';
import { addNamespace, eventually, useCluster, useOther, useShared } from '../harness/cluster.ts';
import { crdReady } from '../harness/crd.ts';
import { digitsOf, version } from '../harness/models.ts';
import { conditionOf, World } from '../harness/operator.ts';
import { podsOf, say } from '../harness/pod-words.ts';
import { BY_HAND, command, inPhase } from '../harness/rollouts.ts';
import { tryOut } from '../render/surroundings.ts';

const CRD_FILE = join(import.meta.dirname, '../../../crds/modelship.dev_modeldeployments.yaml');
const HOST = 'digits.example.com';

let server: ApiServer;
let world: World;
let api: Api;

beforeAll(async () => {
  const crd = parse(await readFile(CRD_FILE, 'utf8'));
  server = await startControlPlane({ nodes: 2, prepare: (admin) => crdReady(admin, crd) });
  useOther(server);
  api = new Api(useCluster());
  world = await World.open({ timing: { discoverMs: 2_000 } });
}, 180_000);

afterAll(useShared);
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  api?.close();
  await server?.stop();
});

function manifest(shares: Record<string, number>, gateway?: Partial<Gateway>, rollout?: Rollout) {
  const versions = Object.entries(shares).map(([name, traffic]) => version(name, traffic));
  const routing = { gateway: { parentRefs: [{ name: 'public' }], hostnames: [HOST], ...gateway } };
  return digitsOf(versions, { retireAfter: '1s', ...(gateway && { routing }), ...(rollout && { rollout }) });
}

const http = () => world.get(HTTP_ROUTES, 'digits');
const rulesOf = (route: StoredObject | undefined): RouteRule[] =>
  (route?.spec as { rules: RouteRule[] } | undefined)?.rules ?? [];

/** Weights of what nobody named a version for, by version. */
async function weights(of = http): Promise<Record<string, number>> {
  const names = new Map(['v1', 'v2', 'v3', 'v4'].map((name) => [versionName('digits', name), name]));
  const last = rulesOf(await of()).at(-1)?.backendRefs ?? [];
  return Object.fromEntries(last.map(({ name, weight }) => [names.get(name) ?? name, weight]));
}

/** The two routes are written one after the other. */
async function bothGive(version: string, weight: number): Promise<boolean> {
  const both = [await weights(), await weights(() => world.get(GRPC_ROUTES, 'digits'))];
  return both.every((given) => given[version] === weight);
}

interface Words {
  accepted?: 'True' | 'False';
  resolved?: 'True' | 'False';
  reason?: string;
  message?: string;
  since?: string;
}

/** What a gateway says of a route as it is now. */
async function speak(kind: 'httproutes' | 'grpcroutes', words: Words = {}): Promise<void> {
  const { accepted = 'True', resolved = 'True', reason = 'Accepted', message = '', since } = words;
  const path = `/apis/gateway.networking.k8s.io/v1/namespaces/${world.namespace}/${kind}/digits`;
  const { metadata } = (await api.get(path)) as StoredObject;
  const said = (type: string, status: string, why: string) => ({
    type,
    status,
    reason: why,
    message,
    observedGeneration: metadata.generation,
    lastTransitionTime: since ?? new Date().toISOString(),
  });
  const parentRef = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' };
  const conditions = [
    said('Accepted', accepted, accepted === 'True' ? 'Accepted' : reason),
    said('ResolvedRefs', resolved, resolved === 'True' ? 'ResolvedRefs' : reason),
  ];
  const status = { parents: [{ parentRef, controllerName: 'example.com/gateway', conditions }] };
  await api.must('PATCH', `${path}/status`, { status }, 'application/merge-patch+json');
}

async function acceptAll(): Promise<void> {
  for (const kind of ['httproutes', 'grpcroutes'] as const) {
    if (
      (await api.get(`/apis/gateway.networking.k8s.io/v1/namespaces/${world.namespace}/${kind}/digits`)) !== undefined
    )
      await speak(kind);
  }
}

const ready = () => world.untilReady();

/** Accepts whatever comes until all is as asked for: one change of the split may take more than one write of a route. */
function readyByItsWord(): Promise<Status> {
  return eventually('the gateway has accepted all, and digits is ready', async () => {
    await acceptAll();
    const object = await world.get(MODEL_DEPLOYMENTS, 'digits');
    const status = object?.status as Status | undefined;
    if (status?.observedGeneration !== object?.metadata.generation) return undefined;
    return conditionOf(status, 'Ready')?.status === 'True' && status;
  });
}

const reasonIs = (reason: string, more: RegExp = /./) =>
  world.until(`Ready says ${reason}`, (status) => {
    const said = conditionOf(status, 'Ready');
    return said?.reason === reason && more.test(said.message);
  });

describe('a gateway', () => {
  it('where Gateway API is not served is told of, and the pods split', async () => {
    await world.apply(manifest({ v1: 90, v2: 10 }, {}));
    const status = await ready();
    expect(conditionOf(status, 'Accepted')).toMatchObject({
      status: 'True',
      reason: 'AcceptedWithWarnings',
      message: expect.stringContaining('HTTPRoute and GRPCRoute of gateway.networking.k8s.io/v1 are not served'),
    });
    expect(status.traffic).toBe('v1:90 v2:10');
    expect(world.requests.filter(({ resource }) => /routes$|endpointslices/.test(resource))).toEqual([]);
  });

  it('gets its routes when the CRDs come, and Ready waits for its word', async () => {
    for (const crd of await gatewayCrds()) await crdReady(useCluster(), crd as never);
    await reasonIs('RouteWaiting', /Gateway public says nothing of HTTPRoute digits/);
    // Two CRDs come, and the operator may have looked between them.
    const status = await world.until(
      'nothing is warned of any more',
      (said) => conditionOf(said, 'Accepted')?.reason === 'Accepted',
    );
    expect(conditionOf(status, 'Ready')?.reason).toBe('RouteWaiting');
    expect(conditionOf(status, 'Available')?.status).toBe('True');
    expect(await http()).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'ModelDeployment', name: 'digits', controller: true }] },
      spec: { hostnames: [HOST], parentRefs: [{ name: 'public' }] },
    });
    expect(await weights()).toEqual({ v1: 9_000, v2: 1_000 });
    await readyByItsWord();
  });

  it('that is to split otherwise moves the traffic when it has accepted that', async () => {
    await world.apply(manifest({ v1: 50, v2: 50 }, {}));
    await eventually('the route has the weights', async () => (await weights()).v2 === 5_000);
    const status = await reasonIs('RouteWaiting', /has not accepted HTTPRoute digits as it is now/);
    expect(conditionOf(status, 'Reconciling')?.status).toBe('True');
    expect((await readyByItsWord()).traffic).toBe('v1:50 v2:50');
  });

  it('keeps a version that lost its traffic until it has accepted that', async () => {
    await world.apply(manifest({ v2: 100 }, {}));
    await eventually('the route has the weights', async () => (await weights()).v2 === 10_000);
    await reasonIs('RouteWaiting');
    await sleep(2_500);
    expect(await world.deployment('v1')).toBeDefined();
    await readyByItsWord();
    await eventually('v1 is gone', async () => (await world.deployment('v1')) === undefined);
    await readyByItsWord();
    expect(JSON.stringify(await http())).not.toContain(versionName('digits', 'v1'));
  });

  it('that refuses is heard', async () => {
    const reason = 'NotAllowedByListeners';
    await speak('httproutes', {
      accepted: 'False',
      reason,
      message: 'no listener lets it in',
      since: '2026-01-01T00:00:00Z',
    });
    const status = await reasonIs(
      'RouteRefused',
      /Gateway public refuses HTTPRoute digits: NotAllowedByListeners: no listener lets it in/,
    );
    expect(conditionOf(status, 'Stalled')?.status).toBe('True');
    expect(conditionOf(status, 'Available')?.status).toBe('True');
    expect(status.blockedBy).toMatch(/^HTTPRoute digits: mend what the gateway says of it/);
    await speak('httproutes', { resolved: 'False', reason: 'BackendNotFound', since: '2026-01-01T00:00:00Z' });
    await reasonIs('RouteRefused', /BackendNotFound/);
    await readyByItsWord();
  });
});

describe('a route', () => {
  it('is put back when a hand changes or deletes it', async () => {
    const [key, path] = [
      world.key('digits'),
      `/apis/gateway.networking.k8s.io/v1/namespaces/${world.namespace}/httproutes/digits`,
    ];
    const rules = [{ backendRefs: [{ name: 'elsewhere', port: 80 }] }];
    await api.must('PATCH', path, { spec: { rules } }, 'application/merge-patch+json');
    await eventually('it is as it was', async () => (await weights()).v2 === 10_000);
    const before = (await http())?.metadata.uid;
    await world.client.delete(HTTP_ROUTES, key);
    await eventually(
      'it is there again',
      async () => (await http())?.metadata.uid !== before && (await weights()).v2 === 10_000,
    );
    await readyByItsWord();
  });

  it('gives no weight to a version without endpoints, and gives it back', async () => {
    await world.apply(
      manifest(
        { v2: 60, v3: 40 },
        { cohorts: [{ name: 'testers', header: 'x-tester', values: ['yes'], version: 'v3' }] },
      ),
    );
    await eventually('v3 has its weight', async () => (await weights()).v3 === 4_000);
    await readyByItsWord();
    const [pod] = await podsOf(world, 'digits', 'v3');
    const conditions = (status: string) => ({
      conditions: [
        { type: 'Ready', status },
        { type: 'ContainersReady', status },
      ],
    });
    await say(world, pod?.metadata.name as string, conditions('False'));
    await eventually('v3 has none', async () => JSON.stringify(await weights()) === '{"v2":10000}');
    const rules = rulesOf(await http());
    const to = versionName('digits', 'v3');
    expect(rules.flatMap(({ backendRefs }) => backendRefs).filter(({ name }) => name === to)).toEqual([
      expect.objectContaining({ weight: 0 }),
    ]);
    await say(world, pod?.metadata.name as string, conditions('True'));
    await eventually('v3 has its own again', async () => (await weights()).v3 === 4_000);
    await readyByItsWord();
  });

  it('goes when its kind is not asked for, and when no gateway is', async () => {
    expect(await world.get(GRPC_ROUTES, 'digits')).toBeDefined();
    await world.apply(manifest({ v2: 60, v3: 40 }, { routes: ['HTTPRoute'] }));
    await eventually('the GRPCRoute is gone', async () => (await world.get(GRPC_ROUTES, 'digits')) === undefined);
    await world.apply(manifest({ v2: 60, v3: 40 }));
    await eventually('the HTTPRoute is gone', async () => (await http()) === undefined);
    await ready();
  });

  it('is written once, and not at rest', async () => {
    await world.settled();
    world.requests.length = 0;
    await world.apply(manifest({ v2: 60, v3: 40 }, {}));
    await eventually('it is there', async () => (await http()) !== undefined);
    await readyByItsWord();
    await world.settled();
    expect(world.writes.filter((write) => write.endsWith('routes')).toSorted()).toEqual([
      'apply grpcroutes',
      'apply httproutes',
    ]);
    world.requests.length = 0;
    const note = { metadata: { annotations: { 'team.example.com/note': 'look again' } } };
    await world.client.patch(MODEL_DEPLOYMENTS, world.key('digits'), note);
    await world.settled();
    await world.stop();
    await world.start();
    await world.settled();
    expect(world.writes).toEqual([]);
  });
});

describe('a walk', () => {
  const inForceAt = (step: number) => (s: Status) =>
    inPhase('Paused', 'ApprovalRequired')(s) && s.rollout?.step === step && s.rollout.since !== undefined;

  it('has come to a step when the gateway has accepted its weights, and goes back when it is aborted', async () => {
    await world.apply(manifest({ v2: 100 }, {}));
    await readyByItsWord();
    await world.apply(manifest({ v2: 0, v4: 100 }, {}, { ...BY_HAND, signature: 'Any' }));
    await eventually('both routes have the weights', async () => bothGive('v4', 1_000));
    await world.until('traffic is waited for', inPhase('Progressing', 'WaitingForTraffic'));
    await sleep(2_000);
    expect((await world.status())?.rollout).toMatchObject({
      phase: 'Progressing',
      reason: 'WaitingForTraffic',
      step: 0,
    });
    expect((await world.status())?.rollout?.since).toBeUndefined();
    await acceptAll();
    await world.until('the first step is in force', inForceAt(0));
    await command(world, 'approve');
    await eventually('both routes have the next', async () => bothGive('v4', 5_000));
    await acceptAll();
    await world.until('the second step is in force', inForceAt(1));
    await command(world, 'abort');
    await eventually('all goes back', async () => JSON.stringify(await weights()) === '{"v2":10000}');
    await sleep(2_000);
    expect(await world.deployment('v4')).toBeDefined();
    await eventually('v4 is gone', async () => {
      await acceptAll();
      return (await world.deployment('v4')) === undefined;
    });
    expect(await weights()).toEqual({ v2: 10_000 });
  });
});

describe('what is rendered', () => {
  it.each(['gateway', 'installation'])('%s: is taken by the CRDs', async (name) => {
    const routes = renderCase(CASES[name] as (typeof CASES)[string])
      .flatMap(({ objects }) => objects)
      .filter(({ kind }) => kind.endsWith('Route'));
    expect(routes.length).toBeGreaterThan(1);
    for (const route of routes) {
      await addNamespace(route.metadata.namespace as string);
      expect(await tryOut(useCluster(), route, 'default')).toMatchObject({ status: 201 });
    }
  });
});
