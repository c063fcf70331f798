/** An operator that dies, at whatever write, ends a rollout as one that does not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import type { ReportSource } from '../../../operator/evidence/reports.ts';
import { CONFIG_MAPS } from '../../../operator/reconcile/resources.ts';
import { Api } from '../../faults/api.ts';
import { IMAGE, type InProcess, OperatorProcess, startInProcess } from '../../faults/operators.ts';
import { noFaults } from '../../faults/plan.ts';
import { serveReports } from '../../faults/reports.ts';
import type { WriteSeen } from '../../faults/trace.ts';
import { useCluster } from '../harness/cluster.ts';
import { version } from '../harness/models.ts';
import { type Served, served, sharesIn, type Versions } from '../harness/rollouts.ts';
import { follow } from '../harness/seen.ts';

const LIMIT_MS = 150_000;
/** What people are told is no progress, and a pod that is touched goes on by itself. */
const COUNTED = ['modeldeployments', 'configmaps', 'deployments', 'controllerrevisions', 'services'];

const GOOD = [version('v1', 0), version('v2', 100)];
const BAD = [version('v1', 0), version('v3', 100)];
const completed = ({ rollout, traffic }: Status) => rollout?.phase === 'Completed' && traffic === 'v2:100';
const takenBack = ({ rollout, traffic, versions }: Status) =>
  rollout?.phase === 'RolledBack' &&
  traffic === 'v1:100' &&
  versions?.some(({ name, phase, readyReplicas }) => name === 'v3' && phase === 'Withdrawn' && readyReplicas === 0) ===
    true;

/** Comes back when the status says that it is over; until then looks after the operator. */
async function until(here: Served, ends: (status: Status) => boolean, tend: () => Promise<string>): Promise<Status> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const told = await tend();
    const status = await here.world.status();
    if (status && ends(status)) return status;
    if (performance.now() > deadline) throw new Error(`no end:\n${told}\n${JSON.stringify(status, null, 1)}`);
    await sleep(50);
  }
}

/**
 * Operators each of which makes one write, with what it sent beside it: the API server answers it, the operator never hears
 * that, and nothing that it does after that gets there.
 */
async function oneWriteEach(here: Served, versions: Versions, ends: (status: Status) => boolean) {
  const { world } = here;
  await world.stop();
  // Each operator measures anew, and tells numbers after three seconds: none would live to decide if these did not do.
  here.traffic.rate = 6_000;
  const folder = await mkdtemp(join(tmpdir(), 'modelship-rollout-'));
  const api = new Api(useCluster());
  const writes: string[] = [];
  let current: InProcess | undefined;
  let lost = false;
  const onWrite = async ({ request: { verb, resource, name } }: WriteSeen): Promise<void> => {
    if (lost || !COUNTED.includes(resource.split('/')[0] ?? '')) return;
    lost = true;
    writes.push(`${verb} ${resource} ${name ?? ''}`.trimEnd());
    current?.proxy.partition(true);
  };
  const identity = world.namespace;
  const setup = { api, namespace: identity, plan: noFaults, reports: world.reports, folder, identity, onWrite };
  try {
    await here.apply(...versions);
    const status = await until(here, ends, async () => {
      if (lost) await current?.crash();
      if (lost || !current) {
        lost = false;
        current = await startInProcess({ ...setup, random: Math.random });
      }
      return `${writes.join('\n')}\n${current.log}`;
    });
    return { writes, status };
  } finally {
    await current?.crash();
    api.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const placeIn = ({ rollout }: Status = {}) =>
  rollout && `${rollout.phase} at ${rollout.step}${rollout.since ? ', in force' : ''}`;

/** A process that is killed as soon as the rollout is seen to have come further, and the next one. */
async function killedAtEachStep(here: Served, versions: Versions, ends: (status: Status) => boolean) {
  const { world } = here;
  await world.stop();
  const places: string[] = [];
  // A place is left on the word of the pods alone: they say nothing until it was seen.
  const gated: ReportSource = {
    read: async (pod) => {
      // The report first: a state is stored before its table is written, so what follows that table meets this place.
      const report = await world.reports.read(pod);
      const place = placeIn(await world.status());
      if (place !== undefined && !places.includes(place)) return { ok: false, reason: 'this place was not seen yet' };
      return report;
    },
  };
  await using reports = await serveReports({ read: (pod) => gated.read({ ...pod, ip: '' }) });
  const args = [
    ...['--kubeconfig', useCluster().kubeconfigPath, '--namespace', world.namespace, '--runtime-image', IMAGE],
    ...['--no-leader-elect', '--metrics', '127.0.0.1:0', '--report-url', reports.template],
  ];
  let current: OperatorProcess | undefined;
  try {
    await here.apply(...versions);
    const status = await until(here, ends, async () => {
      current ??= new OperatorProcess(args);
      const place = placeIn(await world.status());
      if (place !== undefined && !places.includes(place)) {
        places.push(place);
        await current.kill();
        current = undefined;
      }
      return `${places.join('\n')}\n${current?.log}`;
    });
    return { places, status };
  } finally {
    await current?.kill();
  }
}

describe('a rollout whose operator is lost after each of its writes', () => {
  it('goes step by step to the end that it would have had', async () => {
    await using here = await served();
    await using tables = await follow(here.world.namespace, CONFIG_MAPS);
    const { writes, status } = await oneWriteEach(here, GOOD, completed);
    expect(writes.length).toBeGreaterThan(8);
    expect(writes).toContain('apply configmaps digits-traffic');
    expect(writes).toContain('apply modeldeployments/status digits');
    expect(status.rollout).toMatchObject({ reason: 'StepsDone', step: 2 });
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v2:10', 'v1:50 v2:50', 'v2:100']);
  }, 200_000);

  it('takes back what is bad, and does not try it again', async () => {
    await using here = await served();
    here.traffic.behaviours.v3 = { differing: 0.4 };
    await using tables = await follow(here.world.namespace, CONFIG_MAPS);
    const { writes, status } = await oneWriteEach(here, BAD, takenBack);
    expect(writes.length).toBeGreaterThan(6);
    expect(status.rollout).toMatchObject({ reason: 'CheckFailed', step: 0 });
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v3:10', 'v1:100']);
  }, 200_000);
});

describe('a rollout whose operator is killed with -9 wherever it stands', () => {
  it('goes on from there', async () => {
    await using here = await served();
    await using tables = await follow(here.world.namespace, CONFIG_MAPS);
    const { places } = await killedAtEachStep(here, GOOD, completed);
    const steps = ['at 0', 'at 0, in force', 'at 1', 'at 1, in force', 'at 2'].map((place) => `Progressing ${place}`);
    expect(places).toEqual(expect.arrayContaining(steps));
    expect(await tables.values('digits-traffic', sharesIn)).toEqual(['v1:100', 'v1:90 v2:10', 'v1:50 v2:50', 'v2:100']);
  }, 200_000);
});
