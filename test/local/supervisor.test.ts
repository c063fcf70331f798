import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { LocalError } from '../../local/errors.ts';
import { settle } from './fake-clock.ts';
import { World } from './world.ts';

let world: World;
afterEach(() => world.remove());

const NINETY_TEN = { v1: 90, v2: 10 };

describe('the start', () => {
  test('all versions start; the first that is ready serves all, behind the door', async () => {
    world = new World(NINETY_TEN);
    await world.pass();
    expect(world.running).toEqual(['v1', 'v2']);
    expect([world.table, world.accepting]).toEqual([undefined, []]);
    expect(world.view()).toMatchObject({ phase: 'Starting', inForce: false });
    world.newest('v2').becomeReady();
    await settle();
    expect([world.shares, world.accepting]).toEqual([{ v1: 0, v2: 100 }, ['v2']]);
    expect(world.said('serving')).toEqual([
      'serving at http://127.0.0.1:8080 and, over gRPC, 127.0.0.1:8081, through v2',
    ]);
  });

  test('when all are ready the stated split is served; the door goes to the larger share', async () => {
    world = await World.serving(NINETY_TEN);
    expect([world.shares, world.accepting]).toEqual([NINETY_TEN, ['v1']]);
    const address = (version: string) => ({ host: '127.0.0.1', http: world.newest(version).directPort });
    expect(world.table?.versions.map((v) => v.address)).toEqual([address('v1'), address('v2')]);
    expect(world.view()).toMatchObject({ phase: 'Serving', primary: 'v1', inForce: true, waiting: [] });
  });
});

describe('the gRPC door', () => {
  const doors = () => world.processes.map(({ doors }) => [...doors]);

  test('moves with the other', async () => {
    world = await World.serving(NINETY_TEN);
    expect(doors()).toEqual([['http', 'grpc'], []]);
    world.newest('v1').crash();
    await settle();
    expect(doors()).toEqual([[], ['http', 'grpc']]);
  });

  test('is left alone by a version that does not speak gRPC', async () => {
    world = await World.serving({ v1: 100 }, { serving: { protocols: ['rest'] } });
    expect(doors()).toEqual([['http']]);
  });
});

test('what a local run does not do is said, at the start and after an edit', async () => {
  const checks = [{ prometheus: 'up', min: 1 }];
  const rollout = { steps: [{ traffic: 5 }], analysis: { checks } };
  world = new World({ v1: 100 }, { rollout, serving: { replicas: 3 } });
  world.supervisor.begin();
  expect(world.said('field-ignored')).toEqual([
    expect.stringMatching(/^rollout\.analysis: its prometheus checks .* --prometheus URL$/),
    'replicas and autoscaling of v1: each version is one process',
  ]);
  await world.edit({ v1: 100 }, { rollout });
  expect(world.said('field-ignored').slice(2)).toEqual([expect.stringMatching(/^rollout\.analysis:/)]);
});

describe('a crash', () => {
  test('of the primary: the door is with another version at once, and goes back when the primary is', async () => {
    world = await World.serving(NINETY_TEN);
    const { revision } = world.table ?? {};
    world.newest('v1').crash();
    await settle();
    expect(world.accepting).toEqual(['v2']);
    expect(world.shares).toEqual(NINETY_TEN);
    expect(world.table?.revision).toBe(revision);
    await world.clock.advance(0);
    world.newest('v1').becomeReady();
    await settle();
    expect(world.accepting).toEqual(['v1']);
    expect(world.table?.revision).toBe((revision ?? 0) + 1);
    expect(world.table?.versions[0]?.address?.http).toBe(world.newest('v1').directPort);
  });

  test('of the only version: the door waits for it', async () => {
    world = await World.serving({ v1: 100 });
    world.newest('v1').crash();
    await settle();
    expect([world.accepting, world.view().phase]).toEqual([[], 'Unavailable']);
    await world.clock.advance(0);
    world.newest('v1').becomeReady();
    await settle();
    expect(world.accepting).toEqual(['v1']);
  });

  test('is shown with its cause, and the other versions serve on', async () => {
    world = await World.serving(NINETY_TEN);
    world.newest('v2').crash();
    await world.clock.advance(0);
    world.newest('v2').crash('MODEL_NOT_THERE: there is no file');
    await settle();
    const [v1, v2] = world.view().versions;
    expect(v1).toMatchObject({ phase: 'Ready', entry: true, share: 90 });
    expect(v2).toMatchObject({ phase: 'Failed', cause: 'MODEL_NOT_THERE: there is no file', restarts: 2, share: 10 });
    expect(v2?.restartAt).toBe(new Date(world.clock.now() + 1_000).toISOString());
    expect(world.view().waiting).toEqual(['v2 is not ready; another version answers for it']);
  });

  test('a version that does not take the door is asked again', async () => {
    world = new World({ v1: 100 });
    await world.pass();
    world.newest('v1').takes = false;
    world.newest('v1').becomeReady();
    await settle();
    expect(world.said('split-waiting').at(-1)).toMatch(/v1 did not take the public socket; trying again/);
    world.newest('v1').takes = true;
    await world.clock.advance(1_000);
    expect(world.accepting).toEqual(['v1']);
  });
});

describe('an edit', () => {
  test('moves all traffic at once when the target is ready, and keeps what is listed running', async () => {
    world = await World.serving(NINETY_TEN);
    await world.edit({ v1: 0, v2: 100 });
    expect([world.shares, world.accepting]).toEqual([{ v1: 0, v2: 100 }, ['v2']]);
    await world.everybodyReads();
    await world.clock.advance(120_000);
    expect(world.running).toEqual(['v1', 'v2']);
    expect(world.said('traffic-moved').at(-1)).toBe('the split is v1 0%, v2 100% (revision 3)');
  });

  test('to a new version waits until that is ready; the old one goes after the delay, drained', async () => {
    world = await World.serving(NINETY_TEN, { retireAfter: '5s' });
    await world.edit({ v2: 40, v3: 60 }, { retireAfter: '5s' });
    expect(world.shares).toEqual({ v1: 90, v2: 10, v3: 0 });
    expect(world.view()).toMatchObject({ phase: 'Moving' });
    expect(world.view().waiting[0]).toMatch(/^v3 is not ready/);
    await world.everybodyReads();
    world.newest('v3').becomeReady();
    await settle();
    expect([world.shares, world.accepting]).toEqual([{ v2: 40, v3: 60 }, ['v3']]);
    await world.clock.advance(60_000);
    expect(world.newest('v1').state).toBe('ready');
    await world.everybodyReads();
    await world.clock.advance(4_900);
    expect(world.newest('v1').state).toBe('ready');
    await world.clock.advance(200);
    expect(world.newest('v1').state).toBe('draining');
    expect(world.view().versions.at(-1)).toMatchObject({ name: 'v1', phase: 'Retiring', share: 0 });
    world.newest('v1').finishDraining();
    await settle();
    expect(world.view().versions.map(({ name }) => name)).toEqual(['v2', 'v3']);
    expect(world.said('version-crashed')).toEqual([]);
  });

  test('of the settings replaces each process beside the old one, which goes when nobody is led to it', async () => {
    world = await World.serving({ v1: 100 });
    const old = world.newest('v1');
    await world.edit({ v1: 100 }, { serving: { warmup: { requests: 3 } } });
    expect(world.running).toEqual(['v1', 'v1']);
    expect(world.accepting).toEqual(['v1']);
    const replacement = world.newest('v1');
    replacement.becomeReady();
    await settle();
    expect([old.accepts, replacement.accepts, old.state]).toEqual([false, true, 'ready']);
    expect(world.table?.versions[0]?.address?.http).toBe(replacement.directPort);
    await world.everybodyReads();
    expect(old.state).toBe('draining');
    old.finishDraining();
    await settle();
    expect(world.running).toEqual(['v1']);
    expect(world.view().versions[0]?.restarts).toBe(0);
  });

  test('of the share alone starts nothing', async () => {
    world = await World.serving(NINETY_TEN);
    await world.edit({ v1: 50, v2: 50 });
    expect(world.processes).toHaveLength(2);
  });

  test('that gives a name another model is refused, and everything goes on', async () => {
    world = await World.serving(NINETY_TEN);
    const [v1] = world.supervisor.document.spec.versions;
    const next = structuredClone(world.supervisor.document);
    Object.assign(next.spec.versions[0] as object, { model: { uri: 'models/other.onnx' } });
    expect(() => world.supervisor.accept(next, 'test.yaml')).toThrow(LocalError);
    expect(() => world.supervisor.accept(next, 'test.yaml')).toThrow(/digits: the model of version v1 is immutable/);
    await world.pass();
    expect(world.supervisor.document.spec.versions[0]).toEqual(v1);
    expect(world.shares).toEqual(NINETY_TEN);
  });

  test('that brings a dropped name back with another model is refused until it has retired', async () => {
    world = await World.serving(NINETY_TEN, { retireAfter: '5s' });
    await world.edit({ v2: 100 }, { retireAfter: '5s' });
    await world.everybodyReads();
    const reuse = structuredClone(world.supervisor.document);
    reuse.spec.versions.push({ name: 'v1', model: { uri: 'models/other.onnx' }, traffic: 0 });
    expect(() => world.supervisor.accept(reuse, 'test.yaml')).toThrow(/has not retired yet/);
    await world.clock.advance(5_000);
    world.newest('v1').finishDraining();
    await settle();
    world.supervisor.accept(reuse, 'test.yaml');
    await settle();
    expect(world.newest('v1').launch.uri).toBe('/project/models/other.onnx');
  });
});

describe('the end', () => {
  test('the door shuts, the primary drains first, then those that it calls', async () => {
    world = await World.serving(NINETY_TEN);
    const stopped = world.supervisor.stop();
    await settle();
    expect(world.doorClosed).toBe(true);
    expect([world.newest('v1').state, world.newest('v2').state]).toEqual(['draining', 'ready']);
    world.newest('v1').finishDraining();
    await settle();
    expect(world.newest('v2').state).toBe('draining');
    world.newest('v2').finishDraining();
    await stopped;
    expect(world.view().phase).toBe('Stopped');
    expect(world.said('version-crashed')).toEqual([]);
    await world.clock.advance(60_000);
    expect(world.processes).toHaveLength(2);
  });

  test('what is still starting is ended at once', async () => {
    world = new World(NINETY_TEN);
    await world.pass();
    await world.supervisor.stop();
    expect(world.running).toEqual([]);
  });

  test('kill ends what a stop is waiting for', async () => {
    world = await World.serving(NINETY_TEN);
    const stopped = world.supervisor.stop();
    await settle();
    world.supervisor.kill();
    await stopped;
    expect(world.running).toEqual([]);
  });
});

describe('the state folder', () => {
  test('a restart gives each cohort the version that it had', async () => {
    world = await World.serving(NINETY_TEN);
    await world.edit({ v1: 50, v2: 50 });
    await world.everybodyReads();
    await world.edit({ v1: 50, v2: 20, v3: 30 });
    world.newest('v3').becomeReady();
    await world.everybodyReads();
    const slots = world.table?.versions.map(({ name, ranges }) => [name, ranges]);
    const again = new World({ v1: 50, v2: 20, v3: 30 }, {}, world.folder);
    await again.pass();
    for (const name of ['v3', 'v1', 'v2']) again.newest(name).becomeReady();
    await settle();
    expect(again.table?.versions.map(({ name, ranges }) => [name, ranges])).toEqual(slots);
  });

  test('a restart remembers which model a name stands for, but not versions that were on their way out', async () => {
    world = await World.serving(NINETY_TEN);
    await world.edit({ v2: 100 });
    const before = readdirSync(join(world.folder, 'digits')).sort();
    expect(before).toEqual(['accepted.json', 'history.json', 'logs', 'traffic.json']);
    const again = new World({ v1: 50, v2: 50 }, {}, world.folder);
    expect(again.table).toBeUndefined();
    const other = structuredClone(again.supervisor.document);
    Object.assign(other.spec.versions[1] as object, { model: { uri: 'models/other.onnx' } });
    expect(() => again.supervisor.accept(other, 'test.yaml')).toThrow(/the model of version v2 is immutable/);
  });
});
