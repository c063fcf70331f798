import { describe, expect, test } from 'vitest';
import { KubeError, type KubeErrorCode } from '../../../operator/kube/error.ts';
import { newPass, outcomeOf, type Pass } from '../../../operator/reconcile/pass.ts';
import { gathered, model, spec } from './build.ts';
import { walkState } from './walk-build.ts';

const error = (code: KubeErrorCode, retryAfterMs?: number) => new KubeError(code, 'no', { retryAfterMs });

function pass(more: Partial<Pass>): Pass {
  const of = spec([{ name: 'v1' }]);
  return { ...newPass(gathered({ md: model(of) }), { ok: true, data: { spec: of, leaving: [] } }), ...more };
}

describe('how a pass ends', () => {
  test.each<[string, Partial<Pass>, object]>([
    ['nothing is left to do', {}, { kind: 'done' }],
    ['something is due later', { lookAgain: [900, 300] }, { kind: 'after', ms: 300 }],
    ['something may pass', { errors: [error('Unavailable')], lookAgain: [300] }, { kind: 'retry', afterMs: 0 }],
    [
      'the API server asks for patience',
      { errors: [error('TooManyRequests', 7_000)] },
      { kind: 'retry', afterMs: 7_000 },
    ],
    [
      'a clock that jumped, and the same process leads on',
      { errors: [error('NotLeader')] },
      { kind: 'retry', afterMs: 0 },
    ],
    ['the namespace goes', { errors: [error('NamespaceTerminating')] }, { kind: 'terminal' }],
    [
      'what is refused does not hold up what is due',
      { errors: [error('Forbidden')], lookAgain: [500] },
      { kind: 'after', ms: 500 },
    ],
    ['what is refused is tried again', { errors: [error('Invalid')] }, { kind: 'after', ms: 30_000 }],
  ])('%s', (_, more, outcome) => {
    expect(outcomeOf(pass(more))).toMatchObject(outcome);
  });

  test.each<[string, Partial<Pass>, number]>([
    ['lets those go first whose spec is new', {}, 5_000],
    ['waits for nobody while a rollout walks', { rollout: { state: walkState(), waiting: [], notes: [] } }, 0],
    [
      'lets them, when the rollout has ended',
      { rollout: { state: walkState({ phase: 'Completed' }), waiting: [], notes: [] } },
      5_000,
    ],
    [
      'of what was taken back has none: its traffic may still be on the way',
      { rollout: { state: walkState({ phase: 'RolledBack' }), waiting: [], notes: [] } },
      0,
    ],
  ])('the next one %s', (_, more, patienceMs) => {
    expect(outcomeOf(pass({ lookAgain: [300], ...more }))).toEqual({ kind: 'after', ms: 300, patienceMs });
  });

  test('has no patience where a new spec came while it was at work', () => {
    expect(outcomeOf(pass({ lookAgain: [300, 0] }))).toEqual({ kind: 'after', ms: 0, patienceMs: 0 });
  });
});
