/** The tree as lines of a terminal. Pure. */
import { counted } from '../numbers.ts';
import { clip, type Output, type Paint, type Style, wrap } from '../output.ts';
import type { Health, TreeNode } from './node.ts';

/** Pods shown below one parent; the failing ones come first. */
const PODS_SHOWN = 10;
/** Lines of one note: a termination message may have 4 KiB. */
const NOTE_LINES = 6;

const MARKS: Record<Health, { mark: string; style: Style; said: string }> = {
  ok: { mark: '✓', style: 'green', said: 'fine' },
  waiting: { mark: '…', style: 'yellow', said: 'waiting' },
  failing: { mark: '✗', style: 'red', said: 'failing' },
  none: { mark: '·', style: 'dim', said: 'of no health' },
};

type Screen = Pick<Output, 'width' | 'paint'>;

/** @returns one line an item, none wider than the width */
export function treeLines(root: TreeNode, screen: Screen): string[] {
  return nodeLines(root, '', '', screen);
}

function nodeLines(node: TreeNode, first: string, rest: string, screen: Screen): string[] {
  const { paint, width } = screen;
  const { children, more } = shown(node.children);
  const trunk = children.length > 0 || more ? '│ ' : '  ';
  const notes = node.notes.flatMap((note) => noteLines(note, `${rest}${trunk}`, screen, MARKS[node.health].style));
  const inner = children.flatMap((child, at) => {
    const last = at === children.length - 1 && !more;
    return nodeLines(child, `${rest}${last ? '└─ ' : '├─ '}`, `${rest}${last ? '   ' : '│  '}`, screen);
  });
  const cut = more ? [paint('dim', clip(`${rest}└─ ${more}`, width))] : [];
  return [headLine(node, first, screen), ...notes, ...inner, ...cut];
}

function headLine({ kind, name, health, words }: TreeNode, first: string, { width, paint }: Screen): string {
  const { mark, style } = MARKS[health];
  const strong: Paint = ['ModelDeployment', 'Version'].includes(kind) ? paint : (_style, text) => text;
  // What does not fit is cut from the right: the words first, then the name.
  let room = width;
  const take = (text: string) => {
    const cut = clip(text, room);
    room -= [...cut].length;
    return cut;
  };
  const branch = take(`${first}`);
  const sign = take(`${mark} `);
  const what = take(`${kind} `);
  const who = take(name);
  const how = take(`  ${words}`);
  const tone = health === 'failing' || health === 'waiting' ? paint(style, how) : how;
  const line = `${paint('dim', branch)}${paint(style, sign)}${paint('dim', what)}${strong('bold', who)}${tone}`;
  return line.trimEnd();
}

function noteLines(note: string, indent: string, { width, paint }: Screen, style: Style): string[] {
  const lines = wrap(note, Math.max(width - indent.length, 16));
  const kept = lines.length > NOTE_LINES ? [...lines.slice(0, NOTE_LINES - 1), '…'] : lines;
  return kept.map((line) => `${paint('dim', indent)}${paint(style, line)}`);
}

function shown(children: readonly TreeNode[]): { children: readonly TreeNode[]; more?: string } {
  const pods = children.filter(({ kind }) => kind === 'Pod');
  if (pods.length <= PODS_SHOWN) return { children };
  const hidden = new Set(pods.slice(PODS_SHOWN));
  const counts = (Object.keys(MARKS) as Health[]).flatMap((health) => {
    const many = [...hidden].filter((pod) => pod.health === health).length;
    return many > 0 ? [`${many} ${MARKS[health].said}`] : [];
  });
  return {
    children: children.filter((child) => !hidden.has(child)),
    more: `${counted(hidden.size, 'more pod')}: ${counts.join(', ')}`,
  };
}
