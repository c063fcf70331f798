/** The expressions of the rules, asked of a real Prometheus that scrapes real runtimes as a PodMonitor has it do. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { GROUPS } from '../../charts/alerts.ts';
import { badVersion } from '../fixtures/bad-versions.ts';
import { infer, type Running, run, temporaryFolder } from '../runtime/harness.ts';
import { monitoringTool } from './build.ts';
import { Prometheus, type TargetGroup } from './prometheus.ts';

beforeAll(() => monitoringTool('prometheus', (line) => process.stderr.write(`${line}\n`)), 1_200_000);

const recorded = (record: string): string => {
  const found = GROUPS.flatMap(({ recordings = [] }) => recordings).find((one) => one.record === record);
  return found?.expr as string;
};
const FAILED = recorded('modelship:requests_failed:rate5m');
const REQUESTS = recorded('modelship:requests:rate5m');

const portOf = (url: string): number => Number(new URL(url).port);
const target = ({ admin }: Running, pod: string): TargetGroup => ({
  targets: [new URL(admin).host],
  labels: { namespace: 'models', pod, instance: pod, job: 'models/m' },
});

test('a canary whose failures another version answers for burns no budget, one that is named does', async () => {
  const folder = await temporaryFolder();
  const v2 = await run({ launch: { version: 'v2', uri: await badVersion('failing', folder) } });
  const table = join(folder, 'traffic.json');
  const address = { host: '127.0.0.1', http: portOf(v2.direct) };
  const versions = [
    { name: 'v1', share: 0, ranges: [] },
    { name: 'v2', share: 10_000, ranges: [[0, 10_000]], address },
  ];
  await writeFile(table, JSON.stringify({ model: 'm', revision: 1, primary: 'v1', versions }));
  const v1 = await run({ launch: { table } });
  const groups = [target(v1, 'v1-a'), target(v2, 'v2-a')];
  await using prometheus = await Prometheus.start([{ job_name: 'models', groups }]);

  const { inputs } = JSON.parse(await readFile('examples/digits/test-set.json', 'utf8'));
  const scan = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: inputs[0] }] };
  const value = async (expr: string): Promise<number | undefined> => {
    const [series, ...others] = await prometheus.query(expr);
    expect(others).toEqual([]);
    if (series) expect(series.metric).toEqual({ namespace: 'models', name: 'm' });
    return series && Number(series.values[0]?.[1]);
  };
  const until = { timeout: 60_000, interval: 200 };

  const failures = 'sum(rate(modelship_requests_total{version="v2", code="500"}[5m]))';
  await expect
    .poll(async () => {
      expect((await infer(v1, scan)).status).toBe(200);
      return (await prometheus.query(failures)).map(({ values }) => Number(values[0]?.[1]) > 0);
    }, until)
    .toEqual([true]);
  // Of v1, which is scraped at another moment.
  await expect.poll(() => value(REQUESTS), until).toBeGreaterThan(0);
  await expect.poll(() => value(FAILED), until).toBe(0);

  await expect
    .poll(async () => {
      const { status } = await infer(v1, scan, { headers: { 'modelship-version': 'v2' } });
      expect(status).toBe(500);
      return ((await value(FAILED)) ?? 0) > 0;
    }, until)
    .toBe(true);

  // None of them is refused.
  for (const { recordings = [], alerts } of GROUPS) {
    for (const { expr } of [...recordings, ...alerts]) await prometheus.query(expr);
  }
}, 300_000);
