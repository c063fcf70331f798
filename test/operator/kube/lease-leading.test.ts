import { describe, expect, it } from 'vitest';
import { BACK, OTHER, THERE, World } from './lease-campaign.ts';

describe('leading', () => {
  it('renews the Lease and keeps acquireTime', async () => {
    const world = await new World().leads();
    const { acquireTime, renewTime } = world.server.spec;
    await world.clock.advance(60_000);
    expect(world.server.spec).toMatchObject({ holderIdentity: 'me', acquireTime, leaseTransitions: 0 });
    expect(world.server.spec.renewTime).not.toBe(renewTime);
    expect(world.server.history.length).toBeGreaterThan(25);
    expect(world.terms).toHaveLength(1);
    expect(world.term.signal.aborted).toBe(false);
  });

  it('may write until the deadline after its renewal was sent, not after it was answered', async () => {
    const world = new World();
    world.fates = [world.usual, { there: 1_000, back: 1_900 }];
    world.start();
    await world.clock.advance(THERE + BACK + 2_900);
    expect(world.election.mayWriteFor()).toBe(8_000 - 2_900);
  });

  it('ends at the deadline when nothing answers any more', async () => {
    const world = await new World().leads();
    await world.clock.advance(world.term.began + 2_000 - world.now); // the renewal is sent
    const sent = world.now;
    await world.clock.advance(THERE + BACK);
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    await world.clock.advance(sent + 7_999 - world.now);
    expect(world.term.signal.aborted).toBe(false);
    await world.clock.advance(1);
    expect(world.term.signal.aborted).toBe(true);
    expect(world.term.signal.reason).toMatchObject({ code: 'NotLeader' });
    expect(world.election.mayWriteFor()).toBe(0);
  });

  it('is refused writes when it wakes from a sleep, before any timer fires', async () => {
    const world = await new World().leads();
    world.asleep = 8_000;
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.election.leading).toBe(false);
  });

  it('is refused writes when its machine was paused, and goes on when it finds that nobody took the Lease', async () => {
    const world = await new World().leads();
    world.pausedFor = 8_000;
    expect(world.election.mayWriteFor()).toBe(0);
    await world.clock.advance(2_000);
    expect(world.election.mayWriteFor()).toBeGreaterThan(5_000);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on after a renewal whose answer was lost', async () => {
    const world = await new World().leads();
    world.fates = [{ there: THERE, back: Number.POSITIVE_INFINITY }];
    await world.clock.advance(20_000);
    expect(world.term.signal.aborted).toBe(false);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on when somebody else touched the Lease', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: { preferredHolder: 'x' } });
    await world.clock.advance(20_000);
    expect(world.terms).toHaveLength(1);
    expect(world.term.signal.aborted).toBe(false);
  });

  it('ends as soon as it sees that another holds the Lease', async () => {
    const world = await new World().leads();
    world.server.patch({ spec: OTHER });
    await world.clock.advance(2_200);
    expect(world.term.signal.reason).toMatchObject({ message: 'the Lease is held by other' });
    expect(world.election.mayWriteFor()).toBe(0);
  });

  it('ends when the Lease was deleted, and makes another', async () => {
    const world = await new World().leads();
    world.server.remove();
    await world.clock.advance(2_300);
    expect(world.terms).toHaveLength(2);
    expect(world.terms[0]?.signal.aborted).toBe(true);
  });

  it('is not revived by an answer that comes after the deadline', async () => {
    const world = await new World().leads();
    world.windUp = () => {};
    world.fates = [
      { there: Number.POSITIVE_INFINITY, back: 0 },
      { there: 10, back: 2_990 },
    ];
    world.usual = { there: 10, back: 2_990 };
    await world.clock.advance(9_000);
    expect(world.term.signal.aborted).toBe(true);
    await world.clock.advance(9_000);
    expect(world.election.mayWriteFor()).toBe(0);
    expect(world.terms).toHaveLength(1);
  });

  it('campaigns again only when the work has settled', async () => {
    const world = await new World().leads();
    world.windUp = () => {};
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    await world.clock.advance(9_000);
    world.usual = { there: THERE, back: BACK };
    const { length } = world.server.history;
    await world.clock.advance(60_000);
    expect(world.server.history).toHaveLength(length);
    world.term.settle();
    await world.clock.advance(1_000);
    expect(world.terms).toHaveLength(2);
  });
});
