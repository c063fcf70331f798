/** What is read from the status of routes. */
import { describe, expect, it } from 'vitest';
import type { StoredObject } from '../../../operator/kube/object.ts';
import { routeFacts, routesInForce } from '../../../operator/reconcile/routes.ts';
import { gathered, model, spec, stored } from './build.ts';

const PARENT = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' };

interface Condition {
  status?: string;
  observedGeneration?: number;
  type?: string;
  reason?: string;
}

const accepted = (more: Condition = {}) => ({
  type: 'Accepted',
  status: 'True',
  observedGeneration: 3,
  reason: 'Accepted',
  message: 'route accepted',
  lastTransitionTime: '2026-01-01T00:00:05Z',
  ...more,
});

function route(
  kind: string,
  conditions: Condition[][],
  more: { revision?: number; refs?: object[]; said?: object[] } = {},
): StoredObject {
  const refs = more.refs ?? [PARENT];
  const said = more.said ?? refs;
  const parents = conditions.map((list, i) => ({
    parentRef: said[i],
    controllerName: 'example.com/gw',
    conditions: list,
  }));
  const object = stored(kind, 'digits', { spec: { parentRefs: refs }, status: { parents } });
  object.metadata.generation = 3;
  const revision = 'revision' in more ? more.revision : 7;
  object.metadata.annotations = revision === undefined ? {} : { 'modelship.dev/table-revision': String(revision) };
  return object;
}

const of = spec([{ name: 'v1', traffic: 100 }], { routing: { gateway: { parentRefs: [{ name: 'public' }] } } });
const SERVED = {
  runtimeImage: 'x',
  servedApis: new Set(['gateway.networking.k8s.io/v1/HTTPRoute', 'gateway.networking.k8s.io/v1/GRPCRoute']),
};

function facts(owned: StoredObject[], protocols: string[] = ['rest'], options = SERVED) {
  return routeFacts(of, [{ serving: { protocols } as never }], gathered({ md: model(of), owned }), options);
}

describe('a gateway follows the table of revision 7', () => {
  const two = [PARENT, { ...PARENT, sectionName: 'other' }];
  const table: [string, boolean, StoredObject[], string[]?][] = [
    ['when it has accepted the route as it is', true, [route('HTTPRoute', [[accepted()]])]],
    ['with words of a newer one too', true, [route('HTTPRoute', [[accepted({ observedGeneration: 4 })]])]],
    [
      'whoever fills in defaults of a parent',
      true,
      [route('HTTPRoute', [[accepted()]], { said: [{ name: 'public', namespace: 'models' }] })],
    ],
    ['with a newer table', true, [route('HTTPRoute', [[accepted()]], { revision: 8 })]],
    ['not with words of an older route', false, [route('HTTPRoute', [[accepted({ observedGeneration: 2 })]])]],
    ['not with an older table', false, [route('HTTPRoute', [[accepted()]], { revision: 6 })]],
    [
      'not while other shares stand in for it',
      false,
      [route('HTTPRoute', [[accepted()]], { revision: undefined } as never)],
    ],
    ['not when it refuses', false, [route('HTTPRoute', [[accepted({ status: 'False' })]])]],
    ['not when it does not know', false, [route('HTTPRoute', [[accepted({ status: 'Unknown' })]])]],
    ['not when it says nothing', false, [route('HTTPRoute', [])]],
    [
      'not when it speaks of another listener',
      false,
      [route('HTTPRoute', [[accepted()]], { said: [{ ...PARENT, sectionName: 'x' }] })],
    ],
    ['not when one of two parents says nothing', false, [route('HTTPRoute', [[accepted()]], { refs: two })]],
    ['when both have', true, [route('HTTPRoute', [[accepted()], [accepted()]], { refs: two })]],
    ['not while the route is not there', false, []],
    ['not while one of two routes is not there', false, [route('HTTPRoute', [[accepted()]])], ['rest', 'grpc']],
    ['when both are', true, [route('HTTPRoute', [[accepted()]]), route('GRPCRoute', [[accepted()]])], ['rest', 'grpc']],
    [
      'also where it cannot find what the route leads to, which is told apart',
      true,
      [route('HTTPRoute', [[accepted(), accepted({ type: 'ResolvedRefs', status: 'False' })]])],
    ],
  ];
  it.each(table)('%s', (_, expected, owned, protocols) => {
    expect(routesInForce(facts(owned, protocols), 7)).toBe(expected);
  });

  it('always, where no gateway is asked for or none is served', () => {
    expect(routesInForce(facts([], ['rest'], { runtimeImage: 'x', servedApis: new Set() }), 7)).toBe(true);
    expect(routesInForce([], 7)).toBe(true);
  });

  it("not by a route of somebody else's", () => {
    const other = route('HTTPRoute', [[accepted()]]);
    other.metadata.ownerReferences = [];
    expect(routesInForce(facts([other]), 7)).toBe(false);
  });
});
