/** A snapshot of a run → the lines of the live table. Pure. */
import type { DeploymentPhase, DeploymentView, Snapshot, VersionPhase, VersionView } from '../local/snapshot.ts';
import { counted, countText, latencyText, measuredPercent, percentText, rateText } from './numbers.ts';
import { clip, type Paint, plainPaint, type Style, visibleWidth, wrap } from './output.ts';
import { PHASE_STYLES as ROLLOUT_STYLES, stepText } from './rollout/words.ts';
import { type Cell, type Column, table } from './table.ts';

export interface RenderOptions {
  /** Columns; no line is wider. */
  width: number;
  paint?: Paint;
  /** The last line, such as how to stop. */
  footer?: string;
}

const COLUMNS: readonly Column[] = [
  { title: 'VERSION' },
  { title: 'PHASE' },
  { title: 'SHARE', align: 'right' },
  { title: 'OBSERVED', align: 'right', rank: 1 },
  { title: 'REQ/S', align: 'right', rank: 3, min: 6 },
  { title: 'P50', align: 'right', rank: 5, min: 7 },
  { title: 'P99', align: 'right', rank: 4, min: 7 },
  { title: 'ERRORS', align: 'right', rank: 2 },
  { title: 'REQUESTS', align: 'right', rank: 6 },
];

const PHASE_STYLES: Record<VersionPhase | DeploymentPhase, Style | undefined> = {
  Pending: 'dim',
  Starting: 'yellow',
  Ready: 'green',
  Restarting: 'red',
  Failed: 'red',
  Retiring: 'dim',
  Withdrawn: 'dim',
  Serving: 'green',
  Moving: 'yellow',
  Unavailable: 'red',
  Draining: 'yellow',
  Stopped: 'dim',
};

/** @returns the table, one line an item, none wider than the width */
export function renderLines(snapshot: Snapshot, { width, paint = plainPaint, footer }: RenderOptions): string[] {
  const lines = snapshot.deployments.flatMap((view) => [...deploymentLines(view, width, paint), '']);
  if (footer) lines.push(paint('dim', clip(footer, width)));
  return lines;
}

/** The live table as one text. */
export function render(snapshot: Snapshot, width: number, options: Omit<RenderOptions, 'width'> = {}): string {
  return renderLines(snapshot, { ...options, width }).join('\n');
}

function deploymentLines(view: DeploymentView, width: number, paint: Paint): string[] {
  const rows = view.versions.map((version) => versionRow(version, view));
  if (view.versions.length > 1) rows.push(totalRow(view));
  const shown = table(COLUMNS, rows, { width, paint });
  return [heading(view, width, paint), ...shown, ...rolloutLines(view, width, paint), ...notes(view, width, paint)];
}

/** Where the rollout stands and why; nothing of one that is over and well. */
function rolloutLines({ rollout, phase: whole }: DeploymentView, width: number, paint: Paint): string[] {
  if (!rollout || rollout.phase === 'Completed' || whole === 'Stopped') return [];
  const { phase, reason, message } = rollout;
  const lines = wrap(`rollout ${phase} (${reason}), ${stepText(rollout)}: ${message}`, Math.max(width - 2, 8));
  return lines.map((line) => paint(ROLLOUT_STYLES[phase], clip(`  ${line}`, width)));
}

function heading({ name, phase, url }: DeploymentView, width: number, paint: Paint): string {
  const fits = (parts: string[]) => visibleWidth(parts.join('  ')) <= width;
  const title = clip(name, width);
  if (!fits([title, phase])) return paint('bold', title);
  const start = `${paint('bold', title)}  ${painted(paint, PHASE_STYLES[phase], phase)}`;
  return fits([title, phase, url]) ? `${start}  ${paint('cyan', url)}` : start;
}

function versionRow(version: VersionView, { phase: whole, rollout }: DeploymentView): Cell[] {
  const { name, restarts, observed, requestsPerSecond, p50, p99, errors, requests } = version;
  const phase = whole === 'Stopped' ? whole : version.phase;
  const times = restarts > 0 && whole !== 'Stopped' ? ` (${restarts})` : '';
  return [
    name,
    { text: `${phase}${times}`, style: PHASE_STYLES[phase] },
    shareText(version, rollout?.phase === 'RolledBack' || rollout?.phase === 'Aborted'),
    observed === undefined ? { text: '–', style: 'dim' } : measuredPercent(observed),
    quiet(requestsPerSecond, rateText(requestsPerSecond)),
    latencyText(p50),
    latencyText(p99),
    { text: countText(errors), style: errors > 0 ? 'red' : 'dim' },
    countText(requests),
  ];
}

/**
 * `90%`; on the way there `25% → 90%`; a version that only gets copies `copies 20%`.
 * @param back whether a rollout went back: then the way leads to what is wanted now, not to what the file asks for
 */
function shareText({ share, wanted, goal = wanted, shadow }: VersionView, back: boolean): string {
  const end = back ? goal : wanted;
  if (shadow > 0 && share === 0 && end === 0) return `copies ${percentText(shadow)}`;
  return share === end ? percentText(share) : `${percentText(share)} → ${percentText(end)}`;
}

function totalRow({ total }: DeploymentView): Cell[] {
  const dim = (text: string): Cell => ({ text, style: 'dim' });
  return [
    dim('all'),
    '',
    '',
    '',
    dim(rateText(total.requestsPerSecond)),
    dim(latencyText(total.p50)),
    dim(latencyText(total.p99)),
    { text: countText(total.errors), style: total.errors > 0 ? 'red' : 'dim' },
    dim(countText(total.requests)),
  ];
}

/** What is wrong, what was shielded, and what is waited for. */
function notes({ phase, versions, waiting, rollout }: DeploymentView, width: number, paint: Paint): string[] {
  const indented = (style: Style, text: string) =>
    wrap(text, Math.max(width - 2, 8)).map((line) => paint(style, clip(`  ${line}`, width)));
  return [
    ...versions
      .filter((version) => version.cause !== undefined && version.phase !== 'Retiring')
      .flatMap(({ name, cause, phase: is }) =>
        is === 'Ready' ? indented('yellow', `${name} is back; before: ${cause}`) : indented('red', `${name}: ${cause}`),
      ),
    ...versions
      .filter(({ shielded }) => shielded > 0)
      .flatMap(({ name, shielded }) =>
        indented('yellow', `${name}: ${counted(shielded, 'request')} drawn for it answered by another version`),
      ),
    ...(phase === 'Stopped' ? [] : waiting.filter((each) => each !== rollout?.message)).flatMap((sentence) =>
      indented('yellow', sentence),
    ),
  ];
}

const quiet = (value: number, text: string): Cell => (value === 0 ? { text, style: 'dim' } : text);
const painted = (paint: Paint, style: Style | undefined, text: string) => (style ? paint(style, text) : text);
