import { describe, expect, test } from 'vitest';
import type { Plan } from '../../../core/model.ts';
import type { ReportRead } from '../../../operator/evidence/reports.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { Caches } from '../../../operator/reconcile/caches.ts';
import { runVersions } from '../../../operator/reconcile/decide.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import { newPass } from '../../../operator/reconcile/pass.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { type Teller, writeStatus } from '../../../operator/reconcile/say.ts';
import type { ObjectProblem } from '../../../operator/reconcile/status/facts.ts';
import type { StoredModelDeployment } from '../../../operator/reconcile/stored.ts';
import { FAILED, loaded } from '../evidence/build.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { gathered, model, pod, spec, UID } from './build.ts';
import { table } from './status/build.ts';

/** @param answer what the API server returns for the status */
function teller(clock: FakeClock, answer: StoredModelDeployment, written: StoredModelDeployment[]): Teller {
  const caches = { find: () => undefined, nodes: { list: () => [] }, models: { wrote: (o: never) => written.push(o) } };
  return {
    clock,
    caches: caches as unknown as Caches,
    client: { applyStatus: async () => answer } as unknown as Teller['client'],
    events: { record() {} } as unknown as Teller['events'],
  };
}

const EMPTY_PLAN: Plan = { run: [], retire: [], waiting: [], memory: { lost: {} } };
const of = spec([{ name: 'v1' }]);
const md = model(of);
const stating = spec([{ name: 'v1' }]);
for (const { model } of stating.versions) model.sha256 = 'a'.repeat(64);
const refused = () => newPass(gathered({ md }), { ok: false, reason: 'LocalModel', message: 'no', before: undefined });

test('an edit that comes in with the answer to the status is looked at again: its event will be no news', async () => {
  const clock = new FakeClock();
  const written: StoredModelDeployment[] = [];
  const edited = { ...md, metadata: { ...md.metadata, generation: 2, resourceVersion: '12' } };
  expect(await writeStatus(refused(), md, newMemory(UID, clock.now()), teller(clock, edited, written))).toContain(0);
  expect(written).toEqual([edited]);
  expect(await writeStatus(refused(), md, newMemory(UID, clock.now()), teller(clock, md, written))).toEqual([]);
});

test('what comes up is first told a second after its first pass, however long that took', async () => {
  const clock = new FakeClock();
  const written: StoredModelDeployment[] = [];
  const starting = () => newPass(gathered({ md }), { ok: true, data: { spec: of, leaving: [] } });
  const memory = newMemory(UID, clock.now());
  const tell = () => writeStatus(starting(), md, memory, teller(clock, md, written));
  await clock.advance(7_000);
  expect(await tell()).toEqual([1_000]);
  await clock.advance(400);
  expect(await tell()).toEqual([600]);
  expect(written).toEqual([]);
  await clock.advance(600);
  expect(await tell()).toEqual([]);
  expect(written).toHaveLength(1);
});

describe('what is not urgent', () => {
  /** @param size replicas of v1 that are wanted */
  const setup = (size: number) => {
    const clock = new FakeClock();
    const told: StoredModelDeployment[] = [];
    const problems: ObjectProblem[] = [];
    const plan = { ...EMPTY_PLAN, run: [{ name: 'v1', size }] };
    const memory = newMemory(UID, clock.now());
    const client = { applyStatus: async (_: unknown, body: StoredModelDeployment) => ({ ...md, status: body.status }) };
    let status: StoredModelDeployment['status'];
    /** @param pods those of v1; a name is one that is on its node and not ready */
    const tell = async (...pods: (string | Pod)[]) => {
      const as = status ? { ...md, status } : md;
      const ofV1 = new Map([['v1', pods.map((one) => (typeof one === 'string' ? pod('v1', one, false) : one))]]);
      const pass = newPass(gathered({ md: as, pods: ofV1 }), { ok: true, data: { spec: stating, leaving: [] } });
      pass.versions = runVersions({ spec: stating, leaving: [] }, pass.gathered);
      pass.serving = { table: table({ v1: 100 }), plan, inForce: false, door: undefined };
      pass.problems = problems;
      const count = told.length;
      const again = await writeStatus(pass, as, memory, {
        ...teller(clock, md, told),
        client: client as unknown as Teller['client'],
      });
      if (told.length > count) status = told.at(-1)?.status;
      return again;
    };
    /** As if it had been Ready once. */
    const haveServed = () => {
      const at = new Date(clock.wall() + 1_000).toISOString();
      const conditions = status?.conditions?.map((one) =>
        one.type === 'Ready' ? { ...one, lastTransitionTime: at } : one,
      );
      status = { ...status, ...(conditions && { conditions }) };
    };
    return { clock, told, problems, tell, haveServed };
  };
  const ready = (name: string): Pod => pod('v1', name, true);
  const inLine = (name: string): Pod => ({ ...pod('v1', name, false), spec: {} });
  const taken = async (size = 2) => {
    const world = setup(size);
    await world.tell();
    await world.clock.advance(1_000);
    await world.tell();
    expect(world.told).toHaveLength(1);
    return world;
  };

  test('is told a second after it is seen, with what came since, and three after what was told last', async () => {
    const { clock, told, tell, haveServed } = await taken();
    haveServed();
    await clock.advance(10_000);
    expect(await tell('p1')).toEqual([1_000]);
    await clock.advance(600);
    expect(await tell('p1', 'p2')).toEqual([400]);
    await clock.advance(400);
    expect(await tell('p1', 'p2')).toEqual([]);
    expect(told).toHaveLength(2);
    await clock.advance(500);
    expect(await tell()).toEqual([2_500]);
    expect(await tell('p1', 'p2')).toEqual([]);
    await clock.advance(9_000);
    expect(await tell()).toEqual([1_000]);
  });

  test('waits half a minute on the first start, for "it is ready"', async () => {
    const { clock, told, tell, haveServed } = await taken();
    expect(await tell('p1')).toEqual([30_000]);
    await clock.advance(20_000);
    expect(await tell('p1', 'p2')).toEqual([10_000]);
    await clock.advance(10_000);
    expect(await tell('p1', 'p2')).toEqual([]);
    expect(told).toHaveLength(2);
    await clock.advance(5_000);
    expect(await tell('p1', inLine('p2'))).toEqual([30_000]);
    haveServed();
    await clock.advance(500);
    expect(await tell('p1', inLine('p2'))).toEqual([500]);
  });

  test('waits five minutes on the first start while what is missing is on no node', async () => {
    const { clock, told, tell } = await taken();
    expect(await tell(inLine('p1'))).toEqual([300_000]);
    await clock.advance(200_000);
    expect(await tell('p1')).toEqual([30_000]);
    await clock.advance(20_000);
    expect(await tell(ready('p1'))).toEqual([80_000]);
    await clock.advance(60_000);
    expect(await tell(ready('p1'), 'p2')).toEqual([20_000]);
    await clock.advance(20_000);
    expect(told).toHaveLength(1);
    expect(await tell(ready('p1'), inLine('p2'))).toEqual([]);
    expect(told).toHaveLength(2);
  });

  test('waits for no pod that is on its way out', async () => {
    const { tell } = await taken(1);
    const leaving = pod('v1', 'p1', false);
    leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(await tell(leaving, inLine('p2'))).toEqual([300_000]);
  });

  test('waits half a minute where no replica is missing', async () => {
    const { clock, tell } = await taken();
    expect(await tell(ready('p1'), inLine('p2'))).toEqual([300_000]);
    await clock.advance(5_000);
    expect(await tell(ready('p1'), ready('p2'))).toEqual([30_000]);
  });

  test('waits half a minute where something is in the way, whatever is on a node', async () => {
    const { clock, told, problems, tell } = await taken();
    problems.push({ object: 'Service digits', reason: 'NameTaken', message: 'taken', transient: false });
    expect(await tell(inLine('p1'))).toEqual([]);
    expect(told).toHaveLength(2);
    await clock.advance(5_000);
    expect(await tell(ready('p1'), inLine('p2'))).toEqual([30_000]);
  });

  test('waits half a minute where a version has failed, though not for good', async () => {
    const { clock, told, tell } = await taken();
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no room' };
    const refused = { ...inLine('p1'), status: { phase: 'Pending', conditions: [condition] } };
    const [stallsIn = 0] = await tell(refused);
    expect(told).toHaveLength(2);
    await clock.advance(5_000);
    // That it stalls meanwhile is not missed.
    expect(await tell(refused, ready('p2'))).toEqual([stallsIn - 5_000, 30_000]);
    await clock.advance(stallsIn - 5_000);
    await tell(refused);
    expect(told.at(-1)?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Stalled', status: 'True' }),
    );
  });
});

test('what cannot be written is told by its first pass: the next try may be far', async () => {
  const clock = new FakeClock();
  const written: StoredModelDeployment[] = [];
  const failing = newPass(gathered({ md }), { ok: true, data: { spec: of, leaving: [] } });
  failing.errors.push(new KubeError('TooManyRequests', 'no', { retryAfterMs: 60_000 }));
  expect(await writeStatus(failing, md, newMemory(UID, clock.now()), teller(clock, md, written))).toEqual([]);
  expect(written).toHaveLength(1);
});

describe('that a version is ready', () => {
  const pods = new Map([['v1', [pod('v1', 'p1', true)]]]);
  const ready = (known: ReadonlyMap<string, ReportRead>, listed = of) => {
    const pass = newPass(gathered({ md, pods }), { ok: true, data: { spec: listed, leaving: [] } });
    return { ...pass, versions: runVersions({ spec: listed, leaving: [] }, pass.gathered), reports: known };
  };
  const setup = () => {
    const clock = new FakeClock();
    const written: StoredModelDeployment[] = [];
    const memory = newMemory(UID, clock.now());
    const tell = (pass: ReturnType<typeof ready>) => writeStatus(pass, md, memory, teller(clock, md, written));
    return { clock, written, memory, tell };
  };

  test('is told with the digest that its pod is being asked for', async () => {
    const { clock, written, tell } = setup();
    await clock.advance(2_000);
    expect(await tell(ready(new Map()))).toEqual([500]);
    await clock.advance(1_000);
    expect(written).toEqual([]);
  });

  test.each<[string, ReadonlyMap<string, ReportRead>, ReturnType<typeof spec>]>([
    ['its pod has answered', new Map([['uid-Pod-p1', loaded('a'.repeat(64))]]), of],
    ['its pod does not answer', new Map([['uid-Pod-p1', FAILED]]), of],
    ['the spec states the digest', new Map(), stating],
  ])('waits for nothing when %s', async (_, known, listed) => {
    const { clock, memory, tell } = setup();
    await tell(ready(known, listed));
    await clock.advance(1_000);
    expect(await tell(ready(known, listed))).toEqual([]);
    expect(memory.digestBy).toBeUndefined();
  });

  test('is told without it after half a second, and the next one waits anew', async () => {
    const { clock, written, memory, tell } = setup();
    expect(await tell(ready(new Map()))).toEqual([500]);
    await clock.advance(300);
    expect(await tell(ready(new Map()))).toEqual([200]);
    await clock.advance(200);
    expect(await tell(ready(new Map()))).toEqual([1_000]);
    await clock.advance(1_000);
    expect(await tell(ready(new Map()))).toEqual([]);
    expect(written).toHaveLength(1);
    await tell(ready(new Map([['uid-Pod-p1', FAILED]])));
    expect(memory.digestBy).toBeUndefined();
  });
});
