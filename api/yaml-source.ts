/** YAML as values that still know where in the file they stand. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseAllDocuments,
  type YAMLError,
} from 'yaml';

export interface Position {
  line: number;
  column: number;
}

export interface SyntaxProblem extends Position {
  message: string;
  suggestion?: string;
}

/** One document of a file. */
export interface YamlDocument {
  /** The value; undefined for an empty document and for one that cannot be read. */
  value: unknown;
  problems: SyntaxProblem[];
  /** Where the key or item at `path` starts; what is missing is where the object starts that lacks it. */
  positionOf(path: readonly PropertyKey[]): Position;
  /** A scalar as it is written, without its quotes: what a number too long for JavaScript really says. */
  writtenAt(path: readonly PropertyKey[]): string | undefined;
}

/** Reads a file of one or more YAML (or JSON) documents. Empty documents are left out. */
export function readYaml(text: string): YamlDocument[] {
  const lines = new LineCounter();
  // Merge keys (`<<`) are YAML 1.1, but kubectl knows them.
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, merge: true });
  const documents = Array.isArray(parsed) ? parsed : [];
  return documents.map((document) => readDocument(document, lines, text)).filter((d) => d !== undefined);
}

function readDocument(document: Document.Parsed, lines: LineCounter, text: string): YamlDocument | undefined {
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = document.errors.map((error) => ({ ...at(error.pos[0]), ...inWords(error, text) }));
  // A document with a field given twice can be read all the same, and the rest of its mistakes told.
  const readable = document.errors.every(({ code }) => code === 'DUPLICATE_KEY');
  const { value, failure } = readable ? toValue(document) : { value: undefined, failure: undefined };
  if (value === null && problems.length === 0) return undefined;
  const start = document.contents?.range?.[0] ?? 0;
  if (failure !== undefined) problems.push({ ...at(start), message: failure });
  return {
    value,
    problems,
    positionOf: (path) => at(walk(document, path).offset ?? start),
    writtenAt: (path) => {
      const { node, found } = walk(document, path);
      return found && isScalar(node) ? (node.source ?? String(node.value)) : undefined;
    },
  };
}

/** Aliases that multiply (a "billion laughs") are refused by the library when the value is made. */
function toValue(document: Document.Parsed): { value?: unknown; failure?: string } {
  try {
    return { value: document.toJS() };
  } catch (error) {
    return { failure: error instanceof Error ? lowerFirst(error.message) : String(error) };
  }
}

interface Walk {
  node: unknown;
  /** Of the deepest key or item on the path that is there. */
  offset: number | undefined;
  found: boolean;
}

function walk(document: Document.Parsed, path: readonly PropertyKey[]): Walk {
  let node: unknown = document.contents;
  let offset = document.contents?.range?.[0];
  for (const part of path) {
    // Of a field given twice the last one counts, as in the value.
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = (node.items as Pair<Node, Node | null>[]).findLast(
        ({ key }) => isScalar(key) && String(key.value) === part,
      );
      if (!pair) return { node, offset, found: false };
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node) && typeof part === 'number' && part < node.items.length) {
      node = node.items[part];
      offset = (node as Node | null)?.range?.[0] ?? offset;
    } else {
      return { node, offset, found: false };
    }
  }
  return { node, offset, found: true };
}

function inWords(error: YAMLError, text: string): { message: string; suggestion?: string } {
  if (error.code === 'DUPLICATE_KEY') {
    const key = /^["']?([^"':\s]+)/.exec(text.slice(error.pos[0]))?.[1] ?? '';
    return { message: `the field "${key}" is given twice`, suggestion: 'keep one of the two' };
  }
  if (error.code === 'TAB_AS_INDENT') return { message: 'a tab indents this line', suggestion: 'indent with spaces' };
  if (error.code === 'BLOCK_AS_IMPLICIT_KEY' || error.code === 'MULTILINE_IMPLICIT_KEY') {
    return {
      message: lowerFirst(error.message),
      suggestion: 'check the indentation, and quote a value that holds ": "',
    };
  }
  return { message: `not YAML: ${lowerFirst(error.message)}` };
}

const lowerFirst = (sentence: string): string => sentence.charAt(0).toLowerCase() + sentence.slice(1);
