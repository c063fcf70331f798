/** The picture of a rollout: its steps, its shares, its checks, what is waited for. Pure. */
import type { CheckStatus, RolloutStatus } from '../../api/status.ts';
import { ageText, oneLine } from '../cluster/words.ts';
import { percentText } from '../numbers.ts';
import { clip, type Output, type Paint, type Style, wrap } from '../output.ts';
import { type Cell, type Column, table } from '../table.ts';
import { namesOf, type StepMark, type StepView, stepsOf, timeLeft } from './steps.ts';
import type { RolloutView, VersionShare } from './view.ts';
import { asksFor, checkText, leftText, PHASE_STYLES, shareText, spanText, stepText, walkText } from './words.ts';

export interface PictureOptions extends Pick<Output, 'width' | 'paint'> {
  /** Ms since 1970. */
  now: number;
  /** How the user calls this program, for what can be said next; left out: nothing is proposed. */
  invoked?: string | undefined;
  /** Flags that say where, such as ` --namespace models`. */
  where?: string | undefined;
}

const MARKS: Record<StepMark, { mark: string; style: Style }> = {
  done: { mark: '✓', style: 'green' },
  now: { mark: '▶', style: 'cyan' },
  next: { mark: '·', style: 'dim' },
  failed: { mark: '✗', style: 'red' },
};

const VERDICTS: Record<CheckStatus['verdict'], { mark: string; style: Style }> = {
  Pass: { mark: '✓', style: 'green' },
  Fail: { mark: '✗', style: 'red' },
  Inconclusive: { mark: '…', style: 'yellow' },
};

/** @returns one line an item, none wider than the width */
export function pictureLines(view: RolloutView, options: PictureOptions): string[] {
  const { rollout, name } = view;
  if (!rollout) {
    const why = view.spec ? 'no rollout yet' : 'no rollout, and its spec has none';
    return [...wrap(`${name}: ${why}`, options.width), '', ...shareLines(view, options)];
  }
  const lines = [
    ...headLines(name, rollout, options),
    '',
    ...stepLines(view, rollout, options),
    ...shareLines(view, options),
    ...checkLines(rollout.checks ?? [], options),
    ...closingLines(view, rollout, options),
  ];
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

function headLines(name: string, rollout: RolloutStatus, { paint, width, now }: PictureOptions): string[] {
  const { phase, reason, message, startedAt, id } = rollout;
  const state = `${phase}: ${reason}, ${stepText(rollout)}`;
  const first = clip(state, Math.max(0, width - [...name].length - 2));
  const about = `${walkText(rollout)}  (rollout ${id}, started ${ageText(startedAt, now)} ago)`;
  return [
    paint('bold', clip(name, width)) + (first ? `  ${paint(PHASE_STYLES[phase], first)}` : ''),
    ...wrap(about, width).map((line) => paint('dim', line)),
    ...wrap(oneLine(message), width).map((line) => (phase === 'Progressing' ? line : paint(PHASE_STYLES[phase], line))),
  ];
}

/** A table of the steps with the shares of each; nothing where they are not known. */
function stepLines(view: RolloutView, rollout: RolloutStatus, { paint, width }: PictureOptions): string[] {
  const steps = stepsOf(rollout, view.spec);
  if (!steps) return [];
  const names = namesOf(rollout);
  const columns: Column[] = [
    { title: '' },
    { title: 'STEP' },
    { title: 'MOVED', align: 'right' },
    ...names.map((title): Column => ({ title, align: 'right', rank: 2 })),
    { title: 'HOLD', align: 'right', rank: 1 },
    { title: '' },
  ];
  const rows = steps.map((step) => stepRow(step, names, rollout));
  return [...table(columns, rows, { width, paint }), ''];
}

function stepRow(step: StepView, names: readonly string[], rollout: RolloutStatus): Cell[] {
  const { mark, style } = MARKS[step.mark];
  const end = step.index === rollout.steps;
  const strong = step.mark === 'now' ? 'bold' : step.mark === 'next' ? 'dim' : undefined;
  const cell = (text: string): Cell => (strong ? { text, style: strong } : text);
  return [
    { text: mark, style },
    cell(end ? 'end' : String(step.index + 1)),
    cell(shareText(step.moved)),
    ...names.map((name) => cell(shareText(step.shares[name] ?? 0))),
    cell(step.holdMs > 0 ? spanText(step.holdMs) : '–'),
    cell(noteOf(step, rollout)),
  ];
}

function noteOf({ approval, index, mark }: StepView, { approved, since }: RolloutStatus): string {
  const notes = [
    ...(approval ? [approved !== undefined && approved >= index ? 'approved' : 'needs approval'] : []),
    ...(mark === 'now' && since === undefined ? ['not in force yet'] : []),
  ];
  return notes.join(', ');
}

/** The shares wanted and seen, now. */
function shareLines({ versions, rollout }: RolloutView, { paint, width }: PictureOptions): string[] {
  if (versions.length === 0) return [];
  const columns: Column[] = [
    { title: 'VERSION' },
    { title: 'PHASE' },
    { title: 'READY', align: 'right', rank: 1 },
    { title: 'WANTED', align: 'right' },
    { title: 'SEEN', align: 'right' },
    { title: '' },
  ];
  const rows = versions.map((version): Cell[] => shareRow(version, rollout?.stable));
  return [...table(columns, rows, { width, paint }), ''];
}

function shareRow(version: VersionShare, stable: string | undefined): Cell[] {
  const { name, phase, wanted, seen, ready, replicas, failure } = version;
  const bad = phase === 'Failed' || phase === 'Withdrawn' || phase === 'Degraded' || phase === 'Restarting';
  const percent = (value: number | undefined) => (value === undefined ? '–' : percentText(value));
  return [
    name === stable ? `${name} (stable)` : name,
    { text: phase, style: bad ? 'red' : phase === 'Ready' ? 'green' : 'yellow' },
    ready === undefined ? '–' : `${ready}/${replicas ?? '?'}`,
    percent(wanted),
    {
      text: percent(seen),
      style: wanted !== undefined && seen !== undefined && wanted !== seen ? 'yellow' : undefined,
    },
    { text: failure ? oneLine(failure) : '', style: 'red' },
  ];
}

/** Each check with its number and its bound, as its message has them. */
function checkLines(checks: readonly CheckStatus[], options: PictureOptions): string[] {
  if (checks.length === 0) return [];
  return [...checks.flatMap((check) => checkLine(check, options)), ''];
}

/** One check, broken where the width is short. */
export function checkLine(check: CheckStatus, { paint, width }: { paint: Paint; width: number }) {
  const { mark, style } = VERDICTS[check.verdict];
  const indent = 2;
  return wrap(`${check.verdict} ${oneLine(checkText(check))}`, Math.max(width - indent, 16)).map((line, at) =>
    at === 0 ? `${paint(style, mark)} ${paint(style, line)}` : ' '.repeat(indent) + paint(style, line),
  );
}

/** Time left, what is waited for, and what can be said now. */
function closingLines({ name, spec, waiting }: RolloutView, rollout: RolloutStatus, options: PictureOptions): string[] {
  const { paint, width, now, invoked, where = '' } = options;
  const told = waiting.filter((sentence) => sentence !== rollout.message);
  const left = timeLeft(rollout, spec, now).map(leftText);
  const asks = asksFor(rollout).map((command) => `${invoked} rollout ${command} ${name}${where}`);
  return [
    ...told.flatMap((sentence) => wrap(`waits: ${oneLine(sentence)}`, width)).map((line) => paint('yellow', line)),
    ...left.map((text) => clip(text, width)),
    ...(invoked === undefined ? [] : asks.map((text) => paint('cyan', clip(`  ${text}`, width)))),
  ];
}
