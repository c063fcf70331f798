/** What a changed manifest changes: which versions are to be looked at, and which one they are compared with. Pure. */
import { effectiveCompare, effectiveServing, statedShares } from '../../api/effective.ts';
import type { ModelDeployment, Version } from '../../api/model-deployment.ts';
import { sameJson } from '../../core/equal.ts';
import { reusedVersions } from '../../core/reuse.ts';
import { type Finding, finding } from './findings.ts';
import { keyOf, type PlaceOf } from './places.ts';

/** A ModelDeployment of a file. */
export interface Stated {
  document: ModelDeployment;
  placeOf: PlaceOf;
  /** Absolute; relative paths start here. */
  folder: string;
}

export interface ChangedVersion {
  version: Version;
  /** Its place in the list. */
  index: number;
  /** Why it is opened. */
  why: 'added' | 'changed' | 'gains traffic';
}

export interface Change {
  after: Stated;
  before: Stated | undefined;
  /** Version of `before` that most requests go to: what callers are used to. */
  stable: Version | undefined;
  versions: ChangedVersion[];
  /** Whether a changed signature is refused, as `rollout.signature` says. */
  comparesSignatures: boolean;
  compare: ReturnType<typeof effectiveCompare>;
}

/** @returns a change for each ModelDeployment of `after` in which there is something to open */
export function changesOf(
  before: readonly Stated[],
  after: readonly Stated[],
): { changes: Change[]; findings: Finding[] } {
  const old = new Map(before.map((stated) => [keyOf(stated.document.metadata), stated]));
  const known = new Set(after.map(({ document }) => keyOf(document.metadata)));
  const gone = before.filter(({ document }) => !known.has(keyOf(document.metadata)));
  const pairs = after.map((stated) => ({ after: stated, before: old.get(keyOf(stated.document.metadata)) }));
  return {
    changes: pairs.map(({ after, before }) => changeOf(before, after)),
    findings: [...pairs.flatMap(staticFindings), ...gone.map(notListed)],
  };
}

function changeOf(before: Stated | undefined, after: Stated): Change {
  const { spec } = after.document;
  const reused = new Set(reusedIn(before, after).map(({ version }) => version));
  const versions = spec.versions.flatMap((version, index): ChangedVersion[] => {
    const why = reused.has(version.name) ? undefined : whyOpened(version, before?.document, after.document);
    return why ? [{ version, index, why }] : [];
  });
  return {
    after,
    before,
    stable: before && stableOf(before.document),
    versions,
    comparesSignatures: (spec.rollout?.signature ?? 'Compatible') === 'Compatible',
    compare: effectiveCompare(spec.rollout?.analysis?.compare),
  };
}

/** The largest share, equal ones by name: as a rollout picks it. */
export function stableOf({ spec }: ModelDeployment): Version | undefined {
  const shares = statedShares(spec);
  const share = ({ name }: Version) => shares.get(name) ?? 0;
  return [...spec.versions].sort((a, b) => share(b) - share(a) || (a.name < b.name ? -1 : 1))[0];
}

function whyOpened(
  version: Version,
  before: ModelDeployment | undefined,
  { spec }: ModelDeployment,
): ChangedVersion['why'] | undefined {
  const old = before?.spec.versions.find(({ name }) => name === version.name);
  if (!before || !old) return 'added';
  const opened = (of: Version, in_: ModelDeployment['spec']) => {
    const { session, batching, limits } = effectiveServing(in_, of);
    return { model: of.model, golden: of.golden, session, batching, limits };
  };
  if (!sameJson(opened(old, before.spec), opened(version, spec))) return 'changed';
  const [was, is] = [statedShares(before.spec), statedShares(spec)].map((shares) => shares.get(version.name) ?? 0);
  return (is ?? 0) > (was ?? 0) ? 'gains traffic' : undefined;
}

function reusedIn(before: Stated | undefined, after: Stated) {
  return before ? reusedVersions(before.document.spec.versions, after.document.spec.versions) : [];
}

function staticFindings({ before, after }: { before: Stated | undefined; after: Stated }): Finding[] {
  const { metadata, spec } = after.document;
  const deployment = metadata.name;
  const at = (version: string, field: string) =>
    after.placeOf(['spec', 'versions', spec.versions.findIndex(({ name }) => name === version), 'model', field]);
  const reused = reusedIn(before, after).map(({ version, message }) =>
    finding('VERSION_REUSED', at(version, 'uri'), message, { deployment, version }),
  );
  const undigested = spec.versions
    .filter(({ model }) => model.sha256 === undefined)
    .map(({ name }) =>
      finding(
        'DIGEST_MISSING',
        at(name, 'uri'),
        `version ${name} has no digest: what its URI leads to may change unseen`,
        {
          weight: 'note',
          deployment,
          version: name,
        },
      ),
    );
  return [...reused, ...undigested];
}

function notListed({ document, placeOf }: Stated): Finding {
  const deployment = document.metadata.name;
  const message = `${deployment} is not in the new files: it goes on serving until it is deleted`;
  return finding('NOT_LISTED_ANY_MORE', placeOf([]), message, { weight: 'note', deployment });
}
