/** Puts a version into a manifest, as a pipeline does that has a new model. Comments and the order of fields stay. Pure. */
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  type Pair,
  parseAllDocuments,
  Scalar,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import { statedShares } from '../../api/effective.ts';
import { KIND, type ModelDeployment } from '../../api/model-deployment.ts';
import { ALL, basisPoints, percentOf } from '../../api/units.ts';
import { sameJson } from '../../core/equal.ts';
import { CliError, EXIT } from '../exit-codes.ts';

export interface NewVersion {
  name: string;
  uri: string;
  sha256: string;
  /** Percent of the requests in the end; the others keep their proportions in the rest. */
  traffic: number;
}

export interface Edit {
  text: string;
  /** Percent by version. */
  before: Record<string, number>;
  after: Record<string, number>;
}

/**
 * The entry of the version with the largest share is taken over, with its golden requests and overrides; a version that
 * is left with no share is dropped: in a cluster it serves until the walk has ended. Shadows stay.
 * @param document the one that is meant, as parsed from `text`
 * @throws CliError VERSION_REUSED where the name stands for another model; MANIFEST_NOT_EDITABLE
 */
export function withVersion(text: string, document: ModelDeployment, next: NewVersion): Edit {
  const documents = parseAllDocuments(text) as Document[];
  const edited = documents.find((each) => isOf(each, document));
  if (!edited) throw notEditable('it stands in a List, or has no name of its own: give it a document of its own');
  const list = edited.getIn(['spec', 'versions']);
  if (!isSeq<YAMLMap>(list) || !list.items.every(isPlain)) throw notEditable(ALIASES);
  const before = sharesOf(document);
  const after = sharesAfter(before, next);
  const known = document.spec.versions.find(({ name }) => name === next.name);
  if (known && (known.model.uri !== next.uri || (known.model.sha256 ?? next.sha256) !== next.sha256)) {
    const is = `${known.model.uri}${known.model.sha256 === undefined ? '' : ` (sha256 ${known.model.sha256})`}`;
    const message = `version ${next.name} is ${is} already, and a version's model never changes: take another name`;
    throw new CliError(message, EXIT.failed, 'VERSION_REUSED');
  }
  if (known) setModel(edited, list.items.find((item) => item.get('name') === next.name) as YAMLMap, next);
  else addEntry(edited, list, largest(before), next, after);
  setShares(edited, list, after);
  const at = documents.indexOf(edited);
  const kept = keeperOf(text, at, next, after);
  const whole = written(documents, text);
  const result = [spliced(text, whole, at), whole].find((each) => each !== undefined && kept(each));
  if (result === undefined) throw notEditable(ALIASES);
  return { text: result, before, after };
}

const ALIASES =
  'spec.versions has anchors, aliases or merge keys (&, *, <<), and more would change than is meant: write them out';

function notEditable(why: string): CliError {
  return new CliError(why, EXIT.usage, 'MANIFEST_NOT_EDITABLE');
}

function isPlain(item: unknown): boolean {
  return isMap(item) && isMap(item.get('model'));
}

function isOf(document: Document, { metadata }: ModelDeployment): boolean {
  const namespace = document.getIn(['metadata', 'namespace']) as string | undefined;
  return (
    document.get('kind') === KIND &&
    document.getIn(['metadata', 'name']) === metadata.name &&
    namespace === metadata.namespace
  );
}

/** Percent. */
export function sharesOf({ spec }: ModelDeployment): Record<string, number> {
  const shares = [...statedShares(spec)].filter(([, share]) => share > 0);
  return Object.fromEntries(shares.map(([name, share]) => [name, percentOf(share)]));
}

function largest(shares: Record<string, number>): string {
  return Object.keys(shares).reduce((best, name) => ((shares[name] ?? 0) > (shares[best] ?? 0) ? name : best));
}

/** In whole basis points, the rest to the new one. */
function sharesAfter(before: Record<string, number>, { name: next, traffic }: NewVersion): Record<string, number> {
  const others = Object.entries(before).filter(([name]) => name !== next);
  const sum = others.reduce((total, [, share]) => total + basisPoints(share), 0);
  const left = sum === 0 ? 0 : ALL - basisPoints(traffic);
  const scaled = others.map(([name, share]) => [name, Math.floor((basisPoints(share) * left) / sum)] as const);
  const kept = scaled.filter(([, share]) => share > 0);
  const rest = ALL - kept.reduce((total, [, share]) => total + share, 0);
  return Object.fromEntries([...kept, [next, rest] as const].map(([name, share]) => [name, percentOf(share)]));
}

function addEntry(
  document: Document,
  list: YAMLSeq<YAMLMap>,
  like: string,
  next: NewVersion,
  after: Record<string, number>,
): void {
  const at = list.items.findIndex((item) => item.get('name') === like);
  const old = list.items[at] as YAMLMap;
  // Its comments speak of the place, not of the version: they stay where the old one leaves.
  const entry = like in after ? (old.clone() as YAMLMap) : old;
  setScalar(document, entry, 'name', next.name);
  setModel(document, entry, next);
  if (entry !== old) list.items.splice(at + 1, 0, entry);
}

function setModel(document: Document, entry: YAMLMap, { uri, sha256 }: NewVersion): void {
  const model = entry.get('model') as YAMLMap;
  setScalar(document, model, 'uri', uri);
  setScalar(document, model, 'sha256', sha256);
}

function setShares(document: Document, list: YAMLSeq<YAMLMap>, after: Record<string, number>): void {
  list.items = list.items.filter((item) => item.has('shadow') || String(item.get('name')) in after);
  for (const item of list.items) {
    const share = after[String(item.get('name'))];
    if (share === undefined) continue;
    item.delete('shadow');
    setScalar(document, item, 'traffic', share);
  }
}

/** A scalar keeps its comment and its quotes; a new one has quotes where the keys beside it do, as in JSON. */
function setScalar(document: Document, map: YAMLMap, key: string, value: string | number): void {
  const node = map.get(key, true);
  if (isScalar(node)) {
    if (node.value !== value) node.value = value;
    return;
  }
  const pair = document.createPair(key, value) as Pair<Scalar, Scalar>;
  const beside = map.items[0]?.key;
  if (isScalar(beside) && beside.type === Scalar.QUOTE_DOUBLE) {
    pair.key.type = Scalar.QUOTE_DOUBLE;
    if (typeof value === 'string') (pair.value as Scalar).type = Scalar.QUOTE_DOUBLE;
  }
  map.add(pair, true);
}

/** The old text with the new list alone: the rest stays to the letter. It may not fit, where the two are indented differently. */
function spliced(text: string, whole: string, index: number): string | undefined {
  const [was, is] = [rangeOf(text, index), rangeOf(whole, index)];
  return was && is && text.slice(0, was[0]) + whole.slice(...is) + text.slice(was[1]);
}

function rangeOf(text: string, index: number): [number, number] | undefined {
  const list = parseAllDocuments(text)[index]?.getIn(['spec', 'versions']);
  if (!isSeq(list) || !list.range) return undefined;
  // Of a list in brackets, what stands behind them is not part of it.
  return [list.range[0], list.range[list.flow ? 1 : 2]];
}

/**
 * Tells whether a text says what was meant: the new model, the shares, and all else as it was. An anchor carries a change to
 * where nobody looks.
 */
function keeperOf(text: string, index: number, { name, uri, sha256 }: NewVersion, after: Record<string, number>) {
  const old = valuesOf(text);
  const listOf = (documents: typeof old) => documents?.[index]?.spec?.versions ?? [];
  const without = (documents: typeof old) =>
    documents?.map((each, at) => (at === index ? { ...each, spec: { ...each.spec, versions: [] } } : each));
  const rest = ({ traffic: _, ...version }: RawVersion) => version;
  return (result: string): boolean => {
    const now = valuesOf(result);
    if (!old || !now || !sameJson(without(old), without(now))) return false;
    const names = listOf(now).map((version) => version.name);
    if (!Object.keys(after).every((each) => names.includes(each))) return false;
    return listOf(now).every((version) => {
      if (version.traffic !== after[version.name]) return false;
      if (version.name === name) return sameJson(version.model, { uri, sha256 });
      const before = listOf(old).find((each) => each.name === version.name);
      return before !== undefined && sameJson(rest(before), rest(version));
    });
  };
}

interface RawVersion {
  name: string;
  model: object;
  traffic?: number;
}

/** Of each document; undefined where the text cannot be read. */
function valuesOf(text: string): { spec?: { versions?: RawVersion[] } }[] | undefined {
  const documents = parseAllDocuments(text, { merge: true }) as Document[];
  return documents.some(({ errors }) => errors.length > 0) ? undefined : documents.map((each) => each.toJS() ?? {});
}

/** As the text was written, as far as that can be told of a file as a whole. @throws CliError an alias lost its anchor */
function written(documents: readonly Document[], text: string): string {
  const style = {
    lineWidth: 0,
    flowCollectionPadding: /\{ /.test(text),
    indentSeq: !/^( *)[\w-]+:[^\S\n]*(#.*)?\n\1- /m.test(text),
    indent: /^ +(?=[\w"'])/m.exec(text)?.[0].length ?? 2,
  };
  let whole: string;
  try {
    whole = documents.map((document) => document.toString(style)).join('');
  } catch {
    throw notEditable(ALIASES);
  }
  return text.includes('\r\n') ? whole.replaceAll('\n', '\r\n') : whole;
}
