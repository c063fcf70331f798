import { describe, expect, test } from 'vitest';
import type { TrafficTable } from '../../../api/traffic-table.ts';
import type { ReportRead } from '../../../operator/evidence/reports.ts';
import { type RunVersion, runVersions } from '../../../operator/reconcile/decide.ts';
import {
  awaitsDigest,
  digestOf,
  forgetPods,
  noteChecked,
  podsBehind,
  reportedRevisions,
  wantedReports,
  withPins,
} from '../../../operator/reconcile/evidence.ts';
import type { Gathered } from '../../../operator/reconcile/gather.ts';
import { newMemory } from '../../../operator/reconcile/key-memory.ts';
import type { Pod } from '../../../operator/reconcile/pod.ts';
import { desired, table } from '../../core/build.ts';
import { FAILED, follows, loaded, read } from '../evidence/build.ts';
import { gathered, model, pod, spec, UID } from './build.ts';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const C = 'c'.repeat(64);
const SPEC = spec([
  { name: 'v1', traffic: 90 },
  { name: 'v2', traffic: 10 },
]);

function world(pods: Pod[], more: Partial<Gathered> = {}, digests: Record<string, string> = {}) {
  const versions = Object.entries(digests).map(([name, digest]) => ({ name, phase: 'Ready' as const, digest }));
  const byVersion = new Map<string, Pod[]>();
  for (const one of pods) {
    const version = one.metadata.labels?.['modelship.dev/version'] as string;
    byVersion.set(version, [...(byVersion.get(version) ?? []), one]);
  }
  const at = gathered({ md: model(SPEC, { status: { versions } }), pods: byVersion, ...more });
  return { at, versions: runVersions({ spec: SPEC, leaving: [] }, at), memory: newMemory(UID, 0) };
}

const stating = (versions: RunVersion[], sha256: string): RunVersion[] =>
  versions.map((v) => (v.name === 'v1' ? { ...v, model: { ...v.model, sha256 } } : v));

const known = (reads: Record<string, ReportRead>) =>
  new Map(Object.entries(reads).map(([name, one]) => [`uid-Pod-${name}`, one]));

const deleted = (of: Pod): Pod => ({ ...of, metadata: { ...of.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } });
const restarted = (of: Pod, restartCount: number): Pod => ({
  ...of,
  status: { ...of.status, containerStatuses: [{ name: 'runtime', ready: true, restartCount }] },
});

describe('which pods are asked, and how old their reports may be', () => {
  const ready = pod('v1', 'p1', true);
  test.each<[string, Pod, { moving?: boolean; stated?: boolean; checked?: boolean }, number | undefined]>([
    ['one that loads', pod('v1', 'p1', false), {}, 1_000],
    ['one that loads, in a move', pod('v1', 'p1', false), { moving: true }, 1_000],
    ['one that waits for a node', pod('v1', 'p1', false, { phase: 'Pending' }), { moving: true }, undefined],
    ['one that has failed', pod('v1', 'p1', false, { phase: 'Failed' }), {}, undefined],
    ['one that serves, in a move', ready, { moving: true, checked: true }, 500],
    ['one that serves what is not known yet', ready, {}, 10_000],
    ['one whose model is known', ready, { checked: true }, undefined],
    ['one whose model the spec states', ready, { stated: true }, undefined],
    ['one that is going', deleted(ready), { moving: true }, undefined],
    ['one without an address', pod('v1', 'p1', true, { podIP: undefined }), { moving: true }, undefined],
  ])('%s', (_, one, { moving = false, stated, checked }, maxAgeMs) => {
    const { at, versions, memory } = world([one]);
    if (checked) memory.checkedDigests.set(one.metadata.uid, 0);
    const asked = wantedReports(at, stated ? stating(versions, A) : versions, moving, memory);
    const address = { namespace: 'models', name: 'p1', ip: '10.0.0.1' };
    expect(asked).toEqual(maxAgeMs === undefined ? [] : [{ uid: 'uid-Pod-p1', pod: address, maxAgeMs }]);
  });

  test('a container that was started again has to be asked again', () => {
    const { at, versions, memory } = world([restarted(ready, 2)]);
    memory.checkedDigests.set(ready.metadata.uid, 1);
    expect(wantedReports(at, versions, false, memory)).toHaveLength(1);
    memory.checkedDigests.set(ready.metadata.uid, 2);
    expect(wantedReports(at, versions, false, memory)).toHaveLength(0);
  });

  test('pods of versions that are neither listed nor leaving are not', () => {
    const { at, versions, memory } = world([pod('v9', 'p9', true)]);
    expect(wantedReports(at, versions, true, memory)).toEqual([]);
  });
});

describe('who follows the table', () => {
  test('only what a pod says itself counts', () => {
    const reads = known({ p1: follows(7), p2: FAILED, p3: read() });
    expect(reportedRevisions(reads)).toEqual(new Map([['uid-Pod-p1', 7]]));
  });

  test('ready pods that say less, or nothing, are behind', () => {
    const pods = ['p1', 'p2', 'p3', 'p4'].map((name) => pod(name === 'p4' ? 'v2' : 'v1', name, name !== 'p3'));
    const reported = reportedRevisions(known({ p1: follows(7), p2: follows(6), p3: follows(6) }));
    const behind = podsBehind(table({ v1: 90, v2: 10 }), world(pods).at, reported);
    expect(behind.map(({ metadata }) => metadata.name)).toEqual(['p2', 'p4']);
  });
});

describe('the digest that counts for a version', () => {
  const [p1, p2] = [pod('v1', 'p1', true), pod('v1', 'p2', true)];
  const withDigest = (digest: string): TrafficTable => {
    const plain = table({ v1: 90, v2: 10 });
    return { ...plain, versions: plain.versions.map((v) => (v.name === 'v1' ? { ...v, digest } : v)) };
  };
  const STILL = read({ load: { state: 'Loading', digest: B, phases: {} } });

  test.each<
    [string, { status?: string; table?: string; stated?: string; reads?: Record<string, ReportRead> }, unknown]
  >([
    ['the one that the spec states', { stated: C, status: A, table: A, reads: { p1: loaded(B) } }, [C, []]],
    ['the one that the status remembers', { status: A, table: B, reads: { p1: loaded(B) } }, [A, []]],
    ['the one that the table has, where the status lost it', { table: A, reads: { p1: loaded(B) } }, [A, []]],
    ['else the first that a pod reports', { reads: { p1: loaded(B), p2: loaded(A) } }, [B, ['uid-Pod-p1']]],
    ['not that of a model that is not loaded yet', { reads: { p1: STILL, p2: loaded(A) } }, [A, ['uid-Pod-p2']]],
    ['none before anybody reports', { reads: { p1: FAILED } }, [undefined, []]],
    [
      'pods that serve it need not be asked again',
      { status: A, reads: { p1: loaded(A), p2: loaded(A) } },
      [A, ['uid-Pod-p1', 'uid-Pod-p2']],
    ],
  ])('%s', (_, { status, table: row, stated, reads = {} }, found) => {
    const more = row === undefined ? {} : { table: withDigest(row) };
    const { at, versions, memory } = world([p1, p2], more, status === undefined ? {} : { v1: status });
    const [v1] = stated === undefined ? versions : stating(versions, stated);
    const digest = digestOf(v1 as RunVersion, at, known(reads));
    noteChecked({ versions: [{ name: 'v1', phase: 'Ready', digest }] }, at, known(reads), memory);
    expect([digest, [...memory.checkedDigests.keys()]]).toEqual(found);
  });

  test('pods are asked on until the digest is stored: a status that could not be written is no memory', () => {
    const { at, memory } = world([p1]);
    const reads = known({ p1: loaded(B) });
    noteChecked(undefined, at, reads, memory);
    noteChecked({ versions: [{ name: 'v1', phase: 'Ready' }] }, at, reads, memory);
    expect([...memory.checkedDigests.keys()]).toEqual([]);
  });

  const DIFFERS = { digestDiffers: true };
  test.each<[string, { status?: string; table?: string; stated?: string; reads?: Record<string, ReportRead> }, object]>(
    [
      ['nothing is known', {}, {}],
      ['all load what the first did', { status: A, reads: { p1: loaded(A), p2: loaded(A) } }, { digest: A }],
      ['one loaded another file', { status: A, reads: { p1: loaded(A), p2: loaded(B) } }, { digest: A, ...DIFFERS }],
      [
        'one is asked for the first time, and differs',
        { reads: { p1: loaded(A), p2: loaded(B) } },
        { digest: A, ...DIFFERS },
      ],
      [
        'one loaded another file, and the status is lost',
        { table: A, reads: { p2: loaded(B) } },
        { digest: A, ...DIFFERS },
      ],
      ['one that differed is gone', { status: A, table: A, reads: { p1: loaded(A) } }, { digest: A }],
      ['the spec states one: its pods check it', { stated: A, status: A, reads: { p1: loaded(B) } }, {}],
      ['the spec states the one that the table has', { stated: A, status: A, table: A }, { digest: A }],
      [
        'the spec states the new one: pods of both serve until the old are gone',
        { stated: B, status: A, table: A },
        {},
      ],
      ['a hand wrote no digest into the status', { status: 'none', reads: { p1: loaded(A) } }, {}],
    ],
  )('what pods are held to: %s', (_, { status, table: row, stated, reads = {} }, held) => {
    const more = row === undefined ? {} : { table: withDigest(row) };
    const { at, versions } = world([p1, p2], more, status === undefined ? {} : { v1: status });
    const asked = desired({ v1: 90, v2: 10 });
    const [v1, v2] = asked.versions;
    const pinned = withPins(asked, stated === undefined ? versions : stating(versions, stated), at, known(reads));
    expect(pinned).toEqual({ ...asked, versions: [{ ...v1, ...held }, v2] });
  });
});

describe('what a pod has loaded is awaited', () => {
  const ready = pod('v1', 'p1', true);
  test.each<[string, Pod, { reads?: Record<string, ReportRead>; checked?: boolean; stated?: boolean }, boolean]>([
    ['of one that is ready and was not read yet, also where the digest is known', ready, {}, true],
    ['not of one that was read', ready, { reads: { p1: loaded(A) } }, false],
    ['not of one that could not be read', ready, { reads: { p1: FAILED } }, false],
    ['not of one that was found right before', ready, { checked: true }, false],
    ['not where the spec states the digest', ready, { stated: true }, false],
    ['not of one that still loads', pod('v1', 'p1', false), {}, false],
    ['not of one without an address', pod('v1', 'p1', true, { podIP: undefined }), {}, false],
  ])('%s', (_, one, { reads = {}, checked, stated }, awaited) => {
    const { at, versions, memory } = world([one], {}, { v1: A });
    if (checked) memory.checkedDigests.set('uid-Pod-p1', 0);
    expect(awaitsDigest(stated ? stating(versions, A) : versions, at, known(reads), memory)).toBe(awaited);
  });
});

test('pods that are gone are forgotten', () => {
  const { at, memory } = world([pod('v1', 'p1', true)]);
  memory.checkedDigests.set('uid-Pod-p1', 0).set('uid-Pod-gone', 0);
  forgetPods(at, memory);
  expect([...memory.checkedDigests.keys()]).toEqual(['uid-Pod-p1']);
});
