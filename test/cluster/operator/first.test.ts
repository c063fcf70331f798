/** `kubectl apply` of the digits example, as its user sees it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { eventually, kubectl } from '../harness/cluster.ts';
import { conditionOf, World } from '../harness/operator.ts';

const FILE = join(import.meta.dirname, '../../../examples/digits/modeldeployment.yaml');

describe('kubectl apply of the digits example', () => {
  let world: World;
  let seconds: number;
  beforeAll(async () => {
    world = await World.open();
    // The first write of a kind takes a fresh API server two seconds, whoever makes it.
    const input = await readFile(FILE, 'utf8');
    await kubectl(['apply', '--dry-run=server', '-f', '-'], { input, namespace: world.namespace });
    const started = performance.now();
    await kubectl(['apply', '-f', '-'], { input, namespace: world.namespace });
    const waited = await kubectl(['wait', '--for=condition=Ready', 'mdep/digits', '--timeout=50s'], {
      namespace: world.namespace,
    });
    seconds = (performance.now() - started) / 1_000;
    expect(waited).toMatchObject({ code: 0, out: expect.stringContaining('condition met') });
  });
  afterAll(() => world[Symbol.asyncDispose]());

  it('has made all its objects, each with one write, a Deployment of one replica too', async () => {
    expect(await world.objects()).toEqual([
      'ConfigMap digits-traffic',
      'Deployment digits-v1-556fe3d0',
      'Deployment digits-v2-5c08cb34',
      'Service digits',
      'Service digits-v1-556fe3d0',
      'Service digits-v2-5c08cb34',
    ]);
    const counts = Object.groupBy(world.writes, (write) => write);
    expect(counts['apply configmaps']).toHaveLength(1);
    expect(counts['apply services']).toHaveLength(3);
    expect(counts['apply deployments']).toHaveLength(2);
    expect(counts['apply controllerrevisions']).toHaveLength(1);
    // Counts and wording are written every three seconds at most.
    const most = 3 + Math.floor(seconds / 3);
    expect(counts['apply-status modeldeployments']?.length).toBeLessThanOrEqual(most);
    expect(Object.keys(counts)).toHaveLength(5);
  });

  it('has asked for no object by its name: caches hold what is there, and the API server refuses to make what is', () => {
    expect(world.requests.filter(({ verb }) => verb === 'get')).toEqual([]);
  });

  it('says what is served, and where', async () => {
    expect(await world.status()).toMatchObject({
      traffic: 'v1:90 v2:10',
      url: `http://digits.${world.namespace}.svc:8080`,
      versions: [
        { name: 'v1', phase: 'Ready', readyReplicas: 1, traffic: 90, trafficInForce: 90 },
        { name: 'v2', phase: 'Ready', readyReplicas: 1, traffic: 10, trafficInForce: 10 },
      ],
    });
    expect(await world.shares()).toEqual({ v1: 90, v2: 10 });
  });

  it('writes nothing at rest, and nothing when the operator starts again', async () => {
    await world.settled(3_000);
    world.requests.length = 0;
    await world.stop();
    await world.start();
    await world.settled();
    expect(world.writes).toEqual([]);
  });

  it('is told in events', async () => {
    await eventually('the events are there', async () => {
      const { out } = await kubectl(['describe', 'mdep', 'digits'], { namespace: world.namespace });
      expect(out).toMatch(/Normal\s+Accepted/);
      expect(out).toMatch(/Normal\s+Ready/);
      return true;
    });
  });

  it('leaves nothing behind when it is deleted', async () => {
    await world.client.delete(MODEL_DEPLOYMENTS, world.key('digits'));
    await eventually('all is gone', async () => {
      const left = [...(await world.objects()), ...(await world.pods()).map(({ metadata }) => metadata.name)];
      if (left.length > 0) throw new Error(left.join(', '));
      return true;
    });
    expect(conditionOf(await world.status(), 'Ready')).toBeUndefined();
  });
});
