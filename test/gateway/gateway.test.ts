/** A real gateway (Traefik) over a real control plane, a real operator and real runtimes: what its users get. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Gateway } from '../../api/routing.ts';
import { HTTP_ROUTES } from '../../operator/reconcile/resources.ts';
import { versionName } from '../../operator/render/names.ts';
import type { RouteRule } from '../../operator/render/route-rules.ts';
import { eventually, useCluster } from '../cluster/harness/cluster.ts';
import { digits } from '../cluster/harness/manifests.ts';
import { conditionOf, World } from '../cluster/harness/operator.ts';
import { Api } from '../faults/api.ts';
import { RealPods } from './real-pods.ts';
import { startTraefik, type Traefik } from './traefik.ts';
import { type Answer, countVersions, grpcUser, httpUser, load, MODEL_PATH } from './users.ts';

const HOST = 'digits.example.com';
const GRPC_HOST = 'digits-grpc.example.com';
const REST_AND_GRPC = { protocols: ['rest', 'grpc', 'tensorflow'] as ('rest' | 'grpc' | 'tensorflow')[] };

let api: Api;
let world: World;
let pods: RealPods;
let traefik: Traefik;

beforeAll(async () => {
  api = new Api(useCluster());
  const reports = { read: (pod: Parameters<RealPods['read']>[0]) => pods.read(pod) };
  world = await World.open({ reports });
  pods = new RealPods(api, world.namespace, (version) => `examples/digits/models/${version.slice(1)}/model.onnx`);
  traefik = await startTraefik(useCluster(), useCluster().kubeconfigPath, world.namespace);
  await split({ v1: 90, v2: 10 });
  await world.until('digits is ready', (status) => conditionOf(status, 'Ready')?.status === 'True', {
    timeoutMs: 60_000,
  });
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await pods?.[Symbol.asyncDispose]();
  await traefik?.[Symbol.asyncDispose]();
  api?.close();
});

/** Applies the digits example with these shares. */
async function split(shares: Record<string, number>, gateway: Partial<Gateway> = {}): Promise<void> {
  const versions = Object.entries(shares).map(([name, traffic]) => ({
    name,
    model: { uri: `pvc://models/digits/models/${name.slice(1)}/model.onnx` },
    traffic,
  }));
  const routing = {
    gateway: {
      parentRefs: [{ name: 'public', sectionName: 'http' }],
      hostnames: [HOST],
      grpc: { parentRefs: [{ name: 'public', sectionName: 'grpc' }], hostnames: [GRPC_HOST] },
      ...gateway,
    },
  };
  await world.apply(digits({ spec: { versions, serving: REST_AND_GRPC, retireAfter: '2s', routing } }));
}

const untilReady = () =>
  world.until('digits is ready', (status) => conditionOf(status, 'Ready')?.status === 'True', { timeoutMs: 60_000 });

const http = () => httpUser(traefik.http, HOST);
const grpc = () => grpcUser(traefik.grpc, GRPC_HOST);
const isWell = ({ status }: Answer) => status === 200 || status === 0;

/** Asks until the answer is this version, `times` in a row: a gateway takes a second to act upon what it has accepted. */
async function untilOnly(versions: readonly string[], times = 40): Promise<void> {
  await eventually(`only ${versions.join(' and ')} answer`, async () => {
    for (const user of [http(), grpc()]) {
      const counts = await countVersions(user, times);
      if (Object.keys(counts).some((name) => !versions.includes(name))) throw new Error(JSON.stringify(counts));
      if (Object.keys(counts).length !== versions.length) throw new Error(JSON.stringify(counts));
    }
    return true;
  });
}

async function weights(): Promise<Record<string, number>> {
  const route = await world.get(HTTP_ROUTES, 'digits');
  const { rules = [] } = (route?.spec ?? {}) as { rules?: RouteRule[] };
  const last = rules.at(-1)?.backendRefs ?? [];
  const names = new Map(['v1', 'v2', 'v3'].map((name) => [versionName('digits', name), name]));
  return Object.fromEntries(last.map(({ name, weight }) => [names.get(name) ?? name, weight]));
}

describe('the split', () => {
  it.each([
    ['HTTP', http],
    ['gRPC', grpc],
  ])('is seen by users of %s: 90 to 10 over 1,000 requests', async (_, user) => {
    await untilOnly(['v1', 'v2'], 100);
    const counts = await countVersions(user(), 1_000);
    process.stderr.write(`gateway: ${JSON.stringify(counts)}\n`);
    expect(Object.keys(counts).toSorted()).toEqual(['v1', 'v2']);
    expect(Math.abs((counts.v2 ?? 0) - 100)).toBeLessThanOrEqual(10);
  });

  it('is in status when the gateway has accepted it', async () => {
    const status = await untilReady();
    expect(status.traffic).toBe('v1:90 v2:10');
    expect(conditionOf(status, 'Accepted')?.reason).toBe('Accepted');
  });
});

describe('a request that names its version', () => {
  it('gets it: by header, by path, in TensorFlow’s protocol, of gRPC by metadata', async () => {
    const user = http();
    const infer = (version: string) => `${MODEL_PATH}/versions/${version}/infer`;
    for (const version of ['v1', 'v2', 'v2', 'v1', 'v2']) {
      expect(await user.ask(undefined, { 'modelship-version': version })).toMatchObject({ status: 200, version });
      expect(await user.ask(infer(version))).toMatchObject({ status: 200, version });
      expect((await user.ask(`/v1/models/digits/versions/${version}:predict`)).version).toBe(version);
      expect(await grpc().ask(undefined, { 'modelship-version': version })).toMatchObject({ status: 0, version });
    }
  });

  it('may not speak for a pod', async () => {
    // Marked as a copy it would not be counted as a user's.
    const before = await answeredBy('v2');
    const pinned = { 'modelship-version': 'v2', 'modelship-mirror': 'v1', 'modelship-forwarded': 'v1' };
    for (let i = 0; i < 5; i++) expect((await http().ask(undefined, pinned)).status).toBe(200);
    expect(await answeredBy('v2')).toBe(before + 5);
  });
});

/** Requests that the pods of a version counted as users'. */
async function answeredBy(version: string): Promise<number> {
  const list = (await world.pods()).filter(({ metadata }) => metadata.labels?.['modelship.dev/version'] === version);
  let sum = 0;
  for (const { metadata } of list) {
    const read = await pods.read({ namespace: world.namespace, name: metadata.name, ip: '' });
    if (!read.ok) throw new Error(read.reason);
    sum += read.report.versions[version]?.answered ?? 0;
  }
  return sum;
}

describe('a change of the weights under load', () => {
  it('fails no request: 90/10, 50/50, all to v2, v3 in, v1 gone', async () => {
    const users = [http(), http(), http(), grpc(), grpc()];
    const running = load(users, isWell);
    const seen: string[] = [];
    const walk: [Record<string, number>, string[]][] = [
      [{ v1: 50, v2: 50 }, ['v1', 'v2']],
      [{ v1: 0, v2: 100 }, ['v2']],
      [{ v1: 0, v2: 80, v3: 20 }, ['v2', 'v3']],
      [{ v2: 80, v3: 20 }, ['v2', 'v3']],
      [{ v1: 100, v2: 0, v3: 0 }, ['v1']],
      [{ v1: 90, v2: 10 }, ['v1', 'v2']],
    ];
    for (const [shares, only] of walk) {
      const started = performance.now();
      await split(shares);
      await untilReady();
      const inForce = performance.now() - started;
      await untilOnly(only);
      seen.push(
        `${JSON.stringify(shares)}: in force ${inForce.toFixed(0)} ms, seen ${(performance.now() - started).toFixed(0)} ms`,
      );
    }
    await running.stop();
    process.stderr.write(
      `gateway: ${JSON.stringify(running.counts)}, ${running.failures.length} failed\n${seen.join('\n')}\n`,
    );
    expect(running.failures).toEqual([]);
    expect(Object.keys(running.counts).toSorted()).toEqual(['v1', 'v2', 'v3']);
  });
});

describe('a version whose Service has no endpoints', () => {
  it('gets no weight, and no user meets it; it comes back', async () => {
    await untilReady();
    const running = load([http(), http(), grpc()], isWell);
    await pods.list('v2', false);
    await eventually('it has no weight', async () => JSON.stringify(await weights()) === '{"v1":10000}');
    await untilOnly(['v1']);
    await pods.kill('v2');
    // Asked for by name, it is not there, and nobody answers in its place.
    await eventually('by name there is nobody', async () => {
      const answer = await http().ask(undefined, { 'modelship-version': 'v2' });
      if (answer.status < 500 || answer.version !== undefined) throw new Error(JSON.stringify(answer));
      return true;
    });
    await pods.list('v2', true);
    await untilReady();
    await untilOnly(['v1', 'v2'], 100);
    await running.stop();
    expect(running.failures).toEqual([]);
  });

  it('is never given any before its endpoints are there', async () => {
    const running = load([http(), grpc()], isWell);
    await split({ v1: 60, v3: 40 });
    await untilReady();
    await untilOnly(['v1', 'v3']);
    await running.stop();
    expect(running.failures).toEqual([]);
  });
});

describe('cohorts and prefixes', () => {
  it('lead whom they name, and cut off what they should', async () => {
    const cohorts = [{ name: 'testers', header: 'x-tester', values: ['yes', 'on'], version: 'v3' }];
    await split({ v1: 100, v3: 0 }, { pathPrefix: '/team/digits', cohorts });
    await untilReady();
    const user = http();
    const path = (rest: string) => `/team/digits${rest}`;
    await eventually('the prefix is known', async () => (await user.ask(path(`${MODEL_PATH}/infer`))).status === 200);
    for (let i = 0; i < 5; i++) {
      expect(await user.ask(path(`${MODEL_PATH}/infer`))).toMatchObject({ status: 200, version: 'v1' });
      expect(await user.ask(path(`${MODEL_PATH}/infer`), { 'x-tester': 'on' })).toMatchObject({
        status: 200,
        version: 'v3',
      });
      const pinned = { 'x-tester': 'on', 'modelship-version': 'v1' };
      expect(await user.ask(path(`${MODEL_PATH}/infer`), pinned)).toMatchObject({ status: 200, version: 'v1' });
      expect(await user.ask(path(`${MODEL_PATH}/versions/v3/infer`))).toMatchObject({ status: 200, version: 'v3' });
      expect((await user.ask(path('/v1/models/digits/versions/v3:predict'))).version).toBe('v3');
      expect(await grpc().ask(undefined, { 'x-tester': 'yes' })).toMatchObject({ status: 0, version: 'v3' });
      expect((await user.ask(`${MODEL_PATH}/infer`)).status).toBe(404);
    }
  });
});

describe('a gateway that refuses', () => {
  it('is heard, while the pods go on answering', async () => {
    await split({ v1: 100, v3: 0 }, { hostnames: ['digits.elsewhere.test'] });
    const status = await world.until(
      'the refusal is told',
      (said) => conditionOf(said, 'Ready')?.reason === 'RouteRefused',
    );
    expect(conditionOf(status, 'Ready')?.message).toMatch(
      /^Gateway public, listener http refuses HTTPRoute digits: NoMatchingListenerHostname/,
    );
    expect(conditionOf(status, 'Available')?.status).toBe('True');
    await split({ v1: 100, v3: 0 });
    await untilReady();
  });
});
