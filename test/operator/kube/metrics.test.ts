import { describe, expect, test } from 'vitest';
import type { RequestSeen } from '../../../operator/kube/client.ts';
import { OperatorMetrics, RELIST_REASONS } from '../../../operator/kube/metrics.ts';

const seen = (of: Partial<RequestSeen>): RequestSeen => ({
  verb: 'get',
  resource: 'pods',
  status: 200,
  seconds: 0.02,
  ...of,
});

/** The lines of one metric: `LABELS VALUE`. */
async function linesOf(metrics: OperatorMetrics, name: string): Promise<string[]> {
  const text = await metrics.registry.metrics();
  return text
    .split('\n')
    .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
    .map((line) => line.slice(name.length).trim());
}

describe('requests', () => {
  test.each<[string, Partial<RequestSeen>, string]>([
    ['an answer', {}, '{verb="get",resource="pods",code="200"} 1'],
    ['a refusal', { verb: 'apply', status: 409 }, '{verb="apply",resource="pods",code="409"} 1'],
    ['no answer', { status: 0 }, '{verb="get",resource="pods",code="none"} 1'],
    ['a status that is none', { status: 70_000 }, '{verb="get",resource="pods",code="none"} 1'],
  ])('%s', async (_, request, line) => {
    const metrics = new OperatorMetrics();
    metrics.requestSeen(seen(request));
    expect(await linesOf(metrics, 'modelship_operator_api_requests_total')).toEqual([line]);
  });

  test('are timed by verb; a watch is counted and not timed', async () => {
    const metrics = new OperatorMetrics();
    metrics.requestSeen(seen({ verb: 'list', seconds: 0.5 }));
    metrics.requestSeen(seen({ verb: 'list', seconds: 0.25 }));
    metrics.requestSeen(seen({ verb: 'watch', seconds: 300 }));
    expect(await linesOf(metrics, 'modelship_operator_api_request_seconds_sum')).toEqual(['{verb="list"} 0.75']);
    expect(await linesOf(metrics, 'modelship_operator_api_requests_total')).toHaveLength(2);
  });
});

test('a caller that makes up resources and reasons does not make up series without end', async () => {
  const metrics = new OperatorMetrics();
  for (let i = 0; i < 1_000; i++) {
    metrics.requestSeen(seen({ resource: `r${i}` }));
    metrics.relisted(`r${i}`, `because ${i}`);
    metrics.watchCache(`r${i}`, () => i);
  }
  expect(await linesOf(metrics, 'modelship_operator_api_requests_total')).toHaveLength(65);
  expect(await linesOf(metrics, 'modelship_operator_relists_total')).toHaveLength(65 * RELIST_REASONS.length);
  expect(await linesOf(metrics, 'modelship_operator_cache_objects')).toHaveLength(65);
});

test('relists say why, in the words of the informer or as other', async () => {
  const metrics = new OperatorMetrics();
  for (const reason of [...RELIST_REASONS, 'Moonlight']) metrics.relisted('pods', reason);
  const lines = await linesOf(metrics, 'modelship_operator_relists_total');
  expect(lines).toHaveLength(RELIST_REASONS.length);
  expect(lines).toContain('{resource="pods",reason="Expired"} 1');
  expect(lines).toContain('{resource="pods",reason="other"} 2');
});

test('relists of a cache are told from the start, so that the first of them is seen by rate()', async () => {
  const metrics = new OperatorMetrics();
  metrics.watchCache('pods', () => 1);
  const lines = await linesOf(metrics, 'modelship_operator_relists_total');
  expect(lines).toHaveLength(RELIST_REASONS.length);
  expect(lines).toContain('{resource="pods",reason="Silent"} 0');
});

test('caches and leading are asked when scraped', async () => {
  const metrics = new OperatorMetrics();
  let size = 1;
  let leads = false;
  expect(await linesOf(metrics, 'modelship_operator_leading')).toEqual(['0']);
  metrics.watchCache('pods', () => 99);
  metrics.watchCache('pods', () => size);
  metrics.leading(() => leads);
  size = 7;
  leads = true;
  expect(await linesOf(metrics, 'modelship_operator_cache_objects')).toEqual(['{resource="pods"} 7']);
  expect(await linesOf(metrics, 'modelship_operator_leading')).toEqual(['1']);
});

test('queues are summed up, and one of the same name takes the place of the one before', async () => {
  const metrics = new OperatorMetrics();
  expect(await linesOf(metrics, 'modelship_operator_queue_oldest_seconds')).toEqual(['0']);
  const state = (depth: number) => () => ({
    depth,
    oldestSeconds: depth,
    working: 1,
    longestWorkingSeconds: depth * 10,
  });
  metrics.watchQueue('a', state(100));
  metrics.watchQueue('a', state(1));
  metrics.watchQueue('b', state(2));
  expect(await linesOf(metrics, 'modelship_operator_queue_depth')).toEqual(['3']);
  expect(await linesOf(metrics, 'modelship_operator_queue_working')).toEqual(['2']);
  expect(await linesOf(metrics, 'modelship_operator_queue_oldest_seconds')).toEqual(['2']);
  expect(await linesOf(metrics, 'modelship_operator_queue_longest_working_seconds')).toEqual(['20']);
});

test('outcomes and events are there from the start, at 0', async () => {
  const metrics = new OperatorMetrics();
  metrics.eventSeen('merged');
  expect(await linesOf(metrics, 'modelship_operator_events_total')).toEqual([
    '{result="sent"} 0',
    '{result="merged"} 1',
    '{result="dropped"} 0',
  ]);
  expect(await linesOf(metrics, 'modelship_operator_reconciles_total')).toEqual([
    '{outcome="done"} 0',
    '{outcome="after"} 0',
    '{outcome="retry"} 0',
    '{outcome="terminal"} 0',
    '{outcome="error"} 0',
  ]);
});

test('two operators in one process keep their numbers apart, and each shows the process', async () => {
  const [one, other] = [new OperatorMetrics(), new OperatorMetrics()];
  one.reconciled('done', 0.1);
  expect(await linesOf(other, 'modelship_operator_reconciles_total')).toContain('{outcome="done"} 0');
  expect(await linesOf(other, 'process_resident_memory_bytes')).toHaveLength(1);
});

test('names follow the convention: counters end in _total, times are seconds', async () => {
  const all = await new OperatorMetrics().registry.getMetricsAsJSON();
  const own = all.filter(({ name }) => name.startsWith('modelship_operator_'));
  expect(own.map(({ name }) => name).sort()).toEqual([
    'modelship_operator_api_request_seconds',
    'modelship_operator_api_requests_total',
    'modelship_operator_cache_objects',
    'modelship_operator_events_total',
    'modelship_operator_leading',
    'modelship_operator_queue_depth',
    'modelship_operator_queue_latency_seconds',
    'modelship_operator_queue_longest_working_seconds',
    'modelship_operator_queue_oldest_seconds',
    'modelship_operator_queue_retries_total',
    'modelship_operator_queue_working',
    'modelship_operator_reconcile_seconds',
    'modelship_operator_reconciles_total',
    'modelship_operator_relists_total',
  ]);
  for (const { name, type, help } of own) {
    expect(name.endsWith('_total'), name).toBe(String(type) === 'counter');
    if (String(type) === 'histogram') expect(name).toMatch(/_seconds$/);
    expect(help).toMatch(/\.$/);
  }
});
