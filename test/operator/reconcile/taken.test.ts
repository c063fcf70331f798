import { expect, it } from 'vitest';
import { newPass, outcomeOf } from '../../../operator/reconcile/pass.ts';
import { gathered, model, spec } from './build.ts';

it('a name that somebody else has is asked for again sooner than what is refused is tried again', () => {
  const of = spec([{ name: 'v1' }]);
  const pass = newPass(gathered({ md: model(of) }), { ok: true, data: { spec: of, leaving: [] } });
  const problem = { object: 'Service digits', reason: 'NameTaken', message: '', transient: false };
  expect(outcomeOf({ ...pass, problems: [problem] })).toMatchObject({ kind: 'after', ms: 5_000 });
  const refused = { ...problem, reason: 'Forbidden' };
  expect(outcomeOf({ ...pass, lookAgain: [], problems: [refused] })).toMatchObject({ kind: 'after', ms: 30_000 });
});
