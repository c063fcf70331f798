/** Which reports become evidence, and when. */
import { describe, expect, test } from 'vitest';
import type { PrometheusAnswer } from '../../../api/prometheus.ts';
import type { EffectiveAnalysis } from '../../../core/analysis/analyst.ts';
import type { EvidenceSample } from '../../../core/analysis/model.ts';
import type { OpenWindow } from '../../../core/rollout/model.ts';
import type { ReportRead } from '../../../operator/evidence/reports.ts';
import { AnalysisMemory, analyse, customNames, reportAge } from '../../../operator/reconcile/analysis.ts';
import { FAILED, read } from '../evidence/build.ts';
import { FakeClock } from '../kube/fake-clock.ts';
import { pod } from './build.ts';

const WINDOW: OpenWindow = { id: 'a', step: 0, window: 0, since: 0, stable: 'v1', canaries: ['v2'] };
const ANALYSIS: EffectiveAnalysis = {
  intervalMs: 3_000,
  minSamples: 100,
  deadlineMs: 60_000,
  mirror: 0,
  compare: { absolute: 0, relative: 0, keep: 0 },
  checks: [{ metric: 'error-rate', max: 0.1 }],
};
const PODS = [pod('v1', 'p1', true), pod('v2', 'p2', true)];

const counters = (answered: number, errors = 0) => ({
  ...{ answered, errors, refused: 0, routed: 0, forwarded: 0, failed: 0, mirrored: 0 },
  ...{ compared: 0, differing: 0, mirrorFailed: 0, mirrorDropped: 0 },
  shielded: { unreachable: 0, timeout: 0, error: 0, open: 0 },
});
const says = (version: string, answered: number, errors = 0): ReportRead =>
  read({ version, versions: { [version]: counters(answered, errors) } });

function setup(analysis: Partial<EffectiveAnalysis> = {}, answers?: Map<string, PrometheusAnswer>) {
  const clock = new FakeClock();
  const memory = new AnalysisMemory();
  const settings = { ...ANALYSIS, ...analysis };
  const samples: EvidenceSample[] = [];
  const add = memory.analyst.add.bind(memory.analyst);
  memory.analyst.add = (sample) => {
    samples.push(sample);
    add(sample);
  };
  const queried: string[] = [];
  const forgotten: string[] = [];
  const queries = answers && {
    forget: (key: string) => void forgotten.push(key),
    want: (_key: string, _window: string, wanted: readonly { promql: string }[]) => {
      queried.push(...wanted.map(({ promql }) => promql));
      return { known: answers, lookAgain: 1_000 };
    },
  };
  /** @param reads by pod: what was read, and how long ago it was asked for, ms */
  const pass = (reads: Record<string, [ReportRead, number]>, pods = PODS) => {
    const entries = Object.entries(reads).map(
      ([name, [one, ago]]) => [`uid-Pod-${name}`, one, clock.now() - ago] as const,
    );
    const witnesses = {
      ...{ key: 'models/digits', namespace: 'models', model: 'digits', pods },
      reports: new Map(entries.map(([uid, one]) => [uid, one])),
    };
    const reports = { askedAt: () => new Map(entries.map(([uid, , at]) => [uid, at])) };
    return analyse(memory, witnesses, { reports, queries, clock });
  };
  const open = (window: OpenWindow | undefined = WINDOW) =>
    memory.open(window && { ...window, since: clock.wall() }, settings, clock.now(), clock.wall());
  return { clock, memory, samples, pass, open, queried, forgotten };
}

describe('a sample', () => {
  test('is taken of reports that were asked for since the one before, and counts what came since', async () => {
    const { clock, samples, pass, open } = setup();
    open();
    await clock.advance(200);
    pass({ p1: [says('v1', 1_000), 100], p2: [says('v2', 50), 50] });
    expect(samples).toHaveLength(1);
    // It stands where the first of its reports was asked for.
    expect(samples[0]?.at).toBe(clock.wall() - 100);
    await clock.advance(500);
    pass({ p1: [says('v1', 1_100), 100], p2: [says('v2', 60), 100] });
    expect(samples).toHaveLength(1);
    await clock.advance(500);
    pass({ p1: [says('v1', 1_200), 100], p2: [says('v2', 70, 3), 100] });
    expect(samples).toHaveLength(2);
    expect(samples[1]?.versions.v1?.requests).toBe(200);
    expect(samples[1]?.versions.v2).toMatchObject({ requests: 20, failures: 3 });
  });

  test('is not taken of what was asked before the window was open', async () => {
    const { clock, samples, pass, open } = setup();
    await clock.advance(1_000);
    open();
    await clock.advance(100);
    pass({ p1: [says('v1', 1), 150], p2: [says('v2', 1), 150] });
    expect(samples).toHaveLength(0);
  });

  test('waits for a pod that is late, then goes without it', async () => {
    const { clock, samples, pass, open } = setup();
    open();
    await clock.advance(100);
    const reads = (): Record<string, [ReportRead, number]> => ({ p1: [says('v1', 1), 50], p2: [FAILED, 50] });
    expect(pass(reads()).lookAgain).toContain(900);
    expect(samples).toHaveLength(0);
    await clock.advance(1_000);
    pass(reads());
    expect(samples[0]?.missing).toEqual(['uid-Pod-p2']);
  });

  test('does not wait for a pod that is not ready', async () => {
    const { clock, samples, pass, open } = setup();
    open();
    await clock.advance(100);
    pass({ p1: [says('v1', 1), 50] }, [PODS[0] as never, pod('v2', 'p2', false)]);
    expect(samples[0]?.missing).toEqual([]);
  });

  test('has what a pod counted that is gone', async () => {
    const { clock, samples, pass, open } = setup();
    open();
    await clock.advance(100);
    pass({ p1: [says('v1', 100), 10], p2: [says('v2', 10), 10] });
    await clock.advance(1_000);
    pass({ p1: [says('v1', 200), 10] }, [PODS[0] as never]);
    await clock.advance(1_000);
    pass({ p1: [says('v1', 300), 10], p2: [says('v2', 10), 10] });
    expect(samples[2]?.versions.v2?.requests ?? 0).toBe(0);
  });
});

describe('a window', () => {
  test('is the same until another one is asked for, which counts from nothing', async () => {
    const { clock, memory, samples, pass } = setup();
    const window = { ...WINDOW, since: clock.wall() };
    const open = (more: Partial<OpenWindow> = {}) =>
      memory.open({ ...window, ...more }, ANALYSIS, clock.now(), clock.wall());
    expect(open()).toBe(true);
    expect(open()).toBe(false);
    await clock.advance(100);
    pass({ p1: [says('v1', 100), 10], p2: [says('v2', 10), 10] });
    await clock.advance(1_000);
    expect(open({ step: 1 })).toBe(true);
    await clock.advance(100);
    pass({ p1: [says('v1', 500), 10], p2: [says('v2', 90), 10] });
    expect(samples.at(-1)?.versions.v1?.requests ?? 0).toBe(0);
  });

  test('that was open before this process looks begins when it does', async () => {
    const { clock, memory, pass } = setup();
    await clock.advance(3_600_000);
    memory.open({ ...WINDOW, since: clock.wall() - 3_000_000 }, ANALYSIS, clock.now(), clock.wall());
    await clock.advance(100);
    const { verdicts } = pass({ p1: [says('v1', 100), 10], p2: [says('v2', 10), 10] });
    expect(verdicts?.since).toBe(clock.wall() - 100);
  });

  test('none: nothing is sampled', () => {
    const { pass, samples } = setup();
    expect(pass({ p1: [says('v1', 1), 0] })).toEqual({ verdicts: undefined, notes: [], lookAgain: [] });
    expect(samples).toEqual([]);
  });
});

describe('a check that asks a Prometheus', () => {
  const query = 'rate(x{version="{{canary}}"}[{{window}}])';
  const checks = [{ prometheus: query, max: 1 }];
  const both = { p1: [says('v1', 1), 10], p2: [says('v2', 1), 10] } satisfies Record<string, [ReportRead, number]>;

  test('has the number under the query as the spec has it', async () => {
    const { clock, open, pass, samples, queried } = setup({ checks }, new Map([[query, { ok: true, value: 3 }]]));
    open();
    await clock.advance(100);
    expect(pass(both).notes).toEqual([]);
    expect(queried).toEqual(['rate(x{version="v2"}[60s])']);
    expect(samples[0]?.prometheus).toEqual({ [query]: 3 });
  });

  test('has no number where there is no answer, and why is told', async () => {
    const none = setup({ checks }, new Map([[query, { ok: false, reason: 'Prometheus has no data for the query' }]]));
    none.open();
    await none.clock.advance(100);
    expect(none.pass(both).notes).toEqual(['Prometheus has no data for the query']);
    expect(none.samples[0]).not.toHaveProperty('prometheus');
  });

  test('is asked for no longer than the window is open', async () => {
    const { clock, memory, open, pass, forgotten } = setup({ checks }, new Map([[query, { ok: true, value: 3 }]]));
    open();
    await clock.advance(100);
    pass(both);
    expect(forgotten).toEqual([]);
    memory.open(undefined, undefined, clock.now(), clock.wall());
    pass(both);
    expect(forgotten).toEqual(['models/digits']);
  });

  test('nor where the operator knows of none', async () => {
    const none = setup({ checks });
    none.open();
    await none.clock.advance(100);
    expect(none.pass(both).notes.join()).toMatch(/start it with --prometheus-url/);
    expect(none.samples[0]).not.toHaveProperty('prometheus');
  });
});

test('how often pods are asked follows the interval, within bounds', () => {
  const age = (intervalMs: number) => reportAge({ ...ANALYSIS, intervalMs });
  expect([300, 3_000, 15_000, 3_600_000].map(age)).toEqual([250, 1_000, 5_000, 5_000]);
  const checks = [
    { custom: 'a', max: 1 },
    { metric: 'error-rate' as const, max: 1 },
    { custom: 'a', min: 0 },
  ];
  expect(customNames({ ...ANALYSIS, checks })).toEqual(['a']);
});
