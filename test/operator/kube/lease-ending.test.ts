import { describe, expect, it } from 'vitest';
import { KubeError } from '../../../operator/kube/error.ts';
import { BACK, OTHER, THERE, World } from './lease-campaign.ts';

describe('ending', () => {
  it('releases the Lease after the work has settled, and renews it until then', async () => {
    const world = await new World().leads();
    world.windUp = (settle) => world.clock.after(30_000, settle);
    world.end.abort();
    await world.clock.advance(29_900);
    expect(world.term.signal.aborted).toBe(true);
    expect(world.server.spec.holderIdentity).toBe('me');
    expect(world.election.mayWriteFor()).toBeGreaterThan(5_000);
    await world.clock.advance(200);
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.server.spec).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 });
    await world.ended;
    expect(world.clock.pending).toBe(0);
  });

  it('does not touch a Lease that another holds', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: OTHER });
    world.end.abort();
    await world.clock.advance(5_000);
    await world.ended;
    expect(world.server.spec).toEqual(OTHER);
  });

  it('does not release a Lease that another takes while the release is on its way', async () => {
    const world = await new World().leads();
    world.fates = [world.usual, { there: 1_000, back: BACK }];
    world.end.abort();
    await world.clock.advance(500);
    world.server.patch({ spec: OTHER });
    await world.clock.advance(2_000);
    await world.ended;
    expect(world.server.spec).toEqual(OTHER);
  });

  it('waits for a renewal that is under way before it releases', async () => {
    const world = await new World().leads();
    world.usual = { there: 500, back: 500 };
    await world.clock.advance(world.term.began + 2_100 - world.now);
    const { length } = world.server.history;
    world.end.abort();
    await world.clock.advance(850);
    expect(world.server.history).toHaveLength(length + 1);
    await world.clock.advance(2_100);
    await world.ended;
    expect(world.server.history).toHaveLength(length + 2);
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('releases what was won in the moment of the end', async () => {
    const world = new World().start();
    await world.clock.advance(THERE + BACK + 1);
    world.end.abort();
    await world.clock.advance(500);
    await world.ended;
    expect(world.terms).toHaveLength(0);
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('asks nothing when it is over before it began', async () => {
    const world = new World();
    world.end.abort();
    await world.start().ended;
    expect(world.server.history).toEqual([]);
  });

  it('ends soon when the API server is away', async () => {
    const world = await new World().leads();
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    world.end.abort();
    await world.clock.advance(9_000);
    await world.ended;
  });

  it('releases the Lease when the work ends by itself, and leads again later', async () => {
    const world = await new World().leads();
    world.term.settle();
    await world.clock.advance(500);
    expect(world.server.spec.holderIdentity).toBe('');
    expect(world.terms).toHaveLength(1);
    await world.clock.advance(2_000);
    expect(world.terms).toHaveLength(2);
  });

  it('releases the Lease and rejects when the work fails by itself', async () => {
    const world = await new World().leads();
    const failure = new Error('a bug');
    const ended = expect(world.ended).rejects.toBe(failure);
    world.term.fail(failure);
    await world.clock.advance(500);
    await ended;
    expect(world.server.spec.holderIdentity).toBe('');
  });

  it('does not reject for what the work throws when it is told to end', async () => {
    const world = await new World().leads();
    world.windUp = () => world.term.fail(new KubeError('NotLeader', 'apply'));
    world.end.abort();
    await world.clock.advance(500);
    await world.ended;
  });

  it('does not run twice at a time', async () => {
    const world = await new World().leads();
    await expect(world.election.run(world.end.signal, async () => {})).rejects.toThrow('already running');
  });
});
