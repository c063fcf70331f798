/** Walks that a person, an edit or an end of the supervisor comes into, on real processes under load. */
import { afterEach, expect, it, vi } from 'vitest';
import { Load, shares, wrongLabels } from './load.ts';
import { Modelship } from './modelship.ts';
import { answeredBy, CHECKS, failures, LOAD, rolloutOf } from './rollout.ts';

/** A machine that is busy with other tests takes its time to start processes. */
vi.setConfig({ testTimeout: 180_000 });

let modelship: Modelship | undefined;
let load: Load | undefined;

afterEach(async () => {
  await load?.stop();
  await modelship?.end();
  load = modelship = undefined;
});

/** Stops for a person at half of the traffic. */
const asking = {
  rollout: rolloutOf(CHECKS, { steps: [{ traffic: 20 }, { traffic: 50, approval: 'required' }] }),
  retireAfter: '1s',
};

/** v1 serves, and a walk to v2 waits for approval. */
async function waitingAtHalf(): Promise<Modelship> {
  const started = await Modelship.start({ v1: 100 }, asking);
  modelship = started;
  load = new Load(started.url, LOAD);
  await load.more(50);
  started.edit({ v2: 100 }, asking);
  await started.until('the second step waits', () => started.rollout?.reason === 'ApprovalRequired', 100_000);
  return started;
}

const told = (from: Modelship, type: string) =>
  from.events.filter((event) => event.type === type).map(({ message }) => message);

it('v2 wins, step by step, once it is approved; a command that is none is said to be none', async () => {
  const to = await waitingAtHalf();
  expect(to.rollout).toMatchObject({ phase: 'Paused', step: 1, steps: 2, from: { v1: 10_000 }, to: { v2: 10_000 } });
  expect(to.rollout?.checks?.map(({ verdict }) => verdict)).toEqual(['Pass', 'Pass', 'Pass']);
  to.commandText('approve/of-another/1/2026-01-01T00:00:00Z');
  await to.until('it is ignored', () => told(to, 'rollout-command-ignored').length > 0);
  to.commandText('go on');
  await to.until('it is ignored, too', () => told(to, 'rollout-command-ignored').length > 1);
  expect(told(to, 'rollout-command-ignored')).toEqual([
    expect.stringMatching(/the rollout is .*, not of-another; nothing was done$/),
    expect.stringMatching(/"go on": expected COMMAND\/ID\/STEP\/TIME/),
  ]);
  expect(to.rollout?.phase).toBe('Paused');
  const halved = load?.outcomes.length ?? 0;
  await load?.more(200);
  const half = load?.outcomes.slice(halved) ?? [];
  to.command('approve');
  await to.until('v2 has won', () => to.rollout?.phase === 'Completed');
  await to.until('v1 is gone', () => to.version('v1') === undefined);
  await load?.more(20);
  const outcomes = (await load?.stop()) ?? [];
  expect(failures(outcomes)).toEqual([]);
  expect(wrongLabels(outcomes)).toEqual([]);
  expect(told(to, 'rollout-step')).toEqual([
    'step 1 of 2 is in force: v1 80%, v2 20%',
    'step 2 of 2 is in force: v1 50%, v2 50%',
  ]);
  expect(told(to, 'rollout-completed')).toEqual(['v2 100% is in force']);
  expect(shares(half).v2).toBeGreaterThan(30);
  expect(answeredBy('v2', outcomes.slice(-20))).toBe(20);
});

it('a supervisor that was killed goes on where the walk stood, with a version that the file lists no more', async () => {
  const to = await waitingAtHalf();
  const { id, step } = to.rollout ?? {};
  await load?.stop();
  await to.crash();
  await to.until('both serve again', () => to.version('v1')?.share === 50 && to.version('v2')?.share === 50);
  expect(to.rollout).toMatchObject({ id, step, stable: 'v1' });
  load = new Load(to.url, LOAD);
  // What was measured is gone with the supervisor; nobody approves what nobody has measured.
  await to.until('the step waits again', () => to.rollout?.reason === 'ApprovalRequired', 100_000);
  expect(to.rollout).toMatchObject({ id, step });
  to.command('abort');
  await to.until('it is aborted', () => to.rollout?.phase === 'Aborted');
  await to.until('v2 is withdrawn', () => to.version('v2')?.phase === 'Withdrawn');
  expect(to.version('v2')).toMatchObject({ wanted: 100, goal: 0, share: 0 });
  await to.crash();
  await to.until('v1 serves alone', () => to.version('v1')?.share === 100);
  await load.stop();
  load = new Load(to.url, LOAD);
  expect(to.version('v2')?.phase).toBe('Withdrawn');
  to.command('retry');
  await to.until('it is tried again', () => to.rollout?.id !== id && (to.version('v2')?.share ?? 0) >= 20);
  to.command('promote');
  await to.until('v2 has all', () => to.rollout?.phase === 'Completed');
  expect(to.rollout?.reason).toBe('Promoted');
  expect(failures(await load.stop())).toEqual([]);
});

it('an edit in the middle walks on from what is served, and a revert goes back at once', async () => {
  const to = await waitingAtHalf();
  const first = to.rollout?.id;
  const steps = [{ traffic: 20, approval: 'required' } as const, { traffic: 50 }];
  to.edit({ v3: 100 }, { ...asking, rollout: rolloutOf([{ metric: 'error-rate', max: 0.05 }], { steps }) });
  await to.until('three versions serve', () => to.version('v3')?.share === 20);
  expect(to.rollout).toMatchObject({ from: { v1: 5_000, v2: 5_000 }, to: { v3: 10_000 }, stable: 'v1' });
  expect(to.rollout?.id).not.toBe(first);
  expect([to.version('v1')?.share, to.version('v2')?.share]).toEqual([40, 40]);
  to.edit({ v1: 50, v2: 50 }, asking);
  await to.until('it is back', () => to.rollout?.phase === 'Completed');
  expect(to.rollout).toMatchObject({ reason: 'Reverted', revert: true, to: { v1: 5_000, v2: 5_000 } });
  await to.until('v3 is gone', () => to.version('v3') === undefined);
  const outcomes = (await load?.stop()) ?? [];
  expect(failures(outcomes)).toEqual([]);
  expect(wrongLabels(outcomes)).toEqual([]);
});
