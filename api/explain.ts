/** From what zod finds to what a person can act on. Pure. */
import { z } from 'zod';
import { modelDeployment } from './model-deployment.ts';
import { pathText } from './problems.ts';
import { expectation, fieldPaths, schemaAt } from './schema-walk.ts';
import { nearest, slip } from './suggest.ts';

/** A problem before it is placed in a file. */
export interface Finding {
  path: PropertyKey[];
  message: string;
  expected?: string;
  suggestion?: string;
}

/**
 * All that is wrong with a value that should be a ModelDeployment; empty when nothing is.
 * @param writtenAt the scalar at a path as it stands in the file
 */
export function findings(value: unknown, writtenAt: (path: PropertyKey[]) => string | undefined): Finding[] {
  const { error } = modelDeployment.safeParse(value);
  const issues = error?.issues ?? [];
  const unknown = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => unknownField(issue.path, key)) : [],
  );
  // A required field that is there under a mistyped name is one mistake, not two.
  const meant = new Set(unknown.map(({ meant }) => meant && pathText(meant)));
  const others = issues
    .filter(({ code, path }) => code !== 'unrecognized_keys' && !meant.has(pathText(path)))
    .map((issue) => explained(issue, at(value, issue.path), writtenAt));
  return [...others, ...unknown.map(({ meant: _meant, ...found }) => found)];
}

/** `meant`: the path that it seems to stand for. */
function unknownField(parent: PropertyKey[], key: string): Finding & { meant?: PropertyKey[] } {
  const schema = schemaAt(modelDeployment, parent);
  const names = schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
  const path = [...parent, key];
  const near = nearest(key, names);
  if (near) {
    return { path, message: 'unknown field', suggestion: `did you mean "${near}"?`, meant: [...parent, near] };
  }
  const elsewhere = fieldPaths(modelDeployment).find(
    (candidate) => candidate.startsWith('spec.') && candidate.endsWith(`.${key}`),
  );
  if (elsewhere) return { path, message: 'unknown field', suggestion: `did you mean ${elsewhere}?` };
  return { path, message: 'unknown field', expected: `one of ${names.join(', ')}` };
}

function explained(
  issue: z.core.$ZodIssue,
  value: unknown,
  writtenAt: (path: PropertyKey[]) => string | undefined,
): Finding {
  const { path } = issue;
  const schema = schemaAt(modelDeployment, path);
  const expected = expectation(schema);
  if (value === undefined && issue.code !== 'custom') return missing(path, schema, expected);
  if (value === null) return finding(path, 'has no value', expected);
  const suggestion = slip(value, schema, writtenAt(path));
  switch (issue.code) {
    case 'invalid_value':
      return finding(path, got(value), expected, didYouMean(value, issue.values.map(String)));
    case 'too_big':
    case 'too_small':
      return finding(path, ...size(issue, value));
    case 'invalid_type':
    case 'invalid_union':
      return finding(path, got(value, writtenAt(path)), expected, suggestion);
    default: {
      const wanted = /^expected (.*)$/s.exec(issue.message)?.[1];
      if (wanted === undefined) return finding(path, issue.message);
      return finding(path, got(value), wanted, issue.code === 'invalid_format' ? suggestion : undefined);
    }
  }
}

function missing(path: PropertyKey[], schema: z.ZodType | undefined, expected: string | undefined): Finding {
  const name = String(path.at(-1));
  if (schema instanceof z.ZodLiteral) {
    return finding(path, 'required field is missing', undefined, `write "${name}: ${[...schema.values][0]}"`);
  }
  return finding(path, 'required field is missing', expected);
}

function size(issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall, value: unknown): [string, string] {
  const bound = issue.code === 'too_big' ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  if (typeof value === 'string') return [`is ${value.length} characters long`, `${bound} characters`];
  if (Array.isArray(value)) return [`has ${value.length} items`, `${bound} items`];
  return [got(value), bound];
}

function finding(path: PropertyKey[], message: string, expected?: string, suggestion?: string): Finding {
  return { path, message, ...(expected ? { expected } : {}), ...(suggestion ? { suggestion } : {}) };
}

function didYouMean(value: unknown, values: string[]): string | undefined {
  const near = typeof value === 'string' ? nearest(value, values) : undefined;
  return near && `did you mean "${near}"?`;
}

const SHOWN = 60;

function got(value: unknown, written?: string): string {
  if (Array.isArray(value)) return 'got a list';
  if (typeof value === 'object') return 'got an object';
  if (typeof value !== 'string') return `got ${written ?? value}`;
  return `got the text ${JSON.stringify(value.length > SHOWN ? `${value.slice(0, SHOWN)}…` : value)}`;
}

function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let here: unknown = value;
  for (const part of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<PropertyKey, unknown>)[part];
  }
  return here;
}
