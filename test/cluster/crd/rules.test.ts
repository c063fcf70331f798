/** The rule and format cases of `test/api`, put to a real API server. */
import { beforeAll, describe, expect, it } from 'vitest';
import { FORMAT_CASES } from '../../api/format-cases.ts';
import { RULE_CASES } from '../../api/rule-cases.ts';
import { mustCall } from '../../control-plane/access.ts';
import { namespace, useCluster } from '../harness/cluster.ts';
import { uncovered } from './coverage.ts';
import { verdict } from './judge.ts';

const access = useCluster();
let place: string;

beforeAll(async () => {
  place = await namespace();
});

describe('a manifest that is applied', () => {
  for (const [name, rule] of Object.entries(RULE_CASES)) {
    it(`${rule.refused ? 'is refused' : 'is accepted'}: ${name}`, async () => {
      const wanted = rule.refusedByServer ?? rule.refused;
      const said = await verdict(access, place, rule);
      if (wanted === undefined) expect(said).toBeUndefined();
      else expect(said).toContain(wanted);
    });
  }
});

describe('a written form that is applied', () => {
  for (const [name, { of, accepted, refused }] of Object.entries(FORMAT_CASES)) {
    it(`${name}: ${accepted.length} are accepted, ${refused.length} are refused`, async () => {
      const taken: unknown[] = [];
      for (const value of [...accepted, ...refused]) {
        if ((await verdict(access, place, { manifest: of(value) })) === undefined) taken.push(value);
      }
      expect(taken).toEqual(accepted);
    });
  }
});

interface Definition {
  spec: { versions: { schema: { openAPIV3Schema: object } }[] };
}

describe('every rule of the CRD that the API server serves', () => {
  const definition = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/modeldeployments.modelship.dev';

  it('refuses a case and lets one pass', async () => {
    const { spec } = (await mustCall(access, 'GET', definition)) as Definition;
    const schema = spec.versions[0]?.schema.openAPIV3Schema;
    expect(uncovered(schema ?? {}, Object.values(RULE_CASES))).toEqual({ neverRefused: [], neverAccepted: [] });
  });

  it('is looked for: without cases all are missing', async () => {
    const { spec } = (await mustCall(access, 'GET', definition)) as Definition;
    const { neverRefused, neverAccepted } = uncovered(spec.versions[0]?.schema.openAPIV3Schema ?? {}, []);
    expect(neverRefused.length).toBeGreaterThan(15);
    expect(neverAccepted).toEqual(neverRefused);
  });
});
