/** `modelship validate --against`: the change as a whole, from files to a verdict. */
import { dirname, resolve } from 'node:path';
import { formatProblem, type Problem, parseModelDeploymentFiles } from '../../api/parse.ts';
import { checkVolumes } from '../../local/files.ts';
import type { Context } from '../context.ts';
import { CliError, EXIT, type ExitCode } from '../exit-codes.ts';
import { expandFolders, type NamedText, readNamed, STDIN } from '../files.ts';
import { json } from '../output.ts';
import { changesOf } from './changes.ts';
import { type Examination, type Examined, type ExamineOptions, examine, type ModelReport } from './examine.ts';
import { type Finding, finding } from './findings.ts';
import { tidiedOnSignal } from './opened.ts';
import { verdictOf, writeReport } from './report.ts';
import { readRequests } from './requests.ts';
import { bareExamination, examinationOf, located, statedIn } from './subjects.ts';

export interface JudgeFlags {
  output: 'text' | 'json';
  against?: string[];
  volume?: Record<string, string>;
  golden?: string;
  tolerance?: number;
  requests?: string;
  maxDisagreement?: number;
  timeout: number;
}

/** Flags that ask for a check of models; what they need else. */
const CHECKS = {
  golden: '--golden',
  tolerance: '--tolerance',
  requests: '--requests',
  maxDisagreement: '--max-disagreement',
};

const isModel = (name: string): boolean => /\.onnx$/i.test(name);

/**
 * Whether models are to be opened, not manifests to be read alone.
 * @throws CliError where a check is asked for that nothing would be held to
 */
export function opensModels(names: readonly string[], flags: JudgeFlags): boolean {
  if (flags.against !== undefined) return true;
  const opens = names.some(isModel);
  const idle = Object.entries(CHECKS).filter(([key]) => flags[key as keyof typeof CHECKS] !== undefined);
  const wrong = opens ? idle.filter(([key]) => key === 'requests' || key === 'maxDisagreement') : idle;
  if (wrong.length > 0) {
    const flagged = wrong.map(([, flag]) => flag).join(' and ');
    const needs = opens ? 'say by --against which one' : 'give --against FILE, or one .onnx file';
    throw new CliError(`${flagged}: there is nothing to compare with; ${needs}`, EXIT.usage);
  }
  return opens;
}

/** @throws CliError, LocalError where the command line cannot be used */
export async function judge(names: readonly string[], flags: JudgeFlags, context: Context): Promise<ExitCode> {
  const { against = [] } = flags;
  const models = [...names, ...against].filter(isModel).length;
  if (models === 0) refuseModelFlags(flags);
  else if (models < names.length + against.length || names.length !== 1 || against.length > 1) {
    throw new CliError('compare manifests with manifests, or one .onnx file with one .onnx file', EXIT.usage);
  }
  const { examinations, findings } = models > 0 ? judgeFiles(names, flags) : judgeManifests(names, flags);
  // What is wrong in the manifest is mended first.
  const stop = findings.some(({ code }) => code === 'MANIFEST_INVALID');
  const examined = stop ? [] : await tidiedOnSignal(() => examineAll(examinations, flags));
  const all = [...findings, ...examined.flatMap((each) => each.findings)].sort(byPlace);
  const reports = examined.flatMap((each) => each.models);
  const verdict = verdictOf(all);
  if (flags.output === 'json') {
    context.out.write(json({ valid: verdict === 'accepted', verdict, models: reports, findings: all }));
  } else {
    writeReport(reports, all, context);
    if (verdict === 'accepted')
      context.out.write(`${context.out.paint('green', 'OK')}  ${sentence(reports, against)}\n`);
  }
  return verdict === 'accepted' ? EXIT.ok : verdict === 'refused' ? EXIT.failed : EXIT.noVerdict;
}

interface ToExamine {
  examinations: Examination[];
  findings: Finding[];
}

function judgeFiles([model = '']: readonly string[], { against, golden, tolerance }: JudgeFlags): ToExamine {
  if (golden === undefined && tolerance !== undefined) {
    throw new CliError('--tolerance is of --golden: give the golden requests too', EXIT.usage);
  }
  const file = golden === undefined ? undefined : { uri: golden, tolerance: tolerance ?? 1e-4 };
  return { examinations: [bareExamination({ model, against: against?.[0], golden: file })], findings: [] };
}

function judgeManifests(names: readonly string[], { against = [], volume = {} }: JudgeFlags): ToExamine {
  const volumes = checkVolumes(volume);
  if ([...names, ...against].filter((name) => name === STDIN).length > 1) {
    throw new CliError('only one of the files can be standard input (-)', EXIT.usage);
  }
  const after = read(names);
  const { problems, documents } = parseModelDeploymentFiles(after, { otherKinds: 'ignore' });
  if (problems.length === 0 && documents.length === 0) problems.push(...after.map(nothingIn));
  if (problems.length > 0) return { examinations: [], findings: problems.map(invalid) };
  // `git show main:models/digits.yaml | modelship validate models/digits.yaml --against -` has one folder for both.
  const base = resolve(dirname(names.find((name) => name !== STDIN) ?? '.'));
  const { changes, findings } = changesOf(statedIn(read(against), base), statedIn(after, base));
  return { examinations: changes.map((change) => examinationOf(change, volumes)), findings };
}

function read(names: readonly string[]): NamedText[] {
  return expandFolders([...new Set(names)]).map(readNamed);
}

async function examineAll(examinations: readonly Examination[], flags: JudgeFlags): Promise<Examined[]> {
  const { timeout: timeoutMs, maxDisagreement, requests } = flags;
  const options: ExamineOptions = {
    timeoutMs,
    maxDisagreement,
    requests: requests === undefined ? undefined : await readRequests(located(requests)),
  };
  const examined: Examined[] = [];
  for (const each of examinations) examined.push(await examine(each, options));
  return examined;
}

function refuseModelFlags({ golden, tolerance }: JudgeFlags): void {
  if (golden === undefined && tolerance === undefined) return;
  throw new CliError(
    '--golden and --tolerance are for .onnx files; a manifest names its own golden requests',
    EXIT.usage,
  );
}

function invalid(problem: Problem): Finding {
  const { file, line, column, path, suggestion } = problem;
  const message = formatProblem({ ...problem, path: '', suggestion: '' }).slice(`${file}:${line}:${column} `.length);
  return finding('MANIFEST_INVALID', { file, line, column, path }, message, suggestion ? { todo: suggestion } : {});
}

function nothingIn({ name: file }: NamedText): Problem {
  return { file, line: 1, column: 1, path: '', message: 'no ModelDeployment in this file' };
}

function byPlace(a: Finding, b: Finding): number {
  return (a.file === b.file ? 0 : a.file < b.file ? -1 : 1) || a.line - b.line || a.column - b.column;
}

function sentence(models: readonly ModelReport[], against: readonly string[]): string {
  if (models.length === 0)
    return `nothing to open: no version was added, changed or gains traffic against ${against.join(', ')}`;
  const those = models.length === 1 ? 'the version serves' : `the ${models.length} versions serve`;
  if (against.length === 0) return those;
  const fresh = [
    ...new Set(models.filter(({ comparedWith }) => comparedWith === undefined).map((of) => of.deployment)),
  ];
  if (fresh.length === 0) return `${those}, and can take the place of what is served`;
  return `${those}; compared with nothing, since ${against.join(', ')} does not have it: ${fresh.join(', ')}`;
}
