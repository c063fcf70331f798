import { describe, expect, it } from 'vitest';
import { parseRolloutCommand, type RolloutCommandName } from '../../../api/rollout-command.ts';
import type { RolloutStatus } from '../../../api/status.ts';
import { objection } from '../../../cli/rollout/command.ts';
import { give } from '../../../cli/rollout/give.ts';
import type { Hand } from '../../../cli/rollout/hand.ts';
import type { RolloutView } from '../../../cli/rollout/view.ts';
import { APPROVAL, COMPLETED, HOLDING, NOW, ROLLED_BACK, SPEC, viewOf } from './fixtures.ts';

const PAUSED: RolloutStatus = { ...HOLDING, phase: 'Paused', reason: 'PauseRequested' };
const REVERTING: RolloutStatus = { ...HOLDING, revert: true };
const WITHOUT_V1 = viewOf(COMPLETED, { versions: [{ name: 'v2', phase: 'Ready' }] });

describe('what makes sense', () => {
  it.each<[RolloutCommandName, string, RolloutView, RegExp | undefined]>([
    ['approve', 'a step that waits for it', viewOf(APPROVAL), undefined],
    [
      'approve',
      'a step that will want it',
      viewOf({ ...APPROVAL, phase: 'Progressing', reason: 'Analyzing' }),
      undefined,
    ],
    [
      'approve',
      'a step that needs none',
      viewOf(HOLDING),
      /waits for no approval: Progressing \(Holding\), step 2 of 3/,
    ],
    [
      'approve',
      'a step that has it',
      viewOf({ ...APPROVAL, reason: 'Analyzing', approved: 2 }),
      /waits for no approval/,
    ],
    ['pause', 'a walk', viewOf(HOLDING), undefined],
    ['pause', 'a pause', viewOf(PAUSED), /is paused already/],
    ['resume', 'a pause', viewOf(PAUSED), undefined],
    ['resume', 'a walk', viewOf(HOLDING), /is not paused/],
    ['resume', 'an approval', viewOf(APPROVAL), /use `approve`/],
    ['promote', 'a walk', viewOf(HOLDING), undefined],
    ['promote', 'a way back', viewOf(REVERTING), /goes back already/],
    ['abort', 'a walk', viewOf(HOLDING), undefined],
    ['abort', 'a way back', viewOf(REVERTING), /goes back already/],
    ['abort', 'the end, the old version still there', viewOf(COMPLETED), undefined],
    ['abort', 'the end, the old version gone', WITHOUT_V1, /v1 is gone; `undo` puts/],
    ['abort', 'a rollback', viewOf(ROLLED_BACK), /was rolled back; there is nothing to abort\. `retry`/],
    ['retry', 'a rollback', viewOf(ROLLED_BACK), undefined],
    ['retry', 'a walk', viewOf(HOLDING), /goes on: .*only one that was taken back/],
    ['retry', 'the end', viewOf(COMPLETED), /was completed; there is nothing to retry/],
    ['pause', 'no walk yet', viewOf(undefined), /nothing was rolled out yet/],
    ['pause', 'a spec without a rollout', viewOf(undefined, { spec: undefined }), /has no rollout/],
  ])('%s at %s', (command, _, view, why) => {
    const said = objection(command, view);
    if (why) expect(said).toMatch(why);
    else expect(said).toBeUndefined();
  });
});

/** A hand that shows what it is told to, one view a look, the last one from then on. */
function handOf(views: (sent: string | undefined) => RolloutView) {
  const sent: string[] = [];
  const hand: Hand = {
    where: '',
    honours: 'the operator',
    everyMs: 1_000,
    read: async () => views(sent.at(-1)),
    send: async (text) => void sent.push(text),
  };
  let now = NOW;
  const pace = {
    now: () => now,
    wait: async (ms: number) => {
      now += ms;
    },
  };
  return { hand, sent, pace, waited: () => now - NOW };
}

describe('a command', () => {
  it('names the walk, the step and the time, and ends when it is honoured', async () => {
    let looks = 0;
    const { hand, sent, pace, waited } = handOf((text) =>
      ++looks < 4 ? viewOf(APPROVAL) : viewOf({ ...APPROVAL, phase: 'Progressing', honoured: text }),
    );
    const { text, view } = await give(hand, 'approve', { timeoutMs: 30_000 }, pace);
    expect(sent).toEqual([`approve/${APPROVAL.id}/2/${new Date(NOW).toISOString()}`]);
    expect(parseRolloutCommand(text)).toMatchObject({ command: 'approve', id: APPROVAL.id, step: 2 });
    expect(view.rollout?.phase).toBe('Progressing');
    expect(waited()).toBe(2_000);
  });

  it('of a retry is honoured by the walk that it starts', async () => {
    const again = { ...HOLDING, id: 'another', step: 0 };
    const { hand, pace } = handOf((text) => viewOf(text ? { ...again, honoured: text } : ROLLED_BACK));
    const { view } = await give(hand, 'retry', { timeoutMs: 30_000 }, pace);
    expect(view.rollout?.id).toBe('another');
  });

  it('is not waited for when nobody wants to', async () => {
    const { hand, sent, pace, waited } = handOf(() => viewOf(HOLDING));
    await give(hand, 'pause', { timeoutMs: 0 }, pace);
    expect([sent.length, waited()]).toEqual([1, 0]);
  });

  it.each<[string, RolloutCommandName, RolloutView, RolloutView, RegExp]>([
    ['makes no sense', 'resume', viewOf(HOLDING), viewOf(HOLDING), /is not paused/],
    ['nobody honours', 'abort', viewOf(HOLDING), viewOf(HOLDING), /not honoured within 5s: does the operator run\?/],
    ['is for another walk now', 'abort', viewOf(HOLDING), viewOf({ ...HOLDING, id: 'b' }), /and b has begun before it/],
    ['is for a step that is over', 'promote', viewOf(HOLDING), viewOf({ ...HOLDING, step: 2 }), /that went on before/],
  ])('that %s is an error', async (_, command, before, after, message) => {
    const { hand, pace } = handOf((text) => (text === undefined ? before : after));
    await expect(give(hand, command, { timeoutMs: 5_000 }, pace)).rejects.toThrow(message);
  });

  it('of a pause or an abort holds at any step', async () => {
    let looks = 0;
    const { hand, pace } = handOf((text) =>
      viewOf(text === undefined ? HOLDING : { ...HOLDING, step: 2, ...(++looks > 2 && { honoured: text }) }),
    );
    await give(hand, 'pause', { timeoutMs: 30_000 }, pace);
    expect(looks).toBe(3);
  });
});

it('has a spec that the fixtures fit', () => {
  expect(SPEC.steps).toHaveLength(HOLDING.steps);
});
