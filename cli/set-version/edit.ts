/** Puts a version into a manifest, as a pipeline does that has a new model. Comments and the order of fields stay. Pure. */
import { type Document, isMap, isScalar, isSeq, parseAllDocuments, type YAMLMap, type YAMLSeq } from 'yaml';
import { statedShares } from '../../api/effective.ts';
import { KIND, type ModelDeployment } from '../../api/model-deployment.ts';
import { ALL, basisPoints, percentOf } from '../../api/units.ts';

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
 * @throws Error in words, where the name stands for another model, or the text is not one that can be edited
 */
export function withVersion(text: string, document: ModelDeployment, next: NewVersion): Edit {
  const documents = parseAllDocuments(text) as Document[];
  const edited = documents.find((each) => isOf(each, document));
  const list = edited?.getIn(['spec', 'versions']);
  if (!edited || !isSeq(list)) throw new Error('it stands in a List: give each ModelDeployment a document of its own');
  const before = sharesOf(document);
  const after = sharesAfter(before, next);
  const known = document.spec.versions.find(({ name }) => name === next.name);
  if (known && (known.model.uri !== next.uri || (known.model.sha256 ?? next.sha256) !== next.sha256)) {
    throw new Error(
      `version ${next.name} is ${known.model.uri} already, and a version's model never changes: take another name`,
    );
  }
  if (!known) addEntry(edited, list as YAMLSeq<YAMLMap>, largest(before), next, after);
  setShares(edited, list as YAMLSeq<YAMLMap>, after);
  const whole = written(documents, text);
  return { text: spliced(text, whole, documents.indexOf(edited)) ?? whole, before, after };
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
  { name, uri, sha256 }: NewVersion,
  after: Record<string, number>,
): void {
  const at = list.items.findIndex((item) => item.get('name') === like);
  const old = list.items[at] as YAMLMap;
  // Its comments speak of the place, not of the version: they stay where the old one leaves.
  const entry = like in after ? (old.clone() as YAMLMap) : old;
  setScalar(document, entry, 'name', name);
  const model = entry.get('model');
  if (!isMap(model)) throw new Error('spec.versions has aliases or merge keys: write them out');
  setScalar(document, model, 'uri', uri);
  setScalar(document, model, 'sha256', sha256);
  if (entry !== old) list.items.splice(at + 1, 0, entry);
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

/** A scalar keeps its comment and its quotes. */
function setScalar(document: Document, map: YAMLMap, key: string, value: string | number): void {
  const node = map.get(key, true);
  if (isScalar(node)) node.value = value;
  else map.set(document.createNode(key), document.createNode(value));
}

/**
 * The old text with the new list alone: the rest stays to the letter. @returns undefined where the two are indented
 * differently, so that a part of one does not fit into the other
 */
function spliced(text: string, whole: string, index: number): string | undefined {
  const [was, is] = [rangeOf(text, index), rangeOf(whole, index)];
  if (!was || !is) return undefined;
  const result = text.slice(0, was[0]) + whole.slice(is[0], is[2]) + text.slice(was[2]);
  return valuesOf(result) === valuesOf(whole) ? result : undefined;
}

function rangeOf(text: string, index: number) {
  const list = parseAllDocuments(text)[index]?.getIn(['spec', 'versions']);
  return isSeq(list) ? list.range : undefined;
}

function valuesOf(text: string): string {
  return JSON.stringify(parseAllDocuments(text).map(({ contents, errors }) => [contents, errors.length]));
}

/** As the text was written, as far as that can be told of a file as a whole. */
function written(documents: readonly Document[], text: string): string {
  const style = {
    lineWidth: 0,
    flowCollectionPadding: /\{ /.test(text),
    indentSeq: !/^( *)[\w-]+:[^\S\n]*(#.*)?\n\1- /m.test(text),
  };
  return documents.map((document) => document.toString(style)).join('');
}
