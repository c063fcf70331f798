/** `node operator/main.ts` as whoever runs it sees it: its ports, its log, its rights, and who of two leads. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Status } from '../../../api/status.ts';
import { MODEL_DEPLOYMENTS } from '../../../operator/reconcile/resources.ts';
import { Api } from '../../faults/api.ts';
import { type ReportServer, SimulatedReports, serveReports } from '../../faults/reports.ts';
import { eventually, namespace, useCluster } from '../harness/cluster.ts';
import { digits } from '../harness/manifests.ts';
import { conditionOf, IMAGE } from '../harness/operator.ts';
import { kubeconfigFor, OPERATOR_RULES, userWith } from '../harness/operator-access.ts';
import { RunningOperator } from '../harness/operator-process.ts';
import { modelsClaim } from '../harness/volume.ts';
import { TcpProxy } from '../kube/tcp-proxy.ts';

/** What was refused for long is tried again after half a minute. */
const AFTER_BACKOFF = { timeoutMs: 90_000 };
const MERGE = 'application/merge-patch+json';

let folder: string;
let api: Api;
let reports: ReportServer;
const running: RunningOperator[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'modelship-operators-'));
  api = new Api(useCluster());
  reports = await serveReports(new SimulatedReports(api));
});
afterEach(async () => {
  for (const { other } of running) expect(other).toEqual([]);
  await Promise.all(running.splice(0).map((one) => one.kill()));
});
afterAll(async () => {
  await reports[Symbol.asyncDispose]();
  api.close();
  await rm(folder, { recursive: true });
});

function start(kubeconfig: string, ...more: string[]): RunningOperator {
  const all = ['--kubeconfig', kubeconfig, '--runtime-image', IMAGE, '--report-url', reports.template];
  const one = new RunningOperator([...all, ...more]);
  running.push(one);
  return one;
}

/** A namespace where the digits can run. */
async function home(): Promise<string> {
  const place = await namespace();
  await modelsClaim(place);
  return place;
}

const pathOf = (place: string, name = 'digits') =>
  `/apis/modelship.dev/v1alpha1/namespaces/${place}/${MODEL_DEPLOYMENTS.plural}/${name}`;

async function untilReady(place: string): Promise<void> {
  await eventually('digits is ready', async () => {
    const object = await api.get(pathOf(place));
    const ready = conditionOf(object?.status as Status | undefined, 'Ready');
    if (ready?.status === 'True' && ready.observedGeneration === object?.metadata.generation) return true;
    throw new Error(JSON.stringify(object?.status));
  });
}

describe('an API server that cannot be reached', () => {
  it('is waited for: alive, not ready, and why; then ready', async () => {
    const place = await home();
    await using proxy = await TcpProxy.open(useCluster().url);
    await proxy.refuse();
    const kubeconfig = await kubeconfigFor({ ...useCluster(), url: proxy.url }, folder, 'away');
    const one = start(kubeconfig, '--namespace', place, '--lease-namespace', place);
    expect(await one.ask('/healthz')).toEqual({ status: 200, text: 'ok' });
    await eventually('it says why it is not ready', async () => {
      const { status, text } = await one.ask('/readyz');
      return status === 503 && /ECONNREFUSED/.test(text);
    });
    expect(await one.leads()).toBe(false);
    await proxy.forward();
    await eventually('it is ready', async () => (await one.ask('/readyz')).status === 200, AFTER_BACKOFF);
    await eventually('it leads', () => one.leads(), AFTER_BACKOFF);
    await eventually('it is in the log', async () => one.lines.some(({ msg }) => /trying again/.test(String(msg))));
    expect(await one.terminate()).toBe(0);
  }, 150_000);

  it('does not keep it from ending', async () => {
    await using proxy = await TcpProxy.open(useCluster().url);
    await proxy.refuse();
    const one = start(await kubeconfigFor({ ...useCluster(), url: proxy.url }, folder, 'gone'));
    await one.url();
    // It is killed, and that is no 0, where it takes longer than Kubernetes gives.
    expect(await one.terminate()).toBe(0);
  });
});

describe('two operators', () => {
  it('one leads; asked to end, it hands over long before its Lease would run out, and exits with 0', async () => {
    const place = await home();
    const args = ['--namespace', place, '--lease-namespace', place, '--lease-duration', '30s'];
    const { kubeconfigPath } = useCluster();
    const first = start(kubeconfigPath, ...args, '--log-level', 'debug');
    await eventually('the first leads', () => first.leads());
    const second = start(kubeconfigPath, ...args);
    await eventually('the second is ready', async () => (await second.ask('/readyz')).status === 200);
    await api.apply(pathOf(place), digits({ namespace: place }), 'user');
    await untilReady(place);
    expect([await first.leads(), await second.leads()]).toEqual([true, false]);
    await eventually('it is in its log', async () =>
      first.lines.some(({ key, controller }) => key === `${place}/digits` && controller === 'modeldeployments'),
    );
    expect(second.lines.filter(({ key }) => key !== undefined)).toEqual([]);

    const ended = first.terminate();
    await eventually('the second leads', () => second.leads(), { timeoutMs: 20_000 });
    expect(await ended).toBe(0);
    const before = await api.get(pathOf(place));
    await sleep(1_000);
    expect((await api.get(pathOf(place)))?.metadata.resourceVersion).toBe(before?.metadata.resourceVersion);
    await api.must('PATCH', pathOf(place), { spec: { serving: { replicas: 2 } } }, MERGE);
    await untilReady(place);
    expect(await second.terminate()).toBe(0);
  }, 200_000);

  it('counts what it does', async () => {
    const place = await home();
    const one = start(useCluster().kubeconfigPath, '--namespace', place, '--no-leader-elect');
    await api.apply(pathOf(place), digits({ namespace: place }), 'user');
    await untilReady(place);
    const counted = [
      /^modelship_operator_leading 1$/m,
      /^modelship_operator_reconciles_total\{outcome="after"\} [1-9]/m,
      /^modelship_operator_reconcile_seconds_count [1-9]/m,
      /^modelship_operator_queue_depth \d/m,
      /^modelship_operator_queue_latency_seconds_count [1-9]/m,
      /^modelship_operator_queue_retries_total \d/m,
      /^modelship_operator_api_requests_total\{verb="apply",resource="deployments",code="20\d"\} [1-9]/m,
      /^modelship_operator_api_request_seconds_bucket\{.*verb="apply"/m,
      /^modelship_operator_cache_objects\{resource="modeldeployments"\} 1$/m,
      /^modelship_operator_cache_objects\{resource="pods"\} 2$/m,
      /^modelship_operator_events_total\{result="sent"\} \d/m,
      /^process_resident_memory_bytes \d/m,
    ];
    await eventually('all is counted', async () => {
      const { text } = await one.ask('/metrics');
      for (const series of counted) expect(text).toMatch(series);
      return true;
    });
    expect(await one.terminate()).toBe(0);
  });
});

describe('rights', () => {
  it('of one namespace are enough, without nodes', async () => {
    const place = await home();
    const one = start(await userWith(OPERATOR_RULES, place, folder), '--namespace', place, '--lease-namespace', place);
    await api.apply(pathOf(place), digits({ namespace: place }), 'user');
    await untilReady(place);
    expect(await one.ask('/readyz')).toEqual({ status: 200, text: 'ok' });
    expect(await one.terminate()).toBe(0);
  });

  it('that are missing are said, in the log and in /readyz; once there, it goes on by itself', async () => {
    const place = await home();
    const lacking = OPERATOR_RULES.filter(({ apiGroups }) => !apiGroups.includes('autoscaling'));
    const kubeconfig = await userWith(lacking, place, folder);
    const one = start(kubeconfig, '--namespace', place, '--lease-namespace', place);
    const refused = /list HorizontalPodAutoscaler in \S+: 403.*cannot list resource "horizontalpodautoscalers"/;
    await eventually('it says why it is not ready', async () => {
      const { status, text } = await one.ask('/readyz');
      if (status === 503 && /^not in the cache yet: horizontalpodautoscalers; /.test(text) && refused.test(text))
        return true;
      throw new Error(`${status} ${text}`);
    });
    await eventually('it is in the log', async () => {
      const line = one.lines.find(({ level, resource }) => level === 40 && resource === 'horizontalpodautoscalers');
      return refused.test(String((line?.err as { message?: string } | undefined)?.message));
    });
    expect((await one.ask('/healthz')).status).toBe(200);
    const role = `/apis/rbac.authorization.k8s.io/v1/namespaces/${place}/roles/operator`;
    await api.must('PATCH', role, { rules: OPERATOR_RULES }, MERGE);
    await eventually('it is ready', async () => (await one.ask('/readyz')).status === 200, AFTER_BACKOFF);
    await api.apply(pathOf(place), digits({ namespace: place }), 'user');
    await untilReady(place);
    expect(await one.terminate()).toBe(0);
  }, 150_000);

  it('to the Lease that are missing are said too: it can never lead', async () => {
    const place = await home();
    const lacking = OPERATOR_RULES.filter(({ resources }) => !resources.includes('leases'));
    const one = start(await userWith(lacking, place, folder), '--namespace', place, '--lease-namespace', place);
    await eventually('it says why it is not ready', async () => {
      const { status, text } = await one.ask('/readyz');
      if (status === 503 && /cannot get resource "leases"/.test(text)) return true;
      throw new Error(`${status} ${text}`);
    });
    await eventually('it is in the log', async () =>
      one.lines.some(
        ({ level, error }) => level === 40 && (error as { code?: string } | undefined)?.code === 'Forbidden',
      ),
    );
    expect(await one.terminate()).toBe(0);
  });

  it('to make one kind of object that are missing: the status names the object and the right', async () => {
    const place = await home();
    const lacking = OPERATOR_RULES.map((rule) =>
      rule.resources.includes('poddisruptionbudgets') ? { ...rule, verbs: ['get', 'list', 'watch'] } : rule,
    );
    const one = start(await userWith(lacking, place, folder), '--namespace', place, '--lease-namespace', place);
    await api.apply(pathOf(place), digits({ namespace: place, spec: { serving: { replicas: 2 } } }), 'user');
    await eventually('it is said', async () => {
      const status = (await api.get(pathOf(place)))?.status as Status | undefined;
      const ready = conditionOf(status, 'Ready');
      expect(ready).toMatchObject({ status: 'False', reason: 'Forbidden' });
      expect(ready?.message).toMatch(/PodDisruptionBudget .*cannot patch resource "poddisruptionbudgets"/);
      expect(status?.blockedBy).toMatch(/give the operator's ServiceAccount the right/);
      return conditionOf(status, 'Available')?.status === 'True';
    });
    await one.kill();
  });
});
