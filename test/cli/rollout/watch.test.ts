import { describe, expect, it } from 'vitest';
import { colorPaint, outputOf, visibleWidth } from '../../../cli/output.ts';
import type { Hand } from '../../../cli/rollout/hand.ts';
import { jsonWatch, LiveWatch, plainWatch } from '../../../cli/rollout/reporters.ts';
import type { RolloutView } from '../../../cli/rollout/view.ts';
import { type WatchOptions, watchRollout } from '../../../cli/rollout/watch.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import { APPROVAL, COMPLETED, HOLDING, NOW, ROLLED_BACK, viewOf } from './fixtures.ts';

/** Shows each view once, the last one for ever. */
function handOf(views: (RolloutView | Error)[]): Hand {
  let next = 0;
  return {
    where: '',
    honours: 'the operator',
    everyMs: 1_000,
    read: async () => {
      const view = views[Math.min(next++, views.length - 1)] as RolloutView | Error;
      if (view instanceof Error) throw view;
      return view;
    },
    send: async () => {},
  };
}

function pace() {
  let now = NOW;
  return {
    now: () => now,
    wait: async (ms: number) => {
      now += ms;
    },
  };
}

function sink() {
  let text = '';
  const write = (more: string) => {
    text += more;
  };
  return { write, lines: () => text.split('\n').slice(0, -1), out: outputOf({ write }, { NO_COLOR: '1' }) };
}

async function watched(views: (RolloutView | Error)[], options: Partial<WatchOptions> = {}) {
  const { out, lines } = sink();
  const clock = pace();
  const code = await watchRollout(handOf(views), { untilPause: false, ...options }, plainWatch(out, clock), clock);
  return { code, lines: lines().map((line) => line.replace(/^\S+Z /, '')) };
}

const REACHED = viewOf(COMPLETED, { versions: [{ name: 'v2', phase: 'Ready', wanted: 100, seen: 100 }] });

const BEGIN = '\u001b[?2026h\u001b[?25l';
const END = '\u001b[?25h\u001b[?2026l';

describe('watch', () => {
  it('says what changes, and ends with 0 when all is done', async () => {
    const { code, lines } = await watched([viewOf(HOLDING), viewOf(HOLDING), viewOf(APPROVAL), REACHED]);
    expect(code).toBe(0);
    expect(lines).toEqual([
      'digits: rollout 3f2a9c01-lq3: v1 100% → 0%, v2 0% → 100%',
      'digits: Progressing (Holding), step 2 of 3: step 2 of 3 (v1 75%, v2 25%) is held for 5m',
      'digits: wants v1 75%, v2 25%',
      'digits: Pass error-rate: error rate 0.0004 over 2,410 requests, allowed 0.01',
      'digits: Inconclusive disagreement 0.031 over 96 mirrored requests, allowed 0.05',
      'digits: Paused (ApprovalRequired), step 3 of 3: step 3 of 3 (v1 50%, v2 50%) waits for an approval',
      'digits: Completed (StepsDone), the end: v2 100% is served',
      'digits: wants v2 100%',
    ]);
  });

  it.each<[string, (RolloutView | Error)[], Partial<WatchOptions>, number, RegExp | undefined]>([
    ['a rollback: 5', [viewOf(HOLDING), viewOf(ROLLED_BACK)], {}, 5, /RolledBack \(CheckFailed\)/],
    ['an abort: 5', [viewOf({ ...ROLLED_BACK, phase: 'Aborted', reason: 'AbortRequested' })], {}, 5, /Aborted/],
    ['a pause, when asked to: 6', [viewOf(APPROVAL)], { untilPause: true }, 6, /it waits for a person$/],
    ['time that ran out: 6', [viewOf(HOLDING)], { timeoutMs: 60_000 }, 6, /the time that it was given ran out/],
    ['a run that ended: 6', [viewOf(HOLDING, { gone: 'the run in x has ended' })], {}, 6, /the run in x has ended$/],
    ['nothing to look at: 1', [viewOf(undefined, { spec: undefined })], {}, 1, /has no rollout/],
    ['the rollout before: goes on', [viewOf(COMPLETED, { stale: true }), viewOf(ROLLED_BACK)], {}, 5, undefined],
    ['one that is about to begin: goes on', [viewOf(undefined), viewOf(COMPLETED)], {}, 0, undefined],
    [
      'a cluster that is away for a while: goes on',
      [viewOf(HOLDING), new KubeError('Unavailable', 'connection refused'), REACHED],
      {},
      0,
      /connection refused; trying again/,
    ],
  ])('%s', async (_, views, options, code, line) => {
    const ended = await watched(views, options);
    expect(ended.code).toBe(code);
    if (line) expect(ended.lines).toContainEqual(expect.stringMatching(line));
  });

  it('ends where waiting mends nothing', async () => {
    await expect(watched([viewOf(HOLDING), new KubeError('Forbidden', 'no')])).rejects.toThrow('no');
    await expect(watched([new KubeError('Unavailable', 'away')])).rejects.toThrow('away');
  });

  it('in JSON is a line for each change, and none for what is measured', async () => {
    const { out, lines } = sink();
    const clock = pace();
    const moved = viewOf(HOLDING, { versions: viewOf(HOLDING).versions.map((each) => ({ ...each, seen: 33 })) });
    const views = [viewOf(HOLDING), moved, viewOf(APPROVAL), REACHED];
    await watchRollout(handOf(views), { untilPause: false }, jsonWatch(out, clock), clock);
    const said = lines().map((line) => JSON.parse(line) as { time: string; rollout: { phase: string } });
    expect(said.map(({ rollout }) => rollout.phase)).toEqual(['Progressing', 'Paused', 'Completed']);
    expect(said[1]?.time).toBe(new Date(NOW + 2_000).toISOString());
  });

  it('at a terminal is redrawn in place, fits it, and leaves the last picture there', async () => {
    const written: string[] = [];
    const terminal = {
      columns: 60,
      rows: 40,
      write: (text: string) => written.push(text),
      on: () => {},
      off: () => {},
    };
    const clock = pace();
    const out = { ...outputOf({ write: () => {} }, {}), paint: colorPaint };
    const live = new LiveWatch(out, terminal, clock, { invoked: 'modelship', where: '' });
    const code = await watchRollout(
      handOf([viewOf(HOLDING), viewOf(APPROVAL), REACHED]),
      { untilPause: false },
      live,
      clock,
    );
    expect(code).toBe(0);
    for (const frame of written) {
      expect(Math.max(...frame.split('\n').map(visibleWidth))).toBeLessThanOrEqual(60);
      // One write a frame, cursor hidden and shown in it: no flicker, nothing to restore.
      expect([frame.startsWith(BEGIN), frame.endsWith(END)]).toEqual([true, true]);
    }
    expect(written.at(-1)).toContain('Completed: StepsDone');
    expect(written.at(-1)).not.toContain('Ctrl-C');
  });
});
