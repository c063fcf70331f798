/** ModelDeployments as a table. Pure. */
import type { RolloutStatus } from '../../api/status.ts';
import type { Output } from '../output.ts';
import { clip } from '../output.ts';
import { endOf } from '../rollout/view.ts';
import { PHASE_STYLES } from '../rollout/words.ts';
import { type Cell, type Column, table } from '../table.ts';
import type { ModelDeploymentObject } from './objects.ts';
import { ageText, conditionOf, isCurrent, NONE, oneLine } from './words.ts';

export interface ListOptions extends Pick<Output, 'width' | 'paint'> {
  /** Ms since 1970. */
  now: number;
  /** Whether they come from more than one namespace. */
  namespaces: boolean;
}

/** Columns that a message gets at least; less tells nothing. */
const MESSAGE_ROOM = 32;
const GAP = 2;

interface Field {
  title: string;
  /** Given up first where the width is short; 0: never. */
  rank: number;
  cell: (md: ModelDeploymentObject, now: number) => Cell;
}

const FIELDS: readonly Field[] = [
  { title: 'NAME', rank: 0, cell: ({ metadata }) => metadata.name },
  { title: 'READY', rank: 0, cell: readyCell },
  { title: 'TRAFFIC', rank: 1, cell: ({ status }) => status?.traffic || NONE },
  { title: 'VERSIONS', rank: 2, cell: ({ status }) => versionsText(status) },
  { title: 'ROLLOUT', rank: 4, cell: ({ status }) => rolloutCell(status?.rollout) },
  { title: 'AGE', rank: 3, cell: ({ metadata }, now) => ageText(metadata.creationTimestamp, now) },
];

const NAMESPACE: Field = { title: 'NAMESPACE', rank: 0, cell: ({ metadata }) => metadata.namespace ?? '' };

/** @returns one line an item, none wider than the width; first the titles */
export function listLines(all: readonly ModelDeploymentObject[], options: ListOptions): string[] {
  const { now, namespaces, width, paint } = options;
  const messages = all.map(messageOf);
  const wanted = Math.min(MESSAGE_ROOM, Math.max(...messages.map((text) => text.length), 'MESSAGE'.length));
  const fields = fitting(namespaces ? [NAMESPACE, ...FIELDS] : FIELDS, all, now, width - wanted - GAP);
  const columns: Column[] = [...fields.map(({ title }) => ({ title })), { title: 'MESSAGE' }];
  const rows = all.map((md, at) => [
    ...fields.map((field) => field.cell(md, now)),
    messageCell(md, messages[at] ?? ''),
  ]);
  return table(columns, rows, { width, paint });
}

function fitting(fields: readonly Field[], all: readonly ModelDeploymentObject[], now: number, width: number): Field[] {
  const widthOf = ({ title, cell }: Field) =>
    all.reduce((most, md) => Math.max(most, [...textOf(cell(md, now))].length), title.length);
  const sized = fields.map((field) => ({ field, size: widthOf(field) }));
  let kept = sized;
  while (kept.reduce((sum, { size }) => sum + size + GAP, -GAP) > width) {
    const worst = kept.reduce((a, b) => (b.field.rank > a.field.rank ? b : a));
    if (worst.field.rank === 0) break;
    kept = kept.filter((each) => each !== worst);
  }
  return kept.map(({ field }) => field);
}

const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);

function readyCell(md: ModelDeploymentObject): Cell {
  const ready = conditionOf(md.status, 'Ready');
  if (!ready) return { text: NONE, style: 'dim' };
  if (!isCurrent(md)) return { text: `${ready.status} (old)`, style: 'yellow' };
  return { text: ready.status, style: ready.status === 'True' ? 'green' : ready.status === 'False' ? 'red' : 'yellow' };
}

/** `Progressing 2/3`, at an end the phase alone. */
function rolloutCell(rollout: RolloutStatus | undefined): Cell {
  if (!rollout) return NONE;
  const { phase, step, steps } = rollout;
  const at = endOf(rollout) === undefined && step < steps ? ` ${step + 1}/${steps}` : '';
  return { text: `${phase}${at}`, style: PHASE_STYLES[phase] };
}

/** `v1 2/2, v2 0/2`: ready of wanted. */
export function versionsText(status: ModelDeploymentObject['status']): string {
  const versions = status?.versions ?? [];
  if (versions.length === 0) return NONE;
  return versions
    .map(({ name, readyReplicas = 0, replicas }) => `${name} ${readyReplicas}/${replicas ?? '?'}`)
    .join(', ');
}

/** Longest message that is kept for a row; what is wider than the terminal is cut there. */
const LONGEST = 400;

function messageOf(md: ModelDeploymentObject): string {
  const { status } = md;
  if (md.metadata.deletionTimestamp) return 'being deleted';
  if (!status?.conditions?.length) return 'no status yet: does the operator run?';
  if (!isCurrent(md)) return 'the newest spec was not looked at yet';
  return clip(oneLine(conditionOf(status, 'Ready')?.message ?? ''), LONGEST);
}

function messageCell(md: ModelDeploymentObject, text: string): Cell {
  const failing = conditionOf(md.status, 'Ready')?.status === 'False' && isCurrent(md);
  return { text, style: failing ? 'red' : md.status ? undefined : 'yellow' };
}
