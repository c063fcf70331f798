/** Totals since a start → increments by version. */
import { describe, expect, test } from 'vitest';
import { Increments, type ProcessReport } from '../../../core/analysis/increments.ts';
import type { VersionEvidence } from '../../../core/analysis/model.ts';
import { said } from './build.ts';

interface Look {
  reports?: ProcessReport[];
  missing?: string[];
  ended?: ProcessReport[];
}

/** What is counted at each look, 10 s apart; the first is at 10 s. */
function looks(...all: Look[]): Record<string, VersionEvidence>[] {
  const increments = new Increments();
  return all.map(({ reports = [], missing = [], ended = [] }, i) => {
    for (const last of ended) increments.ended(last);
    return increments.sample((i + 1) * 10_000, reports, missing).versions;
  });
}

const answered = (n: number, more: Partial<Parameters<typeof said>[0]> = {}) =>
  said({ version: 'v2', versions: { v2: { answered: n } }, ...more });
const called = (shielded: Record<string, number>, process = 'caller') =>
  said({ process, version: 'v1', versions: { v2: { shielded } } });
const failing = (errors: number, n = errors) => said({ version: 'v2', versions: { v2: { answered: n, errors } } });

describe('requests of v2 at the last look', () => {
  const table: Record<string, { looks: Look[]; requests: number | undefined; failures?: number }> = {
    'the first sight of a process is only a base': { looks: [{ reports: [answered(70)] }], requests: 0 },
    'what was counted since the look before': {
      looks: [{ reports: [answered(70)] }, { reports: [answered(75)] }],
      requests: 5,
    },
    'a process that started after the look before counts in full': {
      looks: [{}, { reports: [answered(9, { started: 12 })] }],
      requests: 9,
    },
    'one that started before it and was not seen is a base': {
      looks: [{}, { reports: [answered(9, { started: 8 })] }],
      requests: 0,
    },
    'a restart counts from zero': {
      looks: [{ reports: [answered(70)] }, { reports: [answered(4, { started: 15 })] }],
      requests: 4,
    },
    'a restart that has already counted more than before counts from zero too': {
      looks: [{ reports: [answered(3)] }, { reports: [answered(8, { started: 15 })] }],
      requests: 8,
    },
    'a report of the start before the last one is old news': {
      looks: [
        { reports: [answered(70)] },
        { reports: [answered(4, { started: 15 })] },
        { reports: [answered(71)] },
        { reports: [answered(6, { started: 15 })] },
      ],
      requests: 2,
    },
    'counters that went back without a restart count from zero': {
      looks: [{ reports: [answered(70)] }, { reports: [answered(6)] }],
      requests: 6,
    },
    'a missing report is made up for by the next': {
      looks: [{ reports: [answered(70)] }, { missing: ['a'] }, { reports: [answered(90)] }],
      requests: 20,
    },
    'a process that was missed before it was ever seen counts in full': {
      looks: [{}, { missing: ['a'] }, { reports: [answered(30, { started: 15 })] }],
      requests: 30,
    },
    'a process that went away and comes back is a base again': {
      looks: [{ reports: [answered(70)] }, {}, { reports: [answered(90)] }],
      requests: 0,
    },
    'a process that ended counts with its last report': {
      looks: [{ reports: [answered(70)] }, { ended: [answered(76)] }],
      requests: 6,
    },
    'a process that ended counts once, even if it is listed again': {
      looks: [
        { reports: [answered(70)] },
        { ended: [answered(76)], reports: [answered(76)] },
        { reports: [answered(76)] },
      ],
      requests: 0,
    },
    'a process that ended and is listed later counts once, also where its clock is ahead': {
      looks: [{}, { ended: [answered(76, { started: 25 })] }, { reports: [answered(76, { started: 25 })] }],
      requests: 0,
    },
    'two processes of a version are added up': {
      looks: [
        { reports: [answered(1), answered(2, { process: 'b' })] },
        { reports: [answered(11), answered(7, { process: 'b' })] },
      ],
      requests: 15,
    },
    'a dead canary: those who called it tell': {
      looks: [{ reports: [called({})] }, { reports: [called({ unreachable: 3, open: 40 })] }],
      requests: 43,
      failures: 43,
    },
    'an error is counted by the canary and by its caller, and is one': {
      looks: [{ reports: [failing(0, 0), called({})] }, { reports: [failing(5, 20), called({ error: 5 })] }],
      requests: 20,
      failures: 5,
    },
    'a canary that keeps its own time answers 504: one failure': {
      looks: [{ reports: [failing(0, 0), called({})] }, { reports: [failing(4, 20), called({ timeout: 4 })] }],
      requests: 20,
      failures: 4,
    },
    'a canary that hangs answers nothing: its callers count': {
      looks: [{ reports: [failing(0, 0), called({})] }, { reports: [failing(0, 20), called({ timeout: 4 })] }],
      requests: 24,
      failures: 4,
    },
    'a canary that died after its errors: its callers saw them': {
      looks: [{ reports: [failing(0, 0), called({})] }, { reports: [called({ error: 6 })] }],
      requests: 6,
      failures: 6,
    },
    'callers tell of errors first, the canary at the next look: counted once': {
      looks: [
        { reports: [failing(0, 0), called({})] },
        { reports: [failing(0, 0), called({ error: 6 })] },
        { reports: [failing(6), called({ error: 6 })] },
      ],
      requests: 0,
      failures: 0,
    },
    'the canary tells of errors first, callers at the next look: counted once': {
      looks: [
        { reports: [failing(0, 0), called({})] },
        { reports: [failing(6), called({})] },
        { reports: [failing(6), called({ error: 6 })] },
      ],
      requests: 0,
      failures: 0,
    },
    'what callers never told of does not hide later errors': {
      looks: [
        { reports: [failing(0, 0), called({})] },
        { reports: [failing(6), called({})] },
        { reports: [failing(6), called({})] },
        { reports: [failing(6), called({ unreachable: 1, error: 5 })] },
      ],
      requests: 6,
      failures: 6,
    },
    'the canary cannot be asked for long: its errors are counted once': {
      looks: [
        { reports: [failing(0, 0), called({})] },
        { reports: [called({ error: 6 })], missing: ['a'] },
        { reports: [called({ error: 9 })], missing: ['a'] },
        { reports: [failing(9), called({ error: 9 })] },
      ],
      requests: 0,
      failures: 0,
    },
  };
  test.each(Object.entries(table))('%s', (_, { looks: all, requests, failures = 0 }) => {
    const last = looks(...all).at(-1)?.v2;
    expect({ requests: last?.requests ?? 0, failures: last?.failures ?? 0 }).toEqual({ requests, failures });
  });
});

test('a sample says since when a process that was missing had not been counted', () => {
  const increments = new Increments();
  increments.sample(10_000, [answered(70)]);
  expect(increments.sample(20_000, [answered(75)])).not.toHaveProperty('since');
  increments.sample(30_000, [], [answered(0).process]);
  increments.sample(40_000, [], [answered(0).process]);
  expect(increments.sample(50_000, [answered(90)])).toMatchObject({
    since: 20_000,
    versions: { v2: { requests: 15 } },
  });
  expect(increments.sample(60_000, [answered(91)])).not.toHaveProperty('since');
});

test('pairs come from those who mirrored', () => {
  const mirrored = (compared: number, differing: number, mirrorFailed: number) =>
    said({ version: 'v1', versions: { v2: { compared, differing, mirrorFailed } } });
  const [, last] = looks({ reports: [mirrored(10, 2, 1)] }, { reports: [mirrored(30, 6, 4)] });
  expect(last?.v2).toMatchObject({ pairs: 20, differing: 4, mirrorFailures: 3, requests: 0 });
});

test('sketches and predictions come from the version itself', () => {
  const report = (n: number) =>
    answered(n, {
      latency: { 3: n },
      queue: { '-9': n },
      outputs: { label: { kind: 'labels', counts: { a: n, b: 1 } } },
    });
  const [, last] = looks({ reports: [report(5)] }, { reports: [report(12)] });
  expect(last?.v2).toMatchObject({
    latency: { 3: 7 },
    queue: { '-9': 7 },
    outputs: { label: { kind: 'labels', counts: { a: 7 } } },
  });
});

describe('custom metrics', () => {
  const custom = (metrics: NonNullable<Parameters<typeof said>[0]['custom']>, process = 'a') =>
    answered(0, { custom: metrics, process });
  test('a gauge is as it is, over all its series, also of a process that is new', () => {
    const [first, last] = looks(
      { reports: [custom({ depth: { type: 'gauge', value: 3, count: 1 } })] },
      {
        reports: [
          custom({ depth: { type: 'gauge', value: 5, count: 1 } }),
          custom({ depth: { type: 'gauge', value: 1, count: 1 } }, 'b'),
        ],
      },
    );
    expect(first?.v2?.custom).toEqual({ depth: { type: 'gauge', value: 3, count: 1 } });
    expect(last?.v2?.custom).toEqual({ depth: { type: 'gauge', value: 6, count: 2 } });
  });
  test('a counter and a histogram are increments, once they were seen', () => {
    const hits = (value: number) => ({ type: 'counter' as const, value, count: 0 });
    const sizes = (value: number, count: number) => ({ type: 'histogram' as const, value, count });
    const [, asked, last] = looks(
      { reports: [custom({})] },
      { reports: [custom({ hits: hits(100), sizes: sizes(50, 10) })] },
      { reports: [custom({ hits: hits(107), sizes: sizes(56, 12) })] },
    );
    expect(asked?.v2?.custom).toEqual({});
    expect(last?.v2?.custom).toEqual({ hits: hits(7), sizes: sizes(6, 2) });
  });
});
