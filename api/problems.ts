/** What is wrong with a manifest, in a form for machines, and how it is said to people. */

export interface Problem {
  file: string;
  /** Which document of the file, from 1; absent where the file has one. */
  document?: number;
  /** Where the offending key or item starts, from 1. */
  line: number;
  column: number;
  /** The field, such as `spec.versions[0].traffic`; empty for the document as a whole. */
  path: string;
  /** What is wrong: `unknown field`, `got the text "90"`. */
  message: string;
  /** What would be right: `a number from 0 to 100`. */
  expected?: string;
  /** What to do, where it can be guessed: `did you mean "traffic"?` */
  suggestion?: string;
}

/** One line: `examples/x.yaml:12:9 spec.versions[0].trafic: unknown field; did you mean "traffic"?` */
export function formatProblem(problem: Problem): string {
  const { file, line, column, path, message, expected, suggestion } = problem;
  const where = `${file}:${line}:${column} ${path ? `${path}: ` : ''}`;
  return `${where}${message}${expected ? `, expected ${expected}` : ''}${suggestion ? `; ${suggestion}` : ''}`;
}

/** One line a problem, in the order of the files as they were given and of the lines in each. */
export function formatProblems(problems: readonly Problem[]): string {
  return problems.map(formatProblem).join('\n');
}

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `['spec', 'versions', 0, 'name']` → `spec.versions[0].name`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      const key = String(part);
      if (!PLAIN_KEY.test(key)) return `[${JSON.stringify(key)}]`;
      return index === 0 ? key : `.${key}`;
    })
    .join('');
}
