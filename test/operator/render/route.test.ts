/** Weights and rules of routes: tables, and the laws that hold for any split. */

import { describe, expect, it } from 'vitest';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import { moveShares } from '../../../core/split.ts';
import { firstPlan } from '../../../operator/render/first-plan.ts';
import type { PlannedVersion, RenderOptions, RenderPlan } from '../../../operator/render/input.ts';
import { versionName } from '../../../operator/render/names.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { render } from '../../../operator/render/render.ts';
import type { RouteRule } from '../../../operator/render/route-rules.ts';
import { routeWeights } from '../../../operator/render/route-weights.ts';
import fc from '../../properties.ts';
import { OPTIONS, parse } from './cases.ts';

type Endpoints = PlannedVersion['endpoints'];

function planned(name: string, endpoints?: Endpoints, more: Partial<PlannedVersion> = {}): PlannedVersion {
  return { name, model: { uri: 's3://m/1.onnx' }, serving: {}, replicas: 1, reachable: true, endpoints, ...more };
}

function tableOf(shares: Record<string, number>, primary = 'v1'): RenderPlan['table'] {
  const rows = moveShares(undefined, new Map(Object.entries(shares)));
  return { model: 'digits', revision: 4, primary, versions: rows.map((row) => ({ ...row, shadow: 0 })) };
}

describe('weights', () => {
  const all = () => true;
  type Row = [string, Record<string, number>, Record<string, Endpoints>, Record<string, number>];
  const table: Row[] = [
    ['the shares, where all can answer', { v1: 9_000, v2: 1_000 }, {}, { v1: 9_000, v2: 1_000 }],
    ['nothing for a share of 0', { v1: 10_000, v2: 0 }, {}, { v1: 10_000 }],
    ["a canary's goes to the primary", { v1: 9_000, v2: 1_000 }, { v2: 'none' }, { v1: 10_000 }],
    [
      'ready pods that the Service lacks count for nothing yet',
      { v1: 5_000, v2: 5_000 },
      { v2: 'coming' },
      { v1: 10_000 },
    ],
    [
      "the primary's goes to the others in proportion",
      { v1: 6_000, v2: 3_000, v3: 1_000 },
      { v1: 'none' },
      { v2: 7_500, v3: 2_500 },
    ],
    ['with what rounding leaves at the largest', { v1: 9_997, v2: 1, v3: 2 }, { v1: 'none' }, { v2: 3_333, v3: 6_667 }],
    ['nothing goes to one that takes no traffic', { v1: 10_000, v2: 0 }, { v1: 'none' }, { v1: 10_000 }],
    [
      'all stays where nobody can answer',
      { v1: 9_000, v2: 1_000 },
      { v1: 'none', v2: 'none' },
      { v1: 9_000, v2: 1_000 },
    ],
  ];
  it.each(table)('%s', (_, shares, endpoints, expected) => {
    const versions = Object.keys(shares).map((name) => planned(name, endpoints[name] ?? 'ready'));
    expect(Object.fromEntries(routeWeights(tableOf(shares), versions, all))).toEqual(expected);
  });

  it('lead to versions that have the port only', () => {
    const versions = [planned('v1', 'ready', { serving: { protocols: ['rest'] } }), planned('v2', 'ready')];
    const speaks = ({ serving }: PlannedVersion) => serving.protocols === undefined;
    expect([...routeWeights(tableOf({ v1: 9_000, v2: 1_000 }), versions, speaks)]).toEqual([['v2', 10_000]]);
  });

  it('sum to 10,000, are above 0, and give nothing to a version without endpoints while another answers', () => {
    const version = fc.record({
      points: fc.integer({ min: 0, max: 10 }),
      endpoints: fc.constantFrom<Endpoints>('ready', 'coming', 'none'),
    });
    fc.assert(
      fc.property(fc.array(version, { minLength: 1, maxLength: 6 }), fc.nat(), (list, at) => {
        const sum = list.reduce((all, { points }) => all + points, 0);
        fc.pre(sum > 0);
        const shares = list.map(({ points }) => Math.floor((points * 10_000) / sum));
        const first = shares.findIndex((share) => share > 0);
        shares[first] = (shares[first] ?? 0) + 10_000 - shares.reduce((all, share) => all + share, 0);
        const named = Object.fromEntries(shares.map((share, i) => [`v${i}`, share]));
        const versions = list.map(({ endpoints }, i) => planned(`v${i}`, endpoints));
        const weights = routeWeights(tableOf(named, `v${at % list.length}`), versions, all);
        expect([...weights.values()].reduce((total, weight) => total + weight, 0)).toBe(10_000);
        expect([...weights.values()].every((weight) => weight > 0)).toBe(true);
        const answering = (name: string) => list[Number(name.slice(1))]?.endpoints === 'ready';
        const some = Object.entries(named).some(([name, share]) => share > 0 && answering(name));
        if (some) expect([...weights.keys()].filter((name) => !answering(name))).toEqual([]);
      }),
    );
  });
});

function one(versions: string, gateway: string, more = ''): ModelDeployment {
  const text = `
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions: [${versions}]
  routing: {gateway: {parentRefs: [{name: public}]${gateway}}}
${more}`;
  return parse(text)[0] as ModelDeployment;
}

const version = (name: string, more = ''): string => `{name: ${name}, model: {uri: s3://m/${name}.onnx}${more}}`;
const TWO = `${version('v1', ', traffic: 90')}, ${version('v2', ', traffic: 10')}`;

function rendered(md: ModelDeployment, change: Partial<RenderPlan> = {}, options: Partial<RenderOptions> = {}) {
  const result = render(md, { ...firstPlan(md), ...change }, { ...OPTIONS, ...options });
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const routes = result.objects.filter(({ kind }) => kind.endsWith('Route'));
  return { kinds: routes.map(({ kind }) => kind), routes, warnings: result.warnings.map(({ reason }) => reason) };
}

const rulesOf = (route: KubeObject | undefined): RouteRule[] =>
  (route?.spec as { rules: RouteRule[] } | undefined)?.rules ?? [];

describe('routes', () => {
  const served = (...kinds: string[]) => ({
    servedApis: new Set(kinds.map((kind) => `gateway.networking.k8s.io/v1/${kind}`)),
  });
  const cohort = ', cohorts: [{name: testers, header: x-tester, values: ["yes"], version: v2}]';
  const sixteen = Array.from({ length: 16 }, (_, i) => version(`v${i}`, i === 0 ? ', traffic: 100' : '')).join(', ');
  const rest = ', serving: {protocols: [rest]}';
  type Row = [string, ModelDeployment, Partial<RenderOptions>, string[], string[]];
  const table: Row[] = [
    ['of both kinds', one(TWO, ''), {}, ['HTTPRoute', 'GRPCRoute'], []],
    ['of one kind where no version speaks gRPC', one(version('v1', rest), ''), {}, ['HTTPRoute'], []],
    ['of one kind where it is asked for', one(TWO, ', routes: [GRPCRoute]'), {}, ['GRPCRoute'], []],
    [
      'of one kind where the other is not served',
      one(TWO, ''),
      served('HTTPRoute'),
      ['HTTPRoute'],
      ['GatewayNotServed'],
    ],
    ['none where they are not served', one(TWO, ''), served(), [], ['GatewayNotServed']],
    [
      'no word where what is not served is not asked for',
      one(TWO, ', routes: [HTTPRoute]'),
      served('HTTPRoute'),
      ['HTTPRoute'],
      [],
    ],
    [
      'with a word where stickiness is lost',
      one(TWO, cohort, '  cohort: {header: x-user}'),
      {},
      ['HTTPRoute', 'GRPCRoute'],
      ['CohortNotSticky'],
    ],
    ['with a word where rules are too many', one(sixteen, ''), {}, ['HTTPRoute', 'GRPCRoute'], ['RouteFull']],
  ];
  it.each(table)('%s', (_, md, options, kinds, warnings) => {
    const result = rendered(md, {}, options);
    expect([result.kinds, result.warnings]).toEqual([kinds, warnings]);
  });

  it('stay within 16 rules and 128 matches at the most that a spec may ask for', () => {
    const protocols = ', serving: {protocols: [rest, grpc, tensorflow]}';
    const versions = Array.from({ length: 16 }, (_, i) =>
      version(`v${i}`, `${i === 0 ? ', traffic: 100' : ''}${protocols}`),
    );
    const values = `["${Array.from({ length: 8 }, (_, i) => `u${i}`).join('", "')}"]`;
    const cohorts = Array.from(
      { length: 8 },
      (_, i) => `{name: c${i}, header: x-h${i}, values: ${values}, version: v${i}}`,
    );
    for (const prefix of ['', ', pathPrefix: /digits']) {
      const { routes, warnings } = rendered(one(versions.join(', '), `${prefix}, cohorts: [${cohorts.join(', ')}]`));
      expect(warnings).toEqual(['RouteFull']);
      for (const route of routes) {
        const rules = rulesOf(route);
        expect(rules.length).toBeLessThanOrEqual(16);
        expect(rules.flatMap(({ matches }) => matches).length).toBeLessThanOrEqual(128);
        expect(rules.at(-1)?.backendRefs.map(({ weight }) => weight)).toEqual([10_000]);
      }
    }
  });

  it('put who names a version before who is of a cohort: of two that match equally well the first counts', () => {
    const [http] = rendered(one(TWO, cohort)).routes;
    const headers = rulesOf(http).map(({ matches }) => matches[0]?.headers?.[0]?.name);
    expect(headers).toEqual(['modelship-version', 'modelship-version', 'x-tester', undefined]);
  });

  it('lead a cohort to its version only while that can answer; a version by name, to nobody else', () => {
    const md = one(TWO, cohort);
    const { versions } = firstPlan(md);
    const at = (v2: Endpoints) =>
      rulesOf(
        rendered(md, { versions: versions.map((v) => ({ ...v, endpoints: v.name === 'v2' ? v2 : 'ready' })) })
          .routes[0],
      );
    expect(at('ready').map(({ backendRefs }) => backendRefs.map(({ weight }) => weight))).toEqual([
      [1],
      [1],
      [1],
      [9_000, 1_000],
    ]);
    expect(at('none').map(({ backendRefs }) => backendRefs.map(({ weight }) => weight))).toEqual([[1], [0], [10_000]]);
  });

  it('lead nobody to a version that the table does not know any more, such as one that was taken back', () => {
    const md = one(TWO, cohort);
    const { table } = firstPlan(md);
    const rows = moveShares(table.versions, new Map([['v1', 10_000]])).filter(({ name }) => name === 'v1');
    const { routes } = rendered(md, { table: { ...table, versions: rows.map((row) => ({ ...row, shadow: 0 })) } });
    expect(JSON.stringify(routes)).not.toContain(versionName('digits', 'v2'));
  });

  it('carry the revision of the table, but while a Service lacks pods that are ready', () => {
    const md = one(TWO, '');
    const { versions, table } = firstPlan(md);
    const at = (v2: Endpoints) => {
      const plan = {
        table: { ...table, revision: 7 },
        versions: versions.map((v) => ({ ...v, endpoints: v.name === 'v2' ? v2 : ('ready' as const) })),
      };
      return rendered(md, plan).routes[0]?.metadata.annotations?.['modelship.dev/table-revision'];
    };
    expect([at('ready'), at('coming'), at('none')]).toEqual(['7', undefined, '7']);
  });

  it('change with the shares, which leave all else alone', () => {
    const md = one(TWO, '');
    const plan = firstPlan(md);
    const [before, after] = [
      plan.table,
      {
        ...plan.table,
        revision: 2,
        ...{
          versions: moveShares(
            plan.table.versions,
            new Map([
              ['v1', 5_000],
              ['v2', 5_000],
            ]),
          ).map((row) => ({ ...row, shadow: 0 })),
        },
      },
    ].map((table) => render(md, { ...plan, table }, OPTIONS));
    if (!before?.ok || !after?.ok) throw new Error('refused');
    const changed = after.objects.filter((object, i) => JSON.stringify(object) !== JSON.stringify(before.objects[i]));
    expect(changed.map(({ kind }) => kind)).toEqual(['ConfigMap', 'HTTPRoute', 'GRPCRoute']);
  });
});
