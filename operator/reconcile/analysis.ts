/**
 * The evidence of the window of analysis that is open: pods' reports and Prometheus' answers, sample by sample. All of it
 * is memory of this process: after a restart, or under another leader, a window begins anew.
 */

import type { PrometheusAnswer } from '../../api/prometheus.ts';
import { Analyst, type EffectiveAnalysis } from '../../core/analysis/analyst.ts';
import { Increments, type ProcessReport } from '../../core/analysis/increments.ts';
import type { Verdicts } from '../../core/analysis/model.ts';
import { promqlOf } from '../../core/analysis/query.ts';
import type { OpenWindow } from '../../core/rollout/model.ts';
import type { QueryKeeper } from '../evidence/query-keeper.ts';
import type { ReportKeeper } from '../evidence/report-keeper.ts';
import type { ReportRead } from '../evidence/reports.ts';
import type { Clock } from '../kube/clock.ts';
import { isReady, type Pod } from './pod.ts';

/** Reports of an analysis are no older than this, ms; those of a short interval a third of it. */
const OLDEST_MS = 5_000;
const YOUNGEST_MS = 250;

export class AnalysisMemory {
  window: OpenWindow | undefined;
  analysis: EffectiveAnalysis | undefined;
  readonly analyst = new Analyst();
  increments = new Increments();
  /** When the window was first seen by this process, ms since 1970. */
  beganAt = 0;
  /** ms of the clock: what was asked for before is of the time before the window. */
  openedAt = Number.NEGATIVE_INFINITY;
  sampledAt = Number.NEGATIVE_INFINITY;
  /** When the next sample may be taken, ms of the clock. */
  due = Number.NEGATIVE_INFINITY;
  /** By UID of the pod, as it was sampled last. */
  last = new Map<string, ProcessReport>();

  /** @param now ms of the clock @param wall ms since 1970 @returns whether it is another window than before */
  open(window: OpenWindow | undefined, analysis: EffectiveAnalysis | undefined, now: number, wall: number): boolean {
    const same = windowText(window) === windowText(this.window);
    if (!same) this.beganAt = wall;
    this.window = window;
    this.analysis = analysis;
    // Of a step that came into force before this process looked at it nothing is known from before it did.
    this.analyst.open(window && { ...window, since: Math.max(window.since, this.beganAt) }, analysis);
    if (same) return false;
    this.increments = new Increments();
    this.last.clear();
    this.openedAt = this.sampledAt = this.due = now;
    return true;
  }
}

export function windowText(window: OpenWindow | undefined): string | undefined {
  return window && `${window.id} ${window.step} ${window.window} ${window.since}`;
}

/** How old reports may be while the window is open, ms. */
export function reportAge({ intervalMs }: EffectiveAnalysis): number {
  return Math.max(YOUNGEST_MS, Math.min(OLDEST_MS, Math.floor(intervalMs / 3)));
}

export function customNames({ checks }: EffectiveAnalysis): string[] {
  return [...new Set(checks.flatMap(({ custom }) => custom ?? []))];
}

function promQueries({ checks }: EffectiveAnalysis): string[] {
  return [...new Set(checks.flatMap(({ prometheus }) => prometheus ?? []))];
}

export interface Witnesses {
  /** `NAMESPACE/NAME` */
  key: string;
  namespace: string;
  model: string;
  /** All pods of the model. */
  pods: readonly Pod[];
  reports: ReadonlyMap<string, ReportRead>;
}

export interface Sources {
  reports: Pick<ReportKeeper, 'askedAt'>;
  /** Absent where the operator knows of no Prometheus. */
  queries?: Pick<QueryKeeper, 'want' | 'forget'> | undefined;
  clock: Clock;
}

export interface Analysed {
  verdicts: Verdicts | undefined;
  /** Why a check has no answer, in sentences. */
  notes: string[];
  /** ms until there is something new to look at. */
  lookAgain: number[];
}

/** Takes a sample where one is due, and says what all of them say. */
export function analyse(memory: AnalysisMemory, witnesses: Witnesses, sources: Sources): Analysed {
  const { window, analysis } = memory;
  if (!window || !analysis) {
    sources.queries?.forget(witnesses.key);
    return { verdicts: undefined, notes: [], lookAgain: [] };
  }
  const { clock } = sources;
  const asked = answersOf(window, analysis, memory.openedAt, witnesses, sources);
  const lookAgain = [...asked.lookAgain, sample(memory, witnesses, sources, asked.values, reportAge(analysis))];
  const verdicts = memory.analyst.look(clock.wall());
  if (verdicts) lookAgain.push(Math.max(50, verdicts.nextAt - clock.wall()));
  return { verdicts, notes: asked.notes, lookAgain };
}

/**
 * A sample of the reports that were asked for since the one before; it stands at the moment when the first of them was.
 * Pods that are late are waited for as long again, and then are missing.
 * @returns ms until the next one is due
 */
function sample(
  memory: AnalysisMemory,
  { key, pods, reports }: Witnesses,
  { reports: keeper, clock }: Sources,
  prometheus: Record<string, number>,
  every: number,
): number {
  const now = clock.now();
  const wait = memory.due - now;
  if (wait > 0) return wait;
  const askedAt = keeper.askedAt(key);
  const fresh = new Map<string, ProcessReport>();
  let at = now;
  for (const { metadata } of pods) {
    const read = reports.get(metadata.uid);
    const asked = askedAt.get(metadata.uid) ?? Number.NEGATIVE_INFINITY;
    if (!read?.ok || asked <= memory.sampledAt) continue;
    fresh.set(metadata.uid, { process: metadata.uid, report: read.report });
    at = Math.min(at, asked);
  }
  const late = pods.filter((pod) => isReady(pod) && !fresh.has(pod.metadata.uid)).map(({ metadata }) => metadata.uid);
  const patience = memory.due + every - now;
  if (late.length > 0 && patience > 0) return patience;
  // What is there goes on being counted, so that nothing that came meanwhile is lost.
  if (fresh.size === 0) return every;
  const there = new Set(pods.map(({ metadata }) => metadata.uid));
  for (const [uid, last] of memory.last) {
    if (there.has(uid)) continue;
    memory.increments.ended(last);
    memory.last.delete(uid);
  }
  const taken = memory.increments.sample(clock.wall() - (now - at), fresh.values(), late);
  memory.analyst.add(Object.keys(prometheus).length > 0 ? { ...taken, prometheus } : taken);
  for (const [uid, report] of fresh) memory.last.set(uid, report);
  memory.sampledAt = now;
  memory.due = now + every;
  return every;
}

interface Asked {
  values: Record<string, number>;
  notes: string[];
  lookAgain: number[];
}

function answersOf(
  window: OpenWindow,
  analysis: EffectiveAnalysis,
  openedAt: number,
  { key, namespace, model }: Witnesses,
  { queries, clock }: Sources,
): Asked {
  const wanted = promQueries(analysis);
  if (wanted.length === 0) return { values: {}, notes: [], lookAgain: [] };
  if (!queries) return { values: {}, notes: [NO_PROMETHEUS], lookAgain: [] };
  const place = { namespace, model, window, now: clock.wall() };
  const asked = wanted.map((query) => ({ query, promql: promqlOf(query, place) }));
  const opened = `${windowText(window)} ${openedAt}`;
  const { known, lookAgain } = queries.want(key, opened, asked, Math.max(1_000, analysis.intervalMs));
  return { ...sorted(known), lookAgain: lookAgain === undefined ? [] : [Math.max(100, lookAgain)] };
}

const NO_PROMETHEUS = 'a check asks a Prometheus, and the operator knows of none: start it with --prometheus-url';

function sorted(known: ReadonlyMap<string, PrometheusAnswer>): Pick<Asked, 'values' | 'notes'> {
  const values: Record<string, number> = {};
  const notes = new Set<string>();
  for (const [query, answer] of known) {
    if (answer.ok) values[query] = answer.value;
    else notes.add(answer.reason);
  }
  return { values, notes: [...notes] };
}
