/** How a judged change is shown: a table of the models that were opened, and what is wrong, with its place. */
import type { Context } from '../context.ts';
import { counted, percentText } from '../numbers.ts';
import { table } from '../table.ts';
import type { ModelReport } from './examine.ts';
import type { Finding, Weight } from './findings.ts';

export type Verdict = 'accepted' | 'refused' | 'unknown';

export function verdictOf(findings: readonly Pick<Finding, 'weight'>[]): Verdict {
  if (findings.some(({ weight }) => weight === 'refused')) return 'refused';
  return findings.some(({ weight }) => weight === 'unknown') ? 'unknown' : 'accepted';
}

const COLUMNS = [
  { title: 'MODEL', rank: 2 },
  { title: 'VERSION' },
  { title: 'WHY', rank: 4 },
  { title: 'DIGEST', rank: 3 },
  { title: 'SIGNATURE' },
  { title: 'GOLDEN' },
  { title: 'DIFFERS', rank: 1 },
];

/** The table goes to standard output, what is wrong to standard error. */
export function writeReport(models: readonly ModelReport[], findings: readonly Finding[], { out, err }: Context): void {
  const rows = models.map((model) => {
    const own = findings.filter(
      ({ version, deployment }) => version === model.version && deployment === model.deployment,
    );
    return rowOf(model, own);
  });
  const bare = models.every(({ deployment, version }) => deployment === version);
  const columns = bare ? COLUMNS.slice(1) : COLUMNS;
  const cells = bare ? rows.map((row) => row.slice(1)) : rows;
  if (rows.length > 0) {
    out.write(`${table(columns, cells, { width: out.width, paint: out.paint }).join('\n')}\n`);
  }
  for (const each of findings) err.write(`${err.paint(STYLE[each.weight], WORD[each.weight])}: ${lineOf(each)}\n`);
  const refused = findings.filter(({ weight }) => weight === 'refused').length;
  if (refused > 0) err.write(`refused for ${counted(refused, 'reason')}\n`);
  else if (findings.some(({ weight }) => weight === 'unknown'))
    err.write('no verdict: not all of it could be judged here\n');
}

const WORD: Record<Weight, string> = { refused: 'error', unknown: 'unknown', note: 'note' };
const STYLE = { refused: 'red', unknown: 'yellow', note: 'dim' } as const;

function lineOf({ file, line, column, path, code, message, todo }: Finding): string {
  return `${file}:${line}:${column} ${path ? `${path}: ` : ''}${code}: ${message}; ${todo}`;
}

function rowOf({ deployment, version, why, ...model }: ModelReport, findings: readonly Finding[]) {
  const { digest, readyMs, signature, golden, disagreement, comparedWith } = model;
  const wrong = (test: (code: string) => boolean) =>
    findings.find(({ code, weight }) => weight !== 'note' && test(code));
  const failed = readyMs === undefined;
  const goldenWrong = wrong((code) => code.startsWith('GOLDEN_'));
  const bad = (text: string) => ({ text, style: 'red' as const });
  return [
    deployment,
    failed ? bad(version) : version,
    why,
    digest?.slice(0, 12) ?? '–',
    signature === undefined ? '–' : signature.length === 0 ? `fits ${comparedWith}` : bad('changed'),
    goldenWrong ? bad('failed') : golden === undefined ? '–' : `${golden} right`,
    differsText(disagreement, wrong((code) => code === 'DISAGREEMENT') !== undefined),
  ];
}

function differsText(disagreement: ModelReport['disagreement'], tooMuch: boolean) {
  if (!disagreement?.requests) return '–';
  const { requests, differing } = disagreement;
  const text = `${differing} of ${requests} (${percentText(Math.round((differing / requests) * 1_000) / 10)})`;
  return tooMuch ? { text, style: 'red' as const } : text;
}
