/** What people say to a rollout, by its annotation: each is honoured once, and the spec is never written. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { eventually } from '../harness/eventually.ts';
import { version } from '../harness/models.ts';
import { conditionOf } from '../harness/operator.ts';
import { annotate, BY_HAND, command, eventsOf, inPhase, type Served, served, versionIn } from '../harness/rollouts.ts';

let here: Served;
beforeAll(async () => {
  here = await served(BY_HAND);
});
afterAll(() => here[Symbol.asyncDispose]());

const generation = async () => (await here.world.get(MODEL_DEPLOYMENTS, 'digits'))?.metadata.generation;
const waitsAt = (step: number) =>
  here.world.until(
    `step ${step} waits`,
    (s) => inPhase('Paused', 'ApprovalRequired')(s) && s.rollout?.step === step && s.rollout.since !== undefined,
  );

describe('a rollout by hand', () => {
  it('waits for its approval, and says what to type', async () => {
    await here.apply(version('v1', 0), version('v2', 100));
    await waitsAt(0);
    const said = await here.world.until(
      'it is told',
      (s) => conditionOf(s, 'Stalled')?.reason === 'RolloutPaused' && s.traffic === 'v1:90 v2:10',
    );
    expect(said.blockedBy).toContain('modelship rollout approve digits');
    expect(conditionOf(said, 'Ready')?.message).toMatch(/waits for approval/);
  });

  it('passes over a text that is no command, and says so', async () => {
    await annotate(here.world, 'go on');
    const said = await here.world.until(
      'it is told',
      (s) => conditionOf(s, 'Accepted')?.reason === 'AcceptedWithWarnings',
    );
    expect(conditionOf(said, 'Accepted')?.message).toMatch(/modelship\.dev\/rollout is "go on": expected COMMAND/);
    expect(await here.world.shares()).toEqual({ v1: 90, v2: 10 });
  });

  it('goes one step for one approval, however often the annotation is seen', async () => {
    const before = await generation();
    const text = await command(here.world, 'approve');
    const said = await waitsAt(1);
    expect(said.rollout?.honoured).toBe(text);
    await here.world.stop();
    await here.world.start();
    await here.world.settled(1_000);
    expect((await here.world.status())?.rollout).toMatchObject({ step: 1, phase: 'Paused' });
    expect(await here.world.shares()).toEqual({ v1: 50, v2: 50 });
    expect(await generation()).toBe(before);
  });

  it('stands still while it is paused, and goes on', async () => {
    await command(here.world, 'pause');
    const paused = await here.world.until('it is paused', inPhase('Paused', 'PauseRequested'));
    expect(paused.rollout?.step).toBe(1);
    const told = await here.world.until('it is told', (s) => /resume digits/.test(s.blockedBy ?? ''));
    expect(conditionOf(told, 'Stalled')?.reason).toBe('RolloutPaused');
    await command(here.world, 'resume');
    await waitsAt(1);
  });

  it('goes back at once when it is aborted', async () => {
    await command(here.world, 'abort');
    await here.world.until('it is back', (s) => inPhase('Aborted')(s) && s.traffic === 'v1:100');
    const said = await here.world.until('v2 is gone', (s) => versionIn(s, 'v2')?.phase === 'Withdrawn');
    expect(conditionOf(said, 'Stalled')).toMatchObject({ status: 'True', reason: 'RolloutAborted' });
    expect(conditionOf(said, 'Available')?.status).toBe('True');
    await eventually('its Deployment is gone', async () => (await here.world.deployment('v2')) === undefined);
    await here.world.settled(1_500);
    expect(await here.world.deployment('v2')).toBeUndefined();
  });

  it('begins anew when it is tried again: what was withdrawn comes back', async () => {
    const { id } = (await here.world.status())?.rollout ?? {};
    await command(here.world, 'retry');
    const said = await waitsAt(0);
    expect(said.rollout?.id).not.toBe(id);
    expect(await here.world.shares()).toEqual({ v1: 90, v2: 10 });
  });

  it('skips the rest when it is promoted', async () => {
    await command(here.world, 'promote');
    const done = await here.world.untilReady();
    expect(done).toMatchObject({ traffic: 'v2:100', rollout: { phase: 'Completed', reason: 'Promoted' } });
    await here.world.settled(1_500);
    const events = (await eventsOf(here.world)).map((text) => text.split(' ')[0] ?? '');
    const told = Object.groupBy(
      events.filter((reason) => /^Rol/.test(reason)),
      (reason) => reason,
    );
    expect(Object.fromEntries(Object.entries(told).map(([reason, all]) => [reason, all?.length]))).toMatchObject({
      RolloutStarted: 2,
      RolloutAborted: 1,
      RolloutResumed: expect.any(Number),
      RolloutCompleted: 1,
    });
  });
});
