/** The digest that the traffic table asks for, and a process that loaded another file. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { podReport } from '../../api/pod-report.ts';
import type { TrafficTable } from '../../api/traffic-table.ts';
import { tableOf, until, writeTable } from '../traffic/support.ts';
import { ask, type Running, run, temporaryFolder } from './harness.ts';
import { identity } from './onnx-builder.ts';

const MODEL = identity('FP32');
const OTHER = '0'.repeat(64);
const GOOD = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] };

function tableWith(revision: number, digest?: string, shares: Record<string, number> = { v1: 10_000 }): TrafficTable {
  const table = { ...tableOf({ revision, shares }), model: 'm' };
  return { ...table, versions: table.versions.map((v) => (v.name === 'v1' && digest ? { ...v, digest } : v)) };
}

async function runWith(table: TrafficTable, version = 'v1') {
  const file = join(await temporaryFolder(), 'traffic.json');
  await writeTable(file, table);
  const running = await run({ model: MODEL, launch: { table: file, version } });
  const digest = running.server.own.digest as string;
  /** Resolves when the table is in force. */
  const write = async (next: TrafficTable) => {
    await writeTable(file, next);
    await until(() => running.server.report().table?.revision === next.revision);
  };
  return { running, digest, write, file };
}

const probe = async ({ admin }: Running) => (await ask(`${admin}/readyz`)).status;

async function reportOf({ admin }: Running) {
  const { ready, load } = podReport.parse((await ask(`${admin}/modelship/report`)).json);
  return { ready, ...load };
}

async function expectRefused(running: Running, digest: string) {
  const { ready, state, failure, digest: reported } = await reportOf(running);
  expect([ready, state, reported, failure?.code]).toEqual([false, 'Loaded', digest, 'DIGEST_CHANGED']);
  for (const says of [digest, OTHER, 'put the first file back', 'add a version'])
    expect(failure?.message).toContain(says);
  expect(await probe(running)).toBe(503);
  for (const base of [running.direct, running.entry]) {
    for (const [path, body] of [['/infer', GOOD], ['/ready'], ['']] as const) {
      const { status, json, headers } = await ask(`${base}/v2/models/m${path}`, body);
      expect([path, status, json.code]).toEqual([path, 503, 'DIGEST_CHANGED']);
      expect([headers.get('modelship-version'), headers.get('retry-after')]).toEqual(['v1', '1']);
    }
  }
  expect((await ask(`${running.admin}/livez`)).status).toBe(200);
}

async function expectServed(running: Running) {
  expect(await reportOf(running)).toMatchObject({ ready: true, state: 'Loaded' });
  expect((await reportOf(running)).failure).toBeUndefined();
  expect(await probe(running)).toBe(200);
  for (const base of [running.direct, running.entry]) {
    expect((await ask(`${base}/v2/models/m/infer`, GOOD)).status).toBe(200);
  }
}

describe('a table that asks for a digest', () => {
  test('of the file that was loaded: nothing changes', async () => {
    const { running, digest, write } = await runWith(tableWith(1));
    await write(tableWith(2, digest));
    await expectServed(running);
    expect(running.warnings).toEqual([]);
  });

  test('of another file: the process serves no more, says why once, and serves again when a later table lifts it', async () => {
    const { running, digest, write } = await runWith(tableWith(1));
    await expectServed(running);
    await write(tableWith(2, OTHER));
    await expectRefused(running, digest);
    await write(tableWith(3, OTHER));
    await expectRefused(running, digest);
    expect(running.warnings.filter((line) => line.includes('first served with'))).toHaveLength(1);
    await write(tableWith(4));
    await expectServed(running);
    await write(tableWith(5, OTHER));
    await write(tableWith(6, digest));
    await expectServed(running);
  });

  test('there before the model: it is never ready with another file', async () => {
    const file = join(await temporaryFolder(), 'traffic.json');
    await writeTable(file, tableWith(1, OTHER));
    const running = await run({ model: MODEL, launch: { table: file }, load: false });
    const { own } = running.server;
    let wasReady = false;
    const looking = setInterval(() => {
      wasReady ||= own.ready;
    }, 0);
    onTestFinished(() => clearInterval(looking));
    expect((await ask(`${running.direct}/v2/models/m/infer`, GOOD)).json.code).toBe('NOT_READY');
    expect((await reportOf(running)).failure).toBeUndefined();
    await running.server.load();
    await expectRefused(running, own.digest as string);
    expect(wasReady).toBe(false);
    expect(running.warnings.join()).toContain('first served with');
  });

  test('of another version says nothing to this one, and neither does a table without it', async () => {
    const { running, write } = await runWith(tableWith(1, OTHER, { v1: 5_000, v2: 5_000 }), 'v2');
    const direct = () => ask(`${running.direct}/v2/models/m/infer`, GOOD);
    expect([(await direct()).status, await probe(running)]).toEqual([200, 200]);
    await write(tableWith(2, OTHER));
    expect([(await direct()).status, await probe(running)]).toEqual([200, 200]);
  });

  test('another version answers in its place, as for one that fails', async () => {
    const bad = await runWith(tableWith(1, OTHER));
    const file = join(await temporaryFolder(), 'traffic.json');
    const at = { v1: Number(new URL(bad.running.direct).port) };
    await writeTable(file, { ...tableOf({ shares: { v1: 10_000, v2: 0 }, at }), model: 'm' });
    const other = await run({ model: MODEL, launch: { table: file, version: 'v2' } });
    const { status, headers } = await ask(`${other.entry}/v2/models/m/infer`, GOOD);
    expect([status, headers.get('modelship-version')]).toEqual([200, 'v2']);
    const pinned = await ask(`${other.entry}/v2/models/m/versions/v1/infer`, GOOD);
    expect([pinned.status, pinned.json.code]).toEqual([503, 'DIGEST_CHANGED']);
  });
});
