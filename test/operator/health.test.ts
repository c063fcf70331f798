import { describe, expect, it } from 'vitest';
import { stuck, unfilled } from '../../operator/health.ts';
import { DEPLOYMENTS, PODS } from '../../operator/reconcile/resources.ts';

const cache = (resource = PODS, synced = true, trouble?: string) => ({ resource, synced, trouble });

describe('caches', () => {
  const cases: Record<string, [Parameters<typeof unfilled>[0], string | undefined]> = {
    'all filled': [[cache(), cache(DEPLOYMENTS)], undefined],
    'filled, and a watch that broke off': [[cache(PODS, true, 'watch pods: cut off')], undefined],
    'one not yet': [
      [cache(), cache(DEPLOYMENTS, false)],
      'not in the cache yet: deployments; the first lists are under way',
    ],
    'two refused': [
      [cache(PODS, false, 'list Pod: 403'), cache(DEPLOYMENTS, false, 'list Deployment: 403')],
      'not in the cache yet: pods and deployments; list Pod: 403',
    ],
  };
  it.each(Object.entries(cases))('%s', (_, [caches, says]) => expect(unfilled(caches)).toBe(says));

  it('say no more than a probe shows', () => {
    expect(unfilled([cache(PODS, false, 'x'.repeat(5_000))])?.length).toBeLessThan(600);
  });
});

describe('work', () => {
  const cases: Record<string, [Parameters<typeof stuck>[0], string | undefined]> = {
    'there is none': [undefined, undefined],
    'for a while': [{ key: 'models/digits', ms: 599_999 }, undefined],
    'without end': [{ key: 'models/digits', ms: 660_000 }, 'work on models/digits has not come back for 11 minutes'],
  };
  it.each(Object.entries(cases))('%s', (_, [run, says]) => expect(stuck(run)).toBe(says));
});
