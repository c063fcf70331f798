/** A replica of two processes that mirrors: its head shows what both of them counted and kept. */
import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diffs } from '../../../api/diffs.ts';
import { podReport } from '../../../api/pod-report.ts';
import { classifier, mirroredTable, X } from '../../traffic/mirror-support.ts';
import { MODEL, temporaryFolder, until } from '../../traffic/support.ts';
import { post } from '../child.ts';
import { ask, run } from '../harness.ts';
import { writeModel } from '../onnx-builder.ts';
import { replica } from './replica.ts';

test('counters, predictions, metrics by name and kept requests are those of both', async () => {
  const folder = await temporaryFolder();
  const table = join(folder, 'traffic.json');
  const v2 = await run({ model: classifier({ label: 1 }), launch: { version: 'v2', model: MODEL } });
  const at = { v2: Number(new URL(v2.direct).port) };
  const observe = { keep: 5, distribution: true };
  await writeFile(table, JSON.stringify(mirroredTable({ at, shadow: { v2: 10_000 }, observe })));
  const uri = await writeModel(folder, classifier());
  const both = await replica({ cores: 2, processes: 2 }, { uri, table, model: MODEL });
  await both.logged('ready');

  // A connection each: they are dealt out evenly.
  const agents = [0, 1, 2, 3].map(() => new Agent({ keepAlive: true, maxSockets: 1 }));
  for (const [value, agent] of agents.entries()) {
    await post(both.entry, `/v2/models/${MODEL}/infer`, X(value), agent);
  }
  const admin = async (path: string) => (await ask(`http://127.0.0.1:${both.admin}${path}`)).json;
  const report = async (query = '') => podReport.parse(await admin(`/modelship/report${query}`));
  let seen = (await report()).versions.v2;
  await until(() => {
    void report().then(({ versions }) => {
      seen = versions.v2;
    });
    return (seen?.mirrored ?? 0) + (seen?.mirrorDropped ?? 0) === 4;
  });
  // Each is copied or, on a machine that is busy, dropped.
  const compared = seen?.compared ?? 0;
  expect(seen).toMatchObject({ mirrored: compared, differing: compared, mirrorFailed: 0 });
  // A process that stalls for as long as it is waited for is told of with what it said last, or not at all.
  const ALL = '?custom=modelship_mirrored_requests_total,modelship_processes';
  const counted = async () => (await report(ALL)).custom?.modelship_mirrored_requests_total?.value;
  await expect.poll(counted).toBe(4);
  const { outputs, queue, custom } = await report(ALL);
  expect(outputs?.label).toEqual({ kind: 'labels', counts: { 0: 1, 1: 1, 2: 1, 3: 1 } });
  expect(Object.values(queue).reduce((sum, count) => sum + count, 0)).toBe(4);
  expect(custom?.modelship_mirrored_requests_total).toMatchObject({ type: 'counter', value: 4 });
  expect(custom?.modelship_processes).toEqual({ type: 'gauge', value: 2, count: 1 });
  await expect.poll(async () => diffs.parse(await admin('/modelship/diffs')).diffs).toHaveLength(compared);
  const kept = diffs.parse(await admin('/modelship/diffs'));
  expect(kept).toMatchObject({ model: MODEL, stable: 'v1', keep: 5 });
  expect(kept.diffs.map(({ at }) => at)).toEqual(
    kept.diffs
      .map(({ at }) => at)
      .sort()
      .reverse(),
  );
  for (const agent of agents) agent.destroy();
});
