/** The chart's values as `values.yaml` tells them: a default, and above it a comment that begins with `-- `. */
import { isMap, isPair, isScalar, parseDocument, type YAMLMap } from 'yaml';

export interface ChartValue {
  path: readonly string[];
  /** The default. */
  value: unknown;
  /** What the comment says. */
  says: string;
}

/** Those that have a comment, in the order of the file. @throws Error for a value without one */
export function readValues(text: string): ChartValue[] {
  const { contents } = parseDocument(text);
  if (!isMap(contents)) throw new Error('values.yaml is no map');
  return valuesOf(contents, [], contents.commentBefore ?? undefined);
}

function valuesOf(map: YAMLMap, above: readonly string[], first: string | undefined): ChartValue[] {
  return map.items.flatMap((pair, index) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const path = [...above, String(pair.key.value)];
    const comment = pair.key.commentBefore ?? (index === 0 ? first : undefined);
    const says = comment?.match(/^ -- (.*)$/s)?.[1]?.replaceAll(/\n\s*/g, ' ');
    const { value } = pair;
    if (says !== undefined) return [{ path, value: toPlain(value), says }];
    if (isMap(value) && value.items.length > 0) return valuesOf(value, path, value.commentBefore ?? undefined);
    throw new Error(`values.yaml says nothing of ${path.join('.')}: write a comment "# -- …" above it`);
  });
}

function toPlain(node: unknown): unknown {
  return isScalar(node) ? node.value : JSON.parse(JSON.stringify(node));
}
