import { describe, expect, test } from 'vitest';
import { type PodReport, podReport, SHIELD_REASONS } from '../../../api/pod-report.ts';
import { MODEL_STATES } from '../../../api/status.ts';
import { addTallies, mergeReports } from '../../../runtime/fleet/merge-reports.ts';
import fc from '../../properties.ts';

const count = fc.nat({ max: 1e9 });
const MIRRORED = ['mirrored', 'compared', 'differing', 'mirrorFailed', 'mirrorDropped'] as const;
const PLAIN = ['answered', 'errors', 'refused', 'routed', 'forwarded', 'failed', ...MIRRORED] as const;
const counters = fc.record({
  ...(Object.fromEntries(PLAIN.map((name) => [name, count])) as Record<(typeof PLAIN)[number], typeof count>),
  shielded: fc.record(Object.fromEntries(SHIELD_REASONS.map((reason) => [reason, count])) as never),
});
const table = fc.record({
  revision: fc.integer({ min: 1, max: 9 }),
  primary: fc.constant('v1'),
  shares: fc.constant({}),
});

const label = fc.oneof(fc.constantFrom('', '0', '7', '__proto'), fc.nat(200).map(String));
const outputs = fc.record(
  {
    label: fc.record({ kind: fc.constant('labels'), counts: fc.dictionary(label, count, { maxKeys: 64 }) }),
    score: fc.record({ kind: fc.constant('numbers'), counts: fc.dictionary(fc.constantFrom('+1', '-1', '0'), count) }),
  },
  { requiredKeys: [] },
);

/** Any report of a process of digits v1. */
const report: fc.Arbitrary<PodReport> = fc
  .record({
    startedAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z'),
    ready: fc.boolean(),
    state: fc.constantFrom(...MODEL_STATES),
    digest: fc.option(fc.constant('ab'), { nil: undefined }),
    open: fc.nat(1_000),
    table: fc.option(table, { nil: undefined }),
    inFlight: fc.nat(1_000),
    versions: fc.dictionary(fc.constantFrom('v1', 'v2', 'v3'), counters),
    latency: fc.dictionary(fc.constantFrom('-5', '0', '12'), count),
    queue: fc.dictionary(fc.constantFrom('-5', '0', '12'), count),
    outputs: fc.option(outputs, { nil: undefined }),
  })
  .map(({ state, digest, open, ...rest }) =>
    podReport.parse({
      model: 'digits',
      version: 'v1',
      load: { state, phases: { open }, ...(digest && { digest }) },
      ...JSON.parse(JSON.stringify(rest)),
    }),
  );

const some = fc.array(report, { minLength: 1, maxLength: 4 }) as unknown as fc.Arbitrary<[PodReport, ...PodReport[]]>;

describe('reports of several processes', () => {
  test('are one valid report, whatever they say', () => {
    fc.assert(fc.property(some, (reports) => void podReport.parse(mergeReports(reports))));
  });

  test('every counter, the sketch and what is in flight are added up', () => {
    fc.assert(
      fc.property(some, (reports) => {
        const merged = mergeReports(reports);
        const sum = (read: (report: PodReport) => number) => reports.reduce((all, each) => all + read(each), 0);
        expect(merged.inFlight).toBe(sum(({ inFlight }) => inFlight));
        for (const version of ['v1', 'v2', 'v3']) {
          for (const name of PLAIN) {
            expect(merged.versions[version]?.[name] ?? 0).toBe(sum(({ versions }) => versions[version]?.[name] ?? 0));
          }
          for (const reason of SHIELD_REASONS) {
            const read = ({ versions }: PodReport) => versions[version]?.shielded[reason] ?? 0;
            expect(merged.versions[version]?.shielded[reason] ?? 0).toBe(sum(read));
          }
        }
        for (const bucket of ['-5', '0', '12']) {
          expect(merged.latency[bucket] ?? 0).toBe(sum(({ latency }) => latency[bucket] ?? 0));
          expect(merged.queue[bucket] ?? 0).toBe(sum(({ queue }) => queue[bucket] ?? 0));
        }
      }),
    );
  });

  test('predictions are added up: all of them, and by name those that there is room for', () => {
    fc.assert(
      fc.property(some, (reports) => {
        const merged = mergeReports(reports);
        expect(merged.outputs === undefined).toBe(reports.every((each) => each.outputs === undefined));
        const total = (each: PodReport, output: string) =>
          Object.values(each.outputs?.[output]?.counts ?? {}).reduce((sum, more) => sum + more, 0);
        for (const output of ['label', 'score']) {
          expect(total(merged, output)).toBe(reports.reduce((sum, each) => sum + total(each, output), 0));
        }
        const labels = Object.keys(merged.outputs?.label?.counts ?? {}).filter((each) => each !== '');
        expect(labels.length).toBeLessThanOrEqual(64);
      }),
    );
  });

  test('how they are grouped does not matter, and one alone stays what it is', () => {
    fc.assert(
      fc.property(report, report, report, (a, b, c) => {
        expect(mergeReports([mergeReports([a, b]), c])).toEqual(mergeReports([a, mergeReports([b, c])]));
        expect(mergeReports([a])).toEqual(a);
      }),
    );
  });

  test('ready when all are; the table in force is the oldest that one of them still has, or none', () => {
    fc.assert(
      fc.property(some, (reports) => {
        const { ready, table: merged } = mergeReports(reports);
        expect(ready).toBe(reports.every((each) => each.ready));
        const revisions = reports.map((each) => each.table?.revision ?? 0);
        expect(merged?.revision ?? 0).toBe(Math.min(...revisions));
      }),
    );
  });

  test('the worst state counts, with its failure', () => {
    const [good] = fc.sample(report, 1) as [PodReport];
    const loaded: PodReport = { ...good, load: { state: 'Loaded', phases: { open: 3 } } };
    const failure = { code: 'MODEL_CORRUPT', message: 'it is none' };
    const failed: PodReport = { ...good, load: { state: 'Failed', failure, phases: { open: 7 } } };
    expect(mergeReports([loaded, failed]).load).toEqual({ state: 'Failed', failure, phases: { open: 7 } });
  });
});

test('what processes counted that are gone stays added', () => {
  fc.assert(
    fc.property(report, report, (gone, alive) => {
      const { versions, latency, queue, outputs } = mergeReports([gone, alive]);
      expect(addTallies(gone, alive)).toEqual({ versions, latency, queue, ...(outputs && { outputs }) });
    }),
  );
});
