/** Kept differing requests as people read them. Pure. */
import type { Diff, Diffs, DiffTensor } from '../../api/diffs.ts';
import { ageText, oneLine } from '../cluster/words.ts';
import { counted } from '../numbers.ts';
import { clip, type Output, wrap } from '../output.ts';
import { previewText } from '../predict/show.ts';
import { type Cell, type Column, table } from '../table.ts';

export interface KeptDiff extends Diff {
  /** Whose answer users got. */
  stableVersion: string;
  /** Where it is kept. */
  process: string;
}

/** All that the processes keep, the newest first. */
export function collectDiffs(answers: readonly { process: string; answer: Diffs }[]): KeptDiff[] {
  return answers
    .flatMap(({ process, answer }) => answer.diffs.map((each) => ({ ...each, stableVersion: answer.stable, process })))
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

const COLUMNS: readonly Column[] = [
  { title: '#', align: 'right' },
  { title: 'WHEN' },
  { title: 'VERSIONS' },
  { title: 'WHAT DIFFERS' },
];

interface Look extends Pick<Output, 'width' | 'paint'> {
  /** Ms since 1970. */
  now: number;
}

/** One line each. */
export function diffTable(diffs: readonly KeptDiff[], { now, width, paint }: Look): string[] {
  const rows = diffs.map((each, at): Cell[] => [
    String(at + 1),
    ageText(each.at, now),
    `${each.stableVersion} → ${each.version}`,
    oneLine(each.reason),
  ]);
  return table(COLUMNS, rows, { width, paint });
}

/** One of them, whole: inputs, and both answers side by side by name. */
export function diffLines(each: KeptDiff, { width, paint }: Look): string[] {
  const wide = Math.max(...[each.version, each.stableVersion, 'input'].map((text) => text.length));
  const line = (who: string, tensor: DiffTensor) => {
    const cut = tensor.cutFrom === undefined ? '' : ` (first of ${counted(tensor.cutFrom, 'value')})`;
    const head = `${who.padEnd(wide)}  ${tensor.name} ${tensor.datatype} `;
    return clip(`${head}${valuesOf(tensor)}${cut}`, width);
  };
  return [
    ...wrap(`${each.at}  ${each.stableVersion} → ${each.version}, kept by ${each.process}`, width).map((text) =>
      paint('dim', text),
    ),
    ...wrap(oneLine(each.reason), width).map((text) => paint('yellow', text)),
    ...each.inputs.map((tensor) => line('input', tensor)),
    ...each.stable.map((tensor) => line(each.stableVersion, tensor)),
    ...each.canary.map((tensor) => line(each.version, tensor)),
  ];
}

/** A tensor whose values were cut no longer has its shape: it is shown as a list. */
function valuesOf({ name, datatype, shape, data, cutFrom }: DiffTensor): string {
  const size = shape.reduce((product, n) => product * n, 1);
  const whole = cutFrom === undefined && data.length === size;
  return previewText({ name, datatype, shape: whole ? shape : [data.length], data });
}

const SWITCH =
  'To keep some, set rollout.analysis.compare.keep to how many each process may keep, such as 20. It is off by default ' +
  'because what is kept holds what your users sent, and whoever may read the admin port can read it.';

/** Why there is nothing to show. @param keep as the processes report it */
export function nothingKept(name: string, keep: number): string {
  if (keep === 0) return `${name} keeps no differing requests. ${SWITCH}`;
  return `no differing request of ${name} is kept: none differed since the processes started, or nothing is mirrored now (up to ${keep} are kept by each process)`;
}
