/** What is said of a ModelDeployment as a whole, above the tree. Pure. */
import type { Condition, RolloutStatus, Status } from '../../api/status.ts';
import { type Output, type Style, visibleWidth, wrap } from '../output.ts';
import { type StepView, stepsOf } from '../rollout/steps.ts';
import { endOf } from '../rollout/view.ts';
import { checkText, PHASE_STYLES, shareText, spanText, stepText, walkText } from '../rollout/words.ts';
import type { ModelDeploymentObject } from './objects.ts';
import { ageText, conditionOf, isCurrent, oneLine } from './words.ts';

interface Line {
  title: string;
  text: string;
  style?: Style | undefined;
}

/** @param now ms since 1970 @returns one line an item, none wider than the width */
export function headerLines(md: ModelDeploymentObject, now: number, screen: Pick<Output, 'width' | 'paint'>): string[] {
  const { name, namespace, creationTimestamp, deletionTimestamp } = md.metadata;
  const lines: Line[] = [
    { title: 'Name', text: name, style: 'bold' },
    { title: 'Namespace', text: namespace ?? '' },
    { title: 'Age', text: ageText(creationTimestamp, now) },
    ...(deletionTimestamp
      ? [{ title: 'Deleted', text: `${ageText(deletionTimestamp, now)} ago`, style: 'yellow' as const }]
      : []),
    ...(md.status?.url ? [{ title: 'URL', text: md.status.url, style: 'cyan' as const }] : []),
    ...(md.status?.traffic ? [{ title: 'Traffic', text: md.status.traffic }] : []),
    ...staleness(md),
    ...conditionLines(md.status),
    ...rolloutLines(md, now),
    ...(md.status?.blockedBy ? [{ title: 'Blocked by', text: md.status.blockedBy, style: 'bold' as const }] : []),
  ];
  const column = Math.max(...lines.map(({ title }) => title.length)) + 2;
  return lines.flatMap((line) => lineOf(line, column, screen));
}

function lineOf(
  { title, text, style }: Line,
  column: number,
  { width, paint }: Pick<Output, 'width' | 'paint'>,
): string[] {
  const parts = wrap(oneLine(text), Math.max(width - column, 16), title === 'URL' ? 'keep' : 'cut');
  return parts.map((part, at) => {
    const start = at === 0 ? paint('dim', title) + ' '.repeat(column - visibleWidth(title)) : ' '.repeat(column);
    return start + (style ? paint(style, part) : part);
  });
}

/** Without it, an old status would be read as an answer to the newest spec. */
function staleness(md: ModelDeploymentObject): Line[] {
  if (!md.status) {
    const text = 'none yet: the operator has not looked at it. Does it run, and does it watch this namespace?';
    return [{ title: 'Status', text, style: 'yellow' }];
  }
  if (isCurrent(md)) return [];
  const { observedGeneration = 0 } = md.status;
  const text = `of generation ${observedGeneration}; the spec is at ${md.metadata.generation}, which the operator has not looked at yet`;
  return [{ title: 'Status', text, style: 'yellow' }];
}

/** Which conditions are worth a line, and how bad each is when it has the status that earns one. */
const WORTH: readonly { type: Condition['type']; when: Condition['status'][]; style: Style }[] = [
  { type: 'Accepted', when: ['False', 'Unknown'], style: 'red' },
  { type: 'Available', when: ['True'], style: 'green' },
  { type: 'Available', when: ['False', 'Unknown'], style: 'red' },
  { type: 'Ready', when: ['True'], style: 'green' },
  { type: 'Ready', when: ['False', 'Unknown'], style: 'red' },
  { type: 'Reconciling', when: ['True'], style: 'yellow' },
  { type: 'Stalled', when: ['True'], style: 'red' },
];

const ANSWER = { True: 'yes', False: 'no', Unknown: 'not known' } as const;

function conditionLines(status: Status | undefined): Line[] {
  return WORTH.flatMap(({ type, when, style }) => {
    const condition = conditionOf(status, type);
    if (!condition || !when.includes(condition.status)) return [];
    const why = condition.message ? `: ${condition.message}` : condition.reason ? ` (${condition.reason})` : '';
    return [{ title: type, text: `${ANSWER[condition.status]}${why}`, style }];
  });
}

function rolloutLines({ status, spec }: ModelDeploymentObject, now: number): Line[] {
  const rollout = status?.rollout;
  if (!rollout) return [];
  const { phase, reason, since, message, checks = [] } = rollout;
  const over = endOf(rollout) !== undefined;
  const when = over ? '' : since === undefined ? ', not in force yet' : `, in force for ${ageText(since, now)}`;
  const style = PHASE_STYLES[phase];
  const steps = stepsOf(rollout, spec.rollout) ?? [];
  return [
    { title: 'Rollout', text: `${phase} (${reason}), ${stepText(rollout)}${when}`, style },
    { title: '', text: message, style: phase === 'Progressing' ? undefined : style },
    { title: 'Walk', text: walkText(rollout) },
    ...(steps.length > 1 ? [{ title: 'Steps', text: steps.map((step) => stepWords(step, rollout)).join('  ') }] : []),
    ...checks.map((check): Line => {
      const bad = check.verdict === 'Fail' ? 'red' : undefined;
      return { title: 'Check', text: `${check.verdict} ${checkText(check)}`, style: bad };
    }),
  ];
}

const STEP_MARKS = { done: '✓', now: '▶', next: '·', failed: '✗' } as const;

/** `▶ 25% (holds 5m)` */
function stepWords({ mark, moved, holdMs, approval, index }: StepView, { approved }: RolloutStatus): string {
  const notes = [
    ...(holdMs > 0 ? [`holds ${spanText(holdMs)}`] : []),
    ...(approval ? [approved !== undefined && approved >= index ? 'approved' : 'needs approval'] : []),
  ];
  return `${STEP_MARKS[mark]} ${shareText(moved)}${notes.length > 0 ? ` (${notes.join(', ')})` : ''}`;
}
