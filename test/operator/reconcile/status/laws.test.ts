/** What holds of every status, whatever the facts. */

import { expect, test } from 'vitest';
import { CONDITION_TYPES, type Condition } from '../../../../api/status.ts';
import type { ReportRead } from '../../../../operator/evidence/reports.ts';
import type { Pod } from '../../../../operator/reconcile/pod.ts';
import type { StatusFacts, VersionFacts } from '../../../../operator/reconcile/status/facts.ts';
import { REASONS } from '../../../../operator/reconcile/status/reasons.ts';
import { changesIn, eventsOf, isUrgent, sameStatus } from '../../../../operator/reconcile/status/status.ts';
import fc from '../../../properties.ts';
import {
  at,
  conditionOf,
  crashingPod,
  deployment,
  facts,
  node,
  pod,
  readyPod,
  report,
  startingPod,
  T0,
  table,
  told,
  unscheduledPod,
  version,
  waitingPod,
} from './build.ts';

const SEED = { numRuns: 400 };

const aPod = (name: string): fc.Arbitrary<Pod> =>
  fc.oneof(
    fc.constant(readyPod(name)),
    fc.nat(200).map((created) => startingPod(name, { restartCount: created % 4 }, at(created))),
    fc.string({ maxLength: 40 }).map((said) => crashingPod(name, said)),
    fc.constantFrom('LOAD_DIED: x', 'MODEL_CORRUPT: y').map((said) => crashingPod(name, said, { reason: 'OOMKilled' })),
    fc.constantFrom('ErrImagePull', 'ContainerCreating', 'CrashLoopBackOff', 'Odd').map((why) => waitingPod(name, why)),
    fc
      .nat(1_000)
      .map((since) => unscheduledPod(name, '0/3 nodes are available: 3 Insufficient nvidia.com/gpu.', at(since))),
    fc.constant(pod(name, { phase: 'Failed', reason: 'Evicted' })),
    fc.constant({ ...readyPod(name), metadata: { ...readyPod(name).metadata, deletionTimestamp: T0 } }),
  );

const aReport: fc.Arbitrary<ReportRead> = fc.oneof(
  fc
    .constantFrom('Pending', 'Downloading', 'Loading', 'Loaded', 'Failed')
    .map((state) => report({ state: state as 'Loaded' })),
  fc.constant(report({ state: 'Failed', failure: { code: 'WARMUP_FAILED', message: 'why' } })),
  fc.constantFrom('a', 'd').map((digit) => report({ digest: digit.repeat(64) }, { v1: 10_000 })),
  fc.constant<ReportRead>({ ok: false, reason: 'timeout' }),
);

const CONDITIONS = [
  { type: 'ReplicaFailure', status: 'True', message: 'exceeded quota: gpus' },
  { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' },
  { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
];

const aVersion = (name: string): fc.Arbitrary<VersionFacts> =>
  fc
    .record({
      listed: fc.boolean(),
      replicas: fc.nat(3),
      pods: fc.tuple(aPod(`${name}-a`), aPod(`${name}-b`), aPod(`${name}-c`)).chain((all) => fc.subarray(all)),
      reports: fc.tuple(aReport, aReport).map(
        ([a, b]) =>
          new Map<string, ReportRead>([
            [`${name}-a`, a],
            [`${name}-b`, b],
          ]),
      ),
      deployment: fc.option(
        fc
          .tuple(fc.nat(3), fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 2 }), fc.subarray(CONDITIONS))
          .map(([replicas, ready, updated, generation, conditions]) =>
            deployment(replicas, ready, { updatedReplicas: updated, generation, conditions }),
          ),
        { nil: undefined },
      ),
      digest: fc.constantFrom(undefined, 'd'.repeat(64)),
      digestStated: fc.boolean(),
      serving: fc.constantFrom<VersionFacts['serving']>({}, { gpu: { count: 1, products: ['NVIDIA-H200'] } }),
    })
    .chain((odd) => fc.constantFrom(version(name), version(name, odd), version(name, odd)));

const oddFacts = fc.record({
  generation: fc.nat(5),
  acceptance: fc.constantFrom<StatusFacts['acceptance']>(
    { ok: true },
    { ok: true },
    { ok: true },
    { ok: false, reason: 'LocalModel', message: 'no' },
    { ok: false, reason: 'Odd', message: 'no' },
  ),
  url: fc.constantFrom(undefined, 'http://digits', 'http://digits'),
  table: fc.constantFrom(undefined, table({ v1: 100 }), table({ v1: 90, v2: 10 }), table({ v2: 100 })),
  inForce: fc.boolean(),
  waiting: fc.constantFrom<string[]>([], [], ['v2 is not ready']),
  versions: fc.tuple(aVersion('v1'), aVersion('v2')).chain((all) => fc.subarray(all)),
  nodes: fc.constantFrom([], [node('a', 8, 'NVIDIA-H200')], [node('a'), node('b', 1, 'NVIDIA-A100')]),
  objectProblems: fc.constantFrom<StatusFacts['objectProblems']>(
    [],
    [],
    [{ object: 'Service digits', reason: 'NameTaken', message: 'x', transient: false }],
    [{ object: 'Service digits', reason: 'Timeout', message: 'x', transient: true }],
  ),
  now: fc.nat(1_500).map(at),
});

/** At rest but for some of it. */
const someFacts: fc.Arbitrary<StatusFacts> = oddFacts.chain((odd) =>
  fc
    .subarray(Object.keys(odd) as (keyof typeof odd)[])
    .map((keys) => facts(Object.fromEntries(keys.map((key) => [key, odd[key]])))),
);

const holds = (said: ReturnType<typeof told>, type: Condition['type']) => conditionOf(said, type).status === 'True';

test('all five conditions, of this generation, with reasons of the catalogue', () => {
  fc.assert(
    fc.property(someFacts, (of) => {
      const said = told(of);
      expect(said.conditions?.map(({ type }) => type)).toEqual(CONDITION_TYPES);
      expect(said.observedGeneration).toBe(of.generation);
      for (const { observedGeneration, reason, message } of said.conditions ?? []) {
        expect(observedGeneration).toBe(of.generation);
        expect(REASONS).toHaveProperty([reason]);
        expect(message).toMatch(/^\S.*\S$/);
      }
    }),
    SEED,
  );
});

test('exactly one of Ready, Reconciling and Stalled holds', () => {
  fc.assert(
    fc.property(someFacts, (of) => {
      const said = told(of);
      const [first, ...others] = (['Ready', 'Reconciling', 'Stalled'] as const).filter((type) => holds(said, type));
      expect(first).toBeDefined();
      expect(others).toEqual([]);
      expect(said.blockedBy !== undefined).toBe(first === 'Stalled');
    }),
    SEED,
  );
});

test('Ready: accepted, answered, the split in force, and nothing that is listed fails', () => {
  let ready = 0;
  fc.assert(
    fc.property(someFacts, (of) => {
      const said = told(of);
      if (!holds(said, 'Ready')) return;
      ready++;
      expect(holds(said, 'Accepted') && holds(said, 'Available')).toBe(true);
      expect([of.inForce, of.waiting, of.objectProblems]).toEqual([true, [], []]);
      const listed = of.versions.filter((one) => one.listed).map(({ name }) => name);
      for (const { name, phase, failure, readyReplicas = 0, replicas = 0 } of said.versions ?? []) {
        if (!listed.includes(name)) continue;
        expect([phase, failure]).toEqual(['Ready', undefined]);
        expect(readyReplicas).toBeGreaterThanOrEqual(replicas);
      }
    }),
    { numRuns: 2_000 },
  );
  expect(ready, 'enough of the facts are at rest').toBeGreaterThan(100);
});

test('a transition time moves exactly when its status flips', () => {
  fc.assert(
    fc.property(someFacts, someFacts, (before, after) => {
      const previous = told({ ...before, now: at(1) });
      const said = told({ ...after, previous, now: at(2) });
      for (const { type, status, lastTransitionTime } of said.conditions ?? []) {
        const flipped = conditionOf(previous, type).status !== status;
        expect(lastTransitionTime).toBe(flipped ? at(2) : at(1));
      }
    }),
    SEED,
  );
});

test('the same facts later say the same, until patience with the scheduler ends', () => {
  fc.assert(
    fc.property(someFacts, fc.nat(1_000), (of, seconds) => {
      const first = told(of);
      const patience = changesIn(of) ?? Number.POSITIVE_INFINITY;
      const later = new Date(Date.parse(of.now) + Math.min(seconds * 1_000, patience - 1)).toISOString();
      const again = told({ ...of, previous: first, now: later });
      expect(sameStatus(first, again)).toBe(true);
      expect(isUrgent(first, again)).toBe(false);
      expect(eventsOf(first, again)).toEqual([]);
    }),
    SEED,
  );
});

test('no event is told twice', () => {
  fc.assert(
    fc.property(someFacts, someFacts, (before, after) => {
      const previous = told(before);
      const events = eventsOf(previous, told({ ...after, previous }));
      expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(events.length);
      for (const { reason } of events) expect(REASONS).toHaveProperty([reason]);
    }),
    SEED,
  );
});
