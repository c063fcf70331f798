/** Which pods' reports a pass wants, and what is drawn from those that came. Pure but for the memory that it is given. */
import { sha256 } from '../../api/fields.ts';
import type { Status } from '../../api/status.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import type { Desired } from '../../core/model.ts';
import type { Wanted } from '../evidence/report-keeper.ts';
import type { ReportRead } from '../evidence/reports.ts';
import type { RunVersion } from './decide.ts';
import type { Gathered } from './gather.ts';
import type { KeyMemory } from './key-memory.ts';
import { isReady, type Pod } from './pod.ts';

/** How old a report may be: of a pod that loads, during a move, and of one whose digest is asked for. */
const LOADING_MS = 1_000;
const MOVING_MS = 500;
const DIGEST_MS = 10_000;

/** What a rollout wants to know of ready pods. */
export interface RolloutWants {
  /** How old reports may be while a window of analysis is open, ms. */
  maxAgeMs?: number | undefined;
  /** Names of metrics. */
  custom?: readonly string[] | undefined;
  /** Versions whose inputs and outputs no pod has told yet. */
  unsigned?: ReadonlySet<string> | undefined;
  /** How old their reports may be, ms. */
  unsignedMs?: number | undefined;
}

/**
 * Pods are asked while they load, while a table comes into force, once for the digest of what they serve, and for a
 * rollout.
 */
export function wantedReports(
  gathered: Gathered,
  versions: readonly RunVersion[],
  moving: boolean,
  memory: KeyMemory,
  rollout: RolloutWants = {},
): Wanted[] {
  return versions.flatMap(({ name, model }) =>
    (gathered.pods.get(name) ?? []).flatMap((pod): Wanted[] => {
      const { namespace = '', name: podName, uid, deletionTimestamp } = pod.metadata;
      const ip = pod.status.podIP;
      if (!ip || deletionTimestamp) return [];
      const digestWanted = model.sha256 === undefined && !isChecked(pod, memory);
      const maxAgeMs = ageFor(pod, moving, digestWanted, rollout, rollout.unsigned?.has(name) ?? false);
      if (maxAgeMs === undefined) return [];
      const { custom = [] } = rollout;
      return [{ uid, pod: { namespace, name: podName, ip }, maxAgeMs, ...(custom.length > 0 && { custom }) }];
    }),
  );
}

function ageFor(
  pod: Pod,
  moving: boolean,
  digestWanted: boolean,
  { maxAgeMs, unsignedMs }: RolloutWants,
  unsigned: boolean,
): number | undefined {
  if (!isReady(pod)) return pod.status.phase === 'Running' ? LOADING_MS : undefined;
  const ages = [moving && MOVING_MS, digestWanted && DIGEST_MS, maxAgeMs, unsigned && unsignedMs];
  const wanted = ages.filter((age) => typeof age === 'number');
  return wanted.length > 0 ? Math.min(...wanted) : undefined;
}

const restartsOf = ({ status }: Pod): number =>
  (status.containerStatuses ?? []).reduce((sum, { restartCount }) => sum + restartCount, 0);

function isChecked(pod: Pod, memory: KeyMemory): boolean {
  return memory.checkedDigests.get(pod.metadata.uid) === restartsOf(pod);
}

/** The revision of the table that each pod reports, by UID. */
export function reportedRevisions(known: ReadonlyMap<string, ReportRead>): Map<string, number> {
  const revisions = new Map<string, number>();
  for (const [uid, read] of known) if (read.ok && read.report.table) revisions.set(uid, read.report.table.revision);
  return revisions;
}

/** Ready pods that do not report the table's revision, or whose report can't be had. */
export function podsBehind(
  { revision }: TrafficTable,
  gathered: Gathered,
  reported: ReadonlyMap<string, number>,
): Pod[] {
  const pods = [...gathered.pods.values()].flat();
  return pods.filter((pod) => isReady(pod) && (reported.get(pod.metadata.uid) ?? 0) < revision);
}

interface Pin {
  digest: string;
  /** Whether a pod loaded another file. */
  differs: boolean;
}

/** What was loaded first under the URI of a version whose spec states no digest. The status remembers it, or the table. */
function pinOf({ name }: RunVersion, gathered: Gathered, known: ReadonlyMap<string, ReportRead>): Pin | undefined {
  const loaded = (gathered.pods.get(name) ?? []).flatMap(({ metadata }) => loadedDigest(known.get(metadata.uid)) ?? []);
  const told = gathered.md.status?.versions?.find((v) => v.name === name)?.digest;
  const digest = told ?? tableDigest(name, gathered) ?? loaded[0];
  return digest === undefined ? undefined : { digest, differs: loaded.some((other) => other !== digest) };
}

function loadedDigest(read: ReportRead | undefined): string | undefined {
  return read?.ok && read.report.load.state === 'Loaded' ? read.report.load.digest : undefined;
}

function tableDigest(version: string, { table }: Gathered): string | undefined {
  return table?.versions.find(({ name }) => name === version)?.digest;
}

/**
 * With the digests that the pods are held to. Where the spec states one, pods check it before they load, and the table
 * keeps only what agrees with it: while pods with the new argument come, those before them go on.
 */
export function withPins(
  desired: Desired,
  versions: readonly RunVersion[],
  gathered: Gathered,
  known: ReadonlyMap<string, ReportRead>,
): Desired {
  const pins = new Map(versions.map((version) => [version.name, heldTo(version, gathered, known)]));
  return { ...desired, versions: desired.versions.map((version) => ({ ...version, ...pins.get(version.name) })) };
}

function heldTo(version: RunVersion, gathered: Gathered, known: ReadonlyMap<string, ReportRead>) {
  const stated = version.model.sha256;
  if (stated !== undefined) return stated === tableDigest(version.name, gathered) ? { digest: stated } : {};
  const pin = pinOf(version, gathered, known);
  // A status may have been edited by hand; pods refuse a table that says what is no digest.
  if (!pin || !sha256().safeParse(pin.digest).success) return {};
  return { digest: pin.digest, ...(pin.differs && { digestDiffers: true }) };
}

/** The digest that counts for a version: stated, or the first that a pod ever reported. */
export function digestOf(
  version: RunVersion,
  gathered: Gathered,
  known: ReadonlyMap<string, ReportRead>,
): string | undefined {
  return version.model.sha256 ?? pinOf(version, gathered, known)?.digest;
}

/** Whether a pod is ready whose first answer is yet to come, which tells whether it serves the digest that counts. */
export function awaitsDigest(
  versions: readonly RunVersion[],
  gathered: Gathered,
  known: ReadonlyMap<string, ReportRead>,
  memory: KeyMemory,
): boolean {
  const isAwaited = (pod: Pod) =>
    isReady(pod) && pod.status.podIP && !known.has(pod.metadata.uid) && !isChecked(pod, memory);
  return versions.some(
    ({ name, model }) => model.sha256 === undefined && gathered.pods.get(name)?.some(isAwaited) === true,
  );
}

/**
 * Notes which pods serve the digest that counts, so that they need not be asked again; one that serves another is asked on
 * and on. Only once the digest is stored: what is in no status could not be held against anything later.
 */
export function noteChecked(
  stored: Status | undefined,
  gathered: Gathered,
  known: ReadonlyMap<string, ReportRead>,
  memory: KeyMemory,
): void {
  for (const { name, digest } of stored?.versions ?? []) {
    for (const pod of gathered.pods.get(name) ?? []) {
      const theirs = loadedDigest(known.get(pod.metadata.uid));
      if (theirs !== undefined && theirs === digest) memory.checkedDigests.set(pod.metadata.uid, restartsOf(pod));
    }
  }
}

/** Forgets pods that are gone. */
export function forgetPods(gathered: Gathered, memory: KeyMemory): void {
  const there = new Set([...gathered.pods.values()].flat().map(({ metadata }) => metadata.uid));
  for (const uid of memory.checkedDigests.keys()) if (!there.has(uid)) memory.checkedDigests.delete(uid);
}
