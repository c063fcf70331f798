import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RuntimeServing } from '../../../api/launch.ts';
import { MODEL, type TableParts, tableOf, temporaryFolder, writeTable } from '../../traffic/support.ts';
import { type Running, run } from '../harness.ts';
import { addition, identity, writeModel } from '../onnx-builder.ts';
import { INFER, query, tensor } from './support.ts';

const TEXT = INFER.replace('"m"', `"${MODEL}"`);
const BODY = { inputs: [tensor('FP32', [1], [5])] };

/** Two versions; v1 has the traffic table and knows where v2 is. */
async function twoVersions(
  table: Omit<TableParts, 'at'>,
  {
    protocols = ['graphql'],
    model = identity('FP32'),
  }: { protocols?: RuntimeServing['protocols']; model?: Buffer } = {},
): Promise<{ v1: Running; v2: Running }> {
  const folder = await temporaryFolder();
  const file = join(folder, 'traffic.json');
  await writeFile(file, '');
  const uri = await writeModel(folder, identity('FP32'), 'v1.onnx');
  const serving = { protocols };
  const launch = { model: MODEL, table: file };
  const v2 = await run({
    serving,
    launch: { ...launch, version: 'v2', uri: await writeModel(folder, model, 'v2.onnx') },
  });
  await writeTable(file, tableOf({ ...table, at: { v2: Number(new URL(v2.direct).port) } }));
  return { v1: await run({ serving, launch: { ...launch, version: 'v1', uri } }), v2 };
}

const versionOf = (reply: Awaited<ReturnType<typeof query>>) => [
  reply.json.data?.infer?.modelVersion ?? reply.json.errors?.[0].extensions.code,
  reply.headers.get('modelship-version'),
];

test('the split, a version by argument and by header, and what disagrees, with no REST switched on', async () => {
  const { v1, v2 } = await twoVersions({ shares: { v1: 0, v2: 10_000 } });
  expect(versionOf(await query(v1, TEXT, BODY))).toEqual(['v2', 'v2']);
  expect(versionOf(await query(v1, TEXT, { ...BODY, version: 'v1' }))).toEqual(['v1', 'v1']);
  expect(versionOf(await query(v1, TEXT, { ...BODY, version: 'v2' }))).toEqual(['v2', 'v2']);
  const headers = { 'modelship-version': 'v1' };
  expect(versionOf(await query(v1, TEXT, BODY, { headers }))).toEqual(['v1', 'v1']);
  expect(versionOf(await query(v1, TEXT, { ...BODY, version: 'v2' }, { headers }))).toEqual(['INVALID_REQUEST', 'v1']);
  expect(versionOf(await query(v1, TEXT, { ...BODY, version: 'v9' }))).toEqual(['VERSION_NOT_FOUND', 'v1']);
  expect(v1.server.report().versions).toMatchObject({ v2: { forwarded: 2, failed: 0 } });
  expect(v2.server.report().versions.v2).toMatchObject({ answered: 2 });
});

test('cohorts of the user stick', async () => {
  const { v1 } = await twoVersions({ shares: { v1: 5_000, v2: 5_000 }, cohort: 'x-user' });
  const seen = new Set<string>();
  for (let user = 0; user < 12; user++) {
    const headers = { 'x-user': `user-${user}` };
    const [first] = versionOf(await query(v1, TEXT, BODY, { headers }));
    const [second] = versionOf(await query(v1, TEXT, BODY, { headers }));
    expect(second).toBe(first);
    seen.add(first);
  }
  expect([...seen].sort()).toEqual(['v1', 'v2']);
});

test('a canary that is gone is shielded; by its name it is an error with a code', async () => {
  const { v1, v2 } = await twoVersions({ shares: { v1: 0, v2: 10_000 } });
  await v2.server.close(0);
  expect(versionOf(await query(v1, TEXT, BODY))).toEqual(['v1', 'v1']);
  const { json, headers, status } = await query(v1, TEXT, { ...BODY, version: 'v2' });
  expect([status, headers.get('modelship-version')]).toEqual([200, 'v2']);
  expect(json.errors).toMatchObject([
    { path: ['infer'], extensions: { code: 'VERSION_UNAVAILABLE', status: 502, version: 'v2' } },
  ]);
  expect(v1.server.report().versions.v2).toMatchObject({ shielded: { unreachable: 1 } });
});

test('an operation that two versions answered names none in its header', async () => {
  const { v1 } = await twoVersions({ shares: { v1: 10_000, v2: 0 } });
  const one = (version: string) =>
    `${version}: infer(model: "${MODEL}", version: "${version}", inputs: $inputs) { modelVersion }`;
  const { json, headers } = await query(v1, `query ($inputs: [TensorInput!]!) { ${one('v1')} ${one('v2')} }`, BODY);
  expect(json.data).toEqual({ v1: { modelVersion: 'v1' }, v2: { modelVersion: 'v2' } });
  expect(headers.get('modelship-version')).toBeNull();
});

test('another version is asked as it is: its own inputs, its own refusals', async () => {
  const { v1 } = await twoVersions({ shares: { v1: 10_000, v2: 0 } }, { model: addition('FP32') });
  const inputs = [tensor('FP32', [1], [5], 'a'), tensor('FP32', [1], [6], 'b')];
  const sum = await query(v1, TEXT, { inputs, version: 'v2' });
  expect(sum.json.data.infer.outputs).toEqual([{ name: 'sum', datatype: 'FP32', shape: [1], data: [11] }]);
  const refused = await query(v1, TEXT, { ...BODY, version: 'v2' });
  expect(refused.json.errors[0].extensions).toEqual({ code: 'UNKNOWN_INPUT', status: 400, version: 'v2' });
});

test('an answer too large to be held on the way comes whole', async () => {
  const { v1 } = await twoVersions({ shares: { v1: 0, v2: 10_000 } });
  const size = 1_000_000;
  const inputs = [tensor('FP32', [size], Array(size).fill(-0.123456789))];
  const { json } = await query(v1, TEXT, { inputs });
  expect(json.errors).toBeUndefined();
  expect(json.data.infer.modelVersion).toBe('v2');
  expect(json.data.infer.outputs[0].data).toHaveLength(size);
});

test('versions with their shares', async () => {
  const { v1 } = await twoVersions({ shares: { v1: 7_550, v2: 2_450 } });
  const { json } = await query(v1, '{ models { versions { name share primary state ready } } }');
  expect(json.data.models[0].versions).toEqual([
    { name: 'v1', share: 75.5, primary: true, state: 'READY', ready: true },
    { name: 'v2', share: 24.5, primary: false, state: 'READY', ready: true },
  ]);
});
