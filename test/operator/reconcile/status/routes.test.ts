/** What is said of a gateway that does not do as the routes say. */
import { describe, expect, it } from 'vitest';
import type { GatewayWord, RouteFacts, StatusFacts } from '../../../../operator/reconcile/status/facts.ts';
import { changesIn, statusOf } from '../../../../operator/reconcile/status/status.ts';
import { at, facts } from './build.ts';

const word = (more: Partial<GatewayWord> = {}): GatewayWord => ({
  holds: true,
  refuses: false,
  current: true,
  reason: 'Accepted',
  message: '',
  since: at(0),
  ...more,
});

const no = (reason: string, since: string, more: Partial<GatewayWord> = {}): GatewayWord =>
  word({ holds: false, refuses: true, reason, message: 'in its own\nwords', since, ...more });

function route(
  accepted?: GatewayWord,
  resolved: GatewayWord | undefined = word(),
  createdAt: string | undefined = at(0),
): RouteFacts {
  const parent = { name: 'Gateway public', accepted, resolved: accepted && resolved };
  return {
    kind: 'HTTPRoute',
    name: 'digits',
    createdAt,
    revision: 1,
    parents: createdAt === undefined ? [] : [parent],
  };
}

/** Reason and message of Ready, which condition is true, and blockedBy, 600 s after the start. */
function said(routes: RouteFacts[], more: Partial<StatusFacts> = {}) {
  const { conditions = [], blockedBy } = statusOf(facts({ routes, ...more }));
  const ready = conditions.find(({ type }) => type === 'Ready');
  const [holds] = ['Ready', 'Reconciling', 'Stalled'].filter((type) =>
    conditions.some((c) => c.type === type && c.status === 'True'),
  );
  return [holds, ready?.reason, ready?.message, blockedBy];
}

const REFUSED = 'Gateway public refuses HTTPRoute digits';

describe('a route', () => {
  const table: [string, RouteFacts, string, string, string][] = [
    [
      'that was just refused may be taken yet',
      route(no('NotAllowedByListeners', at(595))),
      'Reconciling',
      'RouteRefused',
      `${REFUSED}: NotAllowedByListeners: in its own words`,
    ],
    [
      'that stays refused',
      route(no('NotAllowedByListeners', at(590))),
      'Stalled',
      'RouteRefused',
      `${REFUSED}: NotAllowedByListeners: in its own words`,
    ],
    [
      'that leads to what the gateway does not find',
      route(word(), no('BackendNotFound', at(0))),
      'Stalled',
      'RouteRefused',
      `${REFUSED}: BackendNotFound: in its own words`,
    ],
    [
      'that was refused before it was changed',
      route(no('NoMatchingParent', at(0), { current: false })),
      'Reconciling',
      'RouteWaiting',
      'Gateway public has not accepted HTTPRoute digits as it is now',
    ],
    [
      'of which nothing is said yet',
      route(undefined, undefined, at(541)),
      'Reconciling',
      'RouteWaiting',
      'Gateway public says nothing of HTTPRoute digits',
    ],
    [
      'of which nothing is ever said',
      route(undefined, undefined, at(540)),
      'Stalled',
      'RouteWaiting',
      'Gateway public says nothing of HTTPRoute digits',
    ],
  ];
  it.each(table)('%s', (_, of, holds, reason, message) => {
    const [condition, why, words, blockedBy] = said([of]);
    expect([condition, why, words]).toEqual([holds, reason, message]);
    if (holds === 'Stalled') expect(blockedBy).toMatch(/^HTTPRoute digits: (mend|check) /);
    else expect(blockedBy).toBeUndefined();
  });

  it('that is not there yet', () => {
    const [condition, reason, message] = said([{ ...route(), createdAt: undefined, parents: [] }]);
    expect([condition, reason, message]).toEqual(['Reconciling', 'RouteWaiting', 'HTTPRoute digits is not there yet']);
  });

  it('that is taken is not spoken of', () => {
    expect(said([route(word())])[0]).toBe('Ready');
  });

  it('that a gateway does not follow is no fault of pods', () => {
    const [, , message] = said([route(word({ current: false }))], { inForce: false });
    expect(message).not.toContain('pods');
  });

  it('is looked at again when the same words mean more', () => {
    const again = (of: RouteFacts) => changesIn(facts({ routes: [of] }));
    expect(again(route(no('NoMatchingParent', at(595))))).toBe(5_000);
    expect(again(route(undefined, undefined, at(590)))).toBe(50_000);
    expect(again(route(no('NoMatchingParent', at(0))))).toBeUndefined();
    expect(again(route(word()))).toBeUndefined();
  });
});
