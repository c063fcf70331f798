/** What a newcomer sees first: the digits example, 90 to 10, over the protocol that their client speaks. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { failed, Load, shares, testSet, wrongLabels } from './load.ts';
import { Modelship } from './modelship.ts';

describe('the digits example at 90 to 10', () => {
  let modelship: Modelship;

  beforeAll(async () => {
    modelship = await Modelship.start({ v1: 90, v2: 10 });
  });

  afterAll(() => modelship.stop());

  it('answers 2,000 real scans as scikit-learn does, in the stated shares, without an error', async () => {
    const outcomes = await new Load(modelship.url, { total: 2_000 }).finished();
    expect(outcomes).toHaveLength(2_000);
    expect(failed(outcomes)).toEqual([]);
    expect(wrongLabels(outcomes)).toEqual([]);
    const observed = shares(outcomes);
    expect(observed.v1).toBeGreaterThan(87);
    expect(observed.v1).toBeLessThan(93);
    expect(observed.v2).toBeGreaterThan(7);
    expect(observed.v2).toBeLessThan(13);
  });

  it('tells the two versions apart: their models disagree on some scans', () => {
    const { v1, v2 } = testSet.predictions as Record<'v1' | 'v2', number[]>;
    expect(v1.filter((label, scan) => label !== v2[scan]).length).toBeGreaterThan(10);
  });

  it('answers as the version that the request names, by path and by header', async () => {
    for (const version of ['v1', 'v2']) {
      const byPath = await modelship.predict({ path: `/v2/models/digits/versions/${version}/infer` });
      const byHeader = await modelship.predict({ headers: { 'modelship-version': version } });
      expect(byPath).toMatchObject({ status: 200, version, body: { model_version: version } });
      expect(byHeader).toMatchObject({ status: 200, version, body: { model_version: version } });
    }
    expect(await modelship.predict({ headers: { 'modelship-version': 'v9' } })).toMatchObject({
      status: 404,
      body: { code: 'VERSION_NOT_FOUND' },
    });
  });
});

describe('a cohort', () => {
  it('keeps its version, and both versions have cohorts', async () => {
    const modelship = await Modelship.start({ v1: 50, v2: 50 }, { cohort: 'x-user-id' });
    try {
      const seen = new Set<string>();
      for (let user = 0; user < 20; user++) {
        const headers = { 'x-user-id': `user-${user}` };
        const versions = new Set<string>();
        for (let i = 0; i < 5; i++) versions.add((await modelship.predict({ headers })).version);
        expect([...versions]).toHaveLength(1);
        for (const version of versions) seen.add(version);
      }
      expect([...seen].sort()).toEqual(['v1', 'v2']);
    } finally {
      await modelship.stop();
    }
  });
});
