import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sketchQuantile } from '../../api/latency-sketch.ts';
import { ask, run } from '../runtime/harness.ts';
import { MODEL, tableOf, temporaryFolder, writeTable } from './support.ts';

test('two real runtimes: shares, names, shield, and a direct port that never forwards', async () => {
  const table = join(await temporaryFolder(), 'traffic.json');
  await writeFile(table, '');
  const v2 = await run({ launch: { version: 'v2', model: MODEL, table } });
  const at = { v2: Number(new URL(v2.direct).port) };
  await writeTable(table, tableOf({ shares: { v1: 0, v2: 10_000 }, at }));
  const v1 = await run({ launch: { version: 'v1', model: MODEL, table } });
  const body = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: Array(64).fill(1) }] };
  const infer = async (base: string, { path = '', header = '' } = {}) => {
    const headers: Record<string, string> = header === '' ? {} : { 'modelship-version': header };
    const { status, json, ...reply } = await ask(`${base}/v2/models/${MODEL}${path}/infer`, body, { headers });
    return [status, reply.headers.get('modelship-version'), json.model_version ?? json.code];
  };

  expect(await infer(v1.entry)).toEqual([200, 'v2', 'v2']);
  expect(await infer(v1.entry, { path: '/versions/v1' })).toEqual([200, 'v1', 'v1']);
  expect(await infer(v1.entry, { header: 'v2' })).toEqual([200, 'v2', 'v2']);
  expect(await infer(v1.entry, { path: '/versions/v9' })).toEqual([404, 'v1', 'VERSION_NOT_FOUND']);
  expect(await infer(v1.direct)).toEqual([200, 'v1', 'v1']);
  expect(await infer(v1.direct, { header: 'v2' })).toEqual([421, 'v1', 'MISDIRECTED']);

  await v2.server.close(0);
  expect(await infer(v1.entry)).toEqual([200, 'v1', 'v1']);
  expect(await infer(v1.entry, { path: '/versions/v2' })).toEqual([502, 'v2', 'VERSION_UNAVAILABLE']);
  const { json: report } = await ask(`${v1.admin}/modelship/report`);
  expect(report.table).toEqual({ revision: 1, primary: 'v1', shares: { v1: 0, v2: 10_000 } });
  expect(report.versions.v2).toMatchObject({ routed: 4, forwarded: 4, failed: 2, shielded: { unreachable: 1 } });
});

test('at an address that another model has by now nobody is answered: the own version is', async () => {
  const other = await run({ launch: { version: 'v2', model: 'other' } });
  const table = join(await temporaryFolder(), 'traffic.json');
  const at = { v2: Number(new URL(other.direct).port) };
  await writeTable(table, tableOf({ shares: { v1: 0, v2: 10_000 }, at }));
  const v1 = await run({ launch: { version: 'v1', model: MODEL, table } });
  const body = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: Array(64).fill(1) }] };
  const { status, json } = await ask(`${v1.entry}/v2/models/${MODEL}/infer`, body);
  expect([status, json.model_name, json.model_version]).toEqual([200, MODEL, 'v1']);
  const { json: report } = await ask(`${v1.admin}/modelship/report`);
  expect(report.versions.v2).toMatchObject({ routed: 1, shielded: { unreachable: 1 } });
});

test('the wait for a version that fails is not told as the latency of the one that answers instead', async () => {
  const SLOW_MS = 3_000;
  const failing = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.writeHead(500).end(), SLOW_MS);
  });
  await new Promise<void>((listening) => failing.listen(0, '127.0.0.1', listening));
  onTestFinished(() => {
    failing.closeAllConnections();
    failing.close();
  });
  const table = join(await temporaryFolder(), 'traffic.json');
  const at = { v2: (failing.address() as AddressInfo).port };
  await writeTable(table, tableOf({ shares: { v1: 0, v2: 10_000 }, at }));
  const v1 = await run({ launch: { version: 'v1', model: MODEL, table } });
  const body = { inputs: [{ name: 'image', datatype: 'FP32', shape: [1, 64], data: Array(64).fill(1) }] };
  expect((await ask(`${v1.entry}/v2/models/${MODEL}/infer`, body)).status).toBe(200);
  const { json: report } = await ask(`${v1.admin}/modelship/report`);
  expect(report.versions.v2.shielded.error).toBe(1);
  expect(sketchQuantile(report.latency, 1)).toBeLessThan((SLOW_MS / 1_000) * 0.9);
});
