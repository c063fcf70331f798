/** Reads ModelDeployments from YAML files and says all that is wrong with them at once, with its place. */
import { findings } from './explain.ts';
import { API_VERSION, GROUP, KIND, type ModelDeployment, modelDeployment } from './model-deployment.ts';
import { type Problem, pathText } from './problems.ts';
import { withoutNulls } from './schema-walk.ts';
import { nearest } from './suggest.ts';
import { readYaml, type YamlDocument } from './yaml-source.ts';

export { formatProblem, formatProblems, type Problem } from './problems.ts';

export interface ParseOptions {
  /** What to do with a document of another kind, such as a ConfigMap; default `refuse`. */
  otherKinds?: 'refuse' | 'ignore';
}

export interface ParseResult {
  /** Those that are right, in the order of the files. */
  documents: ModelDeployment[];
  problems: Problem[];
}

/** One object of a file: a document, or an item of a `List`. */
interface Candidate {
  value: unknown;
  /** Where it is in its document. */
  prefix: PropertyKey[];
  report: (found: { path: PropertyKey[] } & Pick<Problem, 'message' | 'expected' | 'suggestion'>) => void;
  writtenAt: (path: PropertyKey[]) => string | undefined;
  /** `FILE:LINE:COLUMN` of a path. */
  placeOf: (path: PropertyKey[]) => string;
  /** Whether something is wrong with its YAML already. */
  spoilt: boolean;
}

/** Reads one file. @param fileName as it should stand in messages */
export function parseModelDeployments(text: string, fileName: string, options: ParseOptions = {}): ParseResult {
  return parseModelDeploymentFiles([{ name: fileName, text }], options);
}

/** Reads a set of files; two ModelDeployments of one name and namespace in them are a problem. */
export function parseModelDeploymentFiles(
  files: readonly { name: string; text: string }[],
  { otherKinds = 'refuse' }: ParseOptions = {},
): ParseResult {
  const problems: Problem[] = [];
  const documents: ModelDeployment[] = [];
  const taken = new Map<string, string>();
  for (const { name, text } of files) {
    const found: Problem[] = [];
    const objects = candidates(name, text, found);
    for (const candidate of objects) {
      if (!isOurs(candidate.value)) {
        if (otherKinds === 'refuse') candidate.report(foreign(candidate));
        continue;
      }
      const before = found.length;
      const value = withoutNulls(candidate.value, modelDeployment);
      for (const finding of findings(value, candidate.writtenAt)) candidate.report(finding);
      reportTakenName(candidate, taken);
      if (found.length === before && !candidate.spoilt) documents.push(modelDeployment.parse(value));
    }
    if (objects.length === 0 && found.length === 0 && otherKinds === 'refuse') {
      found.push({ file: name, line: 1, column: 1, path: '', message: `no ${KIND} in this file` });
    }
    problems.push(...found.sort((a, b) => a.line - b.line || a.column - b.column));
  }
  return { documents, problems };
}

function candidates(file: string, text: string, problems: Problem[]): Candidate[] {
  const documents = readYaml(text);
  return documents.flatMap((document, index) => {
    const place = { file, ...(documents.length > 1 ? { document: index + 1 } : {}) };
    for (const problem of document.problems) problems.push({ ...place, path: '', ...problem });
    if (document.value === undefined) return [];
    return objectsOf(document).map(({ value, prefix }): Candidate => {
      const positionOf = (path: PropertyKey[]) => document.positionOf([...prefix, ...path]);
      return {
        value,
        prefix,
        report: ({ path, ...said }) =>
          problems.push({ ...place, ...positionOf(path), path: pathText([...prefix, ...path]), ...said }),
        writtenAt: (path) => document.writtenAt([...prefix, ...path]),
        placeOf: (path) => `${file}:${positionOf(path).line}:${positionOf(path).column}`,
        spoilt: document.problems.length > 0,
      };
    });
  });
}

function objectsOf({ value }: YamlDocument): Pick<Candidate, 'value' | 'prefix'>[] {
  const { kind, items } = fieldsOf(value);
  if ((kind !== 'List' && kind !== `${KIND}List`) || !Array.isArray(items)) return [{ value, prefix: [] }];
  return items.map((item: unknown, index) => ({ value: item, prefix: ['items', index] }));
}

/** Whether it was meant to be a ModelDeployment: then it is checked as one, mistyped kind and all. */
function isOurs(value: unknown): boolean {
  const { apiVersion, kind, spec } = fieldsOf(value);
  if (kind === KIND) return true;
  if (typeof apiVersion === 'string' && apiVersion.startsWith(`${GROUP}/`)) return true;
  if (typeof kind === 'string') return apiVersion === undefined && nearest(kind, [KIND]) !== undefined;
  return fieldsOf(spec).versions !== undefined || typeof value !== 'object';
}

function foreign({ value }: Candidate): Parameters<Candidate['report']>[0] {
  const { kind } = fieldsOf(value);
  if (typeof kind !== 'string') {
    const suggestion = `write "apiVersion: ${API_VERSION}" and "kind: ${KIND}"`;
    return { path: [], message: 'the document does not say what it is', suggestion };
  }
  const near = nearest(kind, [KIND]);
  const suggestion = near ? `did you mean "${near}" of ${API_VERSION}?` : undefined;
  return { path: ['kind'], message: `got the kind "${kind}"`, expected: KIND, ...(suggestion ? { suggestion } : {}) };
}

function reportTakenName(candidate: Candidate, taken: Map<string, string>): void {
  const { name, namespace } = fieldsOf(fieldsOf(candidate.value).metadata);
  if (typeof name !== 'string') return;
  const key = JSON.stringify([namespace ?? null, name]);
  const earlier = taken.get(key);
  if (earlier === undefined) taken.set(key, candidate.placeOf(['metadata', 'name']));
  else candidate.report({ path: ['metadata', 'name'], message: `a ${KIND} "${name}" is at ${earlier} already` });
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
