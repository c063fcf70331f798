import { describe, expect, it } from 'vitest';
import type { LeaseTiming } from '../../../operator/kube/lease.ts';
import { BACK, OTHER, THERE, World } from './lease-campaign.ts';

describe('winning', () => {
  it('creates the Lease where there is none', async () => {
    const world = await new World().leads();
    expect(world.server.history[0]?.spec).toEqual({
      holderIdentity: 'me',
      leaseDurationSeconds: 15,
      acquireTime: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      renewTime: expect.stringMatching(/^2026-01-01T00:00:00\.\d{6}Z$/),
      leaseTransitions: 0,
    });
    expect(world.election.leading).toBe(true);
  });

  it('takes a Lease that nobody holds at once', async () => {
    const world = new World();
    world.server.create({ spec: { ...OTHER, holderIdentity: '' } });
    await world.leads();
    expect(world.server.spec).toMatchObject({ holderIdentity: 'me', leaseTransitions: 5 });
  });

  it("waits until it has itself seen no change of another's Lease for as long as that lasts", async () => {
    const world = new World().start();
    world.server.create({ spec: OTHER });
    await world.clock.advance(14_900);
    world.server.patch({ spec: { renewTime: '2001-01-01T00:00:09.000000Z' } });
    await world.clock.advance(15_000);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_200);
    expect(world.terms).toHaveLength(1);
  });

  it('waits longer for a Lease that says so', async () => {
    const world = new World().start();
    world.server.create({ spec: { ...OTHER, leaseDurationSeconds: 60 } });
    await world.clock.advance(59_000);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(1_200);
    expect(world.terms).toHaveLength(1);
  });

  it('waits for a Lease in its own name that it did not write: an earlier life may still be at work', async () => {
    const world = new World().start();
    world.server.create({ spec: { ...OTHER, holderIdentity: 'me' } });
    await world.clock.advance(14_900);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(400);
    expect(world.terms).toHaveLength(1);
  });

  it("waits for another's Lease that was deleted, as its holder may not know yet", async () => {
    const world = new World().start();
    world.server.create({ spec: OTHER });
    await world.clock.advance(10_000);
    world.server.remove();
    await world.clock.advance(14_900);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_400);
    expect(world.terms).toHaveLength(1);
  });

  it('takes a Lease again whose first answer was lost', async () => {
    const world = new World();
    world.fates = [world.usual, { there: THERE, back: Number.POSITIVE_INFINITY }];
    world.start();
    await world.clock.advance(6_000);
    expect(world.server.history).toHaveLength(2);
    expect(world.server.spec.leaseTransitions).toBe(0);
    expect(world.terms).toHaveLength(1);
  });

  it('does not lead when the answer came after the term was over', async () => {
    const world = new World().start();
    await world.clock.advance(THERE + BACK + THERE);
    world.asleep = 8_000;
    await world.clock.advance(BACK);
    expect(world.terms).toHaveLength(0);
    await world.clock.advance(2_000);
    expect(world.terms).toHaveLength(1);
  });

  it('goes on campaigning when the API server is away', async () => {
    const world = new World();
    world.usual = { there: Number.POSITIVE_INFINITY, back: 0 };
    world.start();
    await world.clock.advance(60_000);
    world.usual = { there: THERE, back: BACK };
    await world.clock.advance(6_000);
    expect(world.terms).toHaveLength(1);
  });
});

describe('timing', () => {
  it.each<[string, Partial<LeaseTiming>, string]>([
    ['writes that outlive the lease', { leaseMs: 13_000 }, 'renewDeadlineMs + writeTimeoutMs is 8000 + 5000'],
    ['a retry after the deadline', { retryMs: 8_000 }, 'retryMs, 8000, is not less than renewDeadlineMs'],
    ['no time at all', { retryMs: 0 }, 'retryMs is 0'],
    ['what is no number', { leaseMs: Number.NaN }, 'leaseMs is NaN'],
  ])('refuses %s', (_, timing, message) => {
    expect(() => new World(timing)).toThrow(RangeError);
    expect(() => new World(timing)).toThrow(message);
  });

  it('rounds up to whole seconds for others', async () => {
    const world = await new World({ leaseMs: 1_500, renewDeadlineMs: 800, writeTimeoutMs: 500, retryMs: 200 }).leads();
    expect(world.server.spec.leaseDurationSeconds).toBe(2);
  });
});
