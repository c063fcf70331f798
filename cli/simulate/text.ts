/** A simulated rollout as people read it. Pure. */
import { oneLine } from '../cluster/words.ts';
import { counted, countText, measuredPercent } from '../numbers.ts';
import { type Output, wrap } from '../output.ts';
import { checkLine } from '../rollout/lines.ts';
import { PHASE_STYLES, shareText, spanText, stepText } from '../rollout/words.ts';
import { type Cell, table } from '../table.ts';
import type { Moment, Simulated } from './simulate.ts';

type Screen = Pick<Output, 'width' | 'paint'>;

const COLUMNS = ['TIME', 'STEP', 'SERVED', 'DECISION'].map((title) => ({ title }));
const INDENT = 4;

/** A line for each moment, with the message and the checks below it. */
export function momentLines(moments: readonly Moment[], { width, paint }: Screen): string[] {
  const rows = moments.map((moment): Cell[] => [
    spanText(moment.at),
    stepText(moment),
    servedText(moment.shares),
    { text: `${moment.phase}: ${moment.reason}`, style: PHASE_STYLES[moment.phase] },
  ]);
  const [titles = '', ...heads] = table(COLUMNS, rows, { width, paint });
  const below = Math.max(width - INDENT, 16);
  const details = (moment: Moment) => [
    ...wrap(oneLine(moment.message), below).map((line) => paint('dim', line)),
    ...moment.checks.flatMap((check) => checkLine(check, { paint, width: below })),
  ];
  const indented = (lines: string[]) => lines.map((line) => ' '.repeat(INDENT) + line);
  return [titles, ...heads.flatMap((head, at) => [head, ...indented(details(moments[at] as Moment))])];
}

function servedText(shares: Moment['shares']): string {
  return Object.entries(shares)
    .map(([name, share]) => `${name} ${shareText(share)}`)
    .join(', ');
}

const CUTS: Record<NonNullable<Simulated['cut']>, string> = {
  SamplesEnded: 'the samples ended before the rollout did; record or make more of them',
  ApprovalRequired: 'it waits for an approval, and nobody gives one here',
  Paused: 'it waits for a person',
  TooLong: 'it was not over when the time that is simulated was',
};

/** How it ended, and what users met. */
export function endLines({ end, endedAt, cut, users }: Simulated, { width, paint }: Screen): string[] {
  const after = `after ${spanText(endedAt)}`;
  const state = end && `${end.phase} (${end.reason})`;
  const verdict = cut ? `not over ${after}: ${CUTS[cut]}` : `${state} ${after}`;
  const style = cut ? 'yellow' : end ? PHASE_STYLES[end.phase] : 'yellow';
  return [...wrap(verdict, width).map((line) => paint(style, line)), ...usersLines(users, width)];
}

function usersLines(users: Simulated['users'], width: number): string[] {
  const all = Object.values(users).reduce((sum, { requests }) => sum + requests, 0);
  if (all === 0) return [];
  const named = Object.entries(users).sort(([a], [b]) => (a < b ? -1 : 1));
  const parts = named.map(([version, { requests, failures }]) => {
    const share = measuredPercent((100 * requests) / all);
    return `${version} ${countText(requests)} (${share}, ${counted(failures, 'failure')})`;
  });
  return wrap(`${counted(all, 'request')} of users in the samples: ${parts.join(', ')}`, width);
}
