/** Opens the models of a change, and compares each with the one that is served. */
import type { CompareRule } from '../../api/compare.ts';
import type { Launch } from '../../api/launch.ts';
import { signatureProblems } from '../../core/rollout/signature.ts';
import { type Finding, finding, mayPass } from './findings.ts';
import { forCheck, type NotOpened, type Opened, open } from './opened.ts';
import type { Place } from './places.ts';
import { type Disagreement, replayed } from './replay.ts';
import { type Requests, readRequests } from './requests.ts';

/** A model to open. */
export interface Subject {
  /** As it is called: a version, or a file. */
  name: string;
  launch: Launch | NotOpened;
  /** What messages point at. */
  at: Place;
}

export interface Candidate extends Subject {
  why: string;
  /** Where messages about its golden requests point at. */
  goldenAt: Place;
}

export interface Examination {
  deployment: string;
  stable: Subject | undefined;
  candidates: readonly Candidate[];
  /** Whether a changed signature is refused; else it is a note. */
  comparesSignatures: boolean;
  compare: CompareRule;
}

export interface ExamineOptions {
  /** Until a model is ready, ms. */
  timeoutMs: number;
  /** Fraction of the requests. */
  maxDisagreement: number | undefined;
  /** Replayed instead of the golden requests when two models are compared. */
  requests: Requests | undefined;
}

export interface ModelReport {
  deployment: string;
  version: string;
  uri?: string;
  why: string;
  digest?: string;
  readyMs?: number;
  inputs?: readonly object[];
  outputs?: readonly object[];
  /** Requests that it answered rightly; absent where it has none, or failed. */
  golden?: number;
  comparedWith?: string;
  /** Sentences; empty: it fits. Absent: there was nothing to compare with. */
  signature?: string[];
  disagreement?: Disagreement;
}

export interface Examined {
  models: ModelReport[];
  findings: Finding[];
}

/** One model at a time beside the served one: two processes at most, which start together. */
export async function examine(of: Examination, options: ExamineOptions): Promise<Examined> {
  const { deployment, stable, candidates } = of;
  if (candidates.length === 0) return { models: [], findings: [] };
  const opening = stable && opened(stable, options, false);
  const models: ModelReport[] = [];
  const findings: Finding[] = [];
  try {
    for (const candidate of candidates) {
      const examined = await examineOne(candidate, { opening, name: stable?.name ?? '' }, of, options);
      models.push(...examined.models);
      findings.push(...examined.findings);
    }
  } finally {
    const served = await opening;
    if (served && !('code' in served)) await served.close();
    else if (served && stable) findings.unshift(notComparable(deployment, stable, served));
  }
  return { models, findings };
}

function notComparable(deployment: string, { name, at }: Subject, { code, message }: NotOpened): Finding {
  const what = `${name}, which is served, cannot be opened: ${code}: ${message}`;
  const weight = mayPass(code) ? 'unknown' : 'refused';
  return finding('STABLE_NOT_OPENED', at, what, { deployment, version: name, weight });
}

interface Served {
  name: string;
  /** Undefined: there was nothing before. */
  opening: Promise<Opened | NotOpened> | undefined;
}

async function examineOne(
  candidate: Candidate,
  served: Served,
  of: Examination,
  options: ExamineOptions,
): Promise<Examined> {
  const { name: version, why, at, launch } = candidate;
  const says = { deployment: of.deployment, version };
  const golden = 'uri' in launch ? launch.golden : undefined;
  const base: ModelReport = { ...says, ...('uri' in launch && { uri: launch.uri }), why };
  const [first, before] = await Promise.all([opened(candidate, options, true), served.opening]);
  const failed =
    'code' in first ? [finding(first.code, placeOf(first, candidate), `${version}: ${first.message}`, says)] : [];
  // What else is wrong of it is worth knowing, and may be why its golden answers are.
  const wrongGolden = 'code' in first && first.code.startsWith('GOLDEN_');
  const model = wrongGolden ? await opened(candidate, options, false) : first;
  if ('code' in model) return { models: [base], findings: failed };
  try {
    const readable = golden && (!wrongGolden || first.code === 'GOLDEN_MISMATCH');
    const own = readable ? await readRequests(golden.uri) : undefined;
    const report: ModelReport = { ...base, ...factsOf(model), ...(own && !wrongGolden && { golden: own.length }) };
    if (!before || 'code' in before) return { models: [report], findings: failed };
    const requests = options.requests ?? own;
    const signature = signatureOf(before, model);
    // Of two models that cannot be asked the same, nothing can be counted.
    const counts = requests && signature.length === 0;
    const compared: ModelReport = {
      ...report,
      comparedWith: served.name,
      signature,
      ...(counts && { disagreement: await replayed(requests, before, model, of.compare) }),
    };
    const found = comparisonFindings(compared, of, at, wrongGolden ? undefined : options.maxDisagreement);
    return { models: [compared], findings: [...failed, ...found] };
  } finally {
    await model.close();
  }
}

function placeOf({ code }: NotOpened, { at, goldenAt }: Candidate): Place {
  return code.startsWith('GOLDEN_') ? goldenAt : at;
}

function comparisonFindings(
  report: ModelReport,
  { comparesSignatures }: Examination,
  at: Place,
  most: number | undefined,
): Finding[] {
  const { deployment, version, comparedWith = '', signature = [] } = report;
  const weight = comparesSignatures ? 'refused' : 'note';
  const changed = signature.map((what) =>
    finding('SIGNATURE_CHANGED', at, `${version} compared with ${comparedWith}: ${what}`, {
      deployment,
      version,
      weight,
    }),
  );
  return [...changed, ...disagreementFindings(report, at, most)];
}

/** @param replays whether its golden requests count */
async function opened(
  { launch }: Subject,
  { timeoutMs }: ExamineOptions,
  replays: boolean,
): Promise<Opened | NotOpened> {
  if ('code' in launch) return launch;
  const { golden, ...rest } = forCheck(launch);
  return open(replays && golden ? { ...rest, golden } : rest, timeoutMs);
}

function factsOf({ report, readyMs }: Opened) {
  const { load, signature } = report;
  return {
    ...(load.digest !== undefined && { digest: load.digest }),
    readyMs,
    ...(signature && { inputs: signature.inputs, outputs: signature.outputs }),
  };
}

function signatureOf(served: Opened, model: Opened): string[] {
  const [was, is] = [served.report.signature, model.report.signature];
  return was && is ? signatureProblems(was, is) : [];
}

function disagreementFindings(report: ModelReport, at: Place, most: number | undefined): Finding[] {
  const { deployment, version, disagreement, signature = [], comparedWith } = report;
  if (most === undefined || signature.length > 0) return [];
  const says = { deployment, version };
  if (!disagreement?.requests) {
    const why = disagreement ? `: ${disagreement.untoldFirst}` : '';
    return [finding('NOTHING_TO_REPLAY', at, `${version} has no requests to compare its answers by${why}`, says)];
  }
  const { requests, differing, first } = disagreement;
  if (differing <= most * requests) return [];
  const message = `${version} answers ${differing} of ${requests} requests otherwise than ${comparedWith}, allowed ${most * 100}%: ${first}`;
  return [finding('DISAGREEMENT', at, message, says)];
}
