/** A URL with its origin, as clients of a proxy send it (RFC 9112, 3.2.2). */
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MODEL, tableOf, temporaryFolder, writeTable } from '../traffic/support.ts';
import { run } from './harness.ts';
import { identity, writeModel } from './onnx-builder.ts';

const BODY = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] });

function versionFor(entry: string, path: string, headers: Record<string, string> = {}): Promise<unknown> {
  const { hostname, port } = new URL(entry);
  const options = { hostname, port, path, method: 'POST', headers: { 'content-type': 'application/json', ...headers } };
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      response.resume();
      resolve([response.statusCode, response.headers['modelship-version']]);
    });
    sent.once('error', reject);
    sent.end(BODY);
  });
}

test('goes the way of the split as any other', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'traffic.json');
  await writeFile(file, '');
  const launch = { model: MODEL, table: file, uri: await writeModel(folder, identity('FP32')) };
  const v2 = await run({ launch: { ...launch, version: 'v2' } });
  const at = { v2: Number(new URL(v2.direct).port) };
  await writeTable(file, tableOf({ shares: { v1: 0, v2: 10_000 }, at }));
  const { entry } = await run({ launch: { ...launch, version: 'v1' } });
  const url = `http://models.example:80/v2/models/${MODEL}/infer?a=http://b/c`;
  expect(await versionFor(entry, url)).toEqual([200, 'v2']);
  expect(await versionFor(entry, url, { 'modelship-version': 'v2' })).toEqual([200, 'v2']);
  expect(await versionFor(entry, url, { 'modelship-version': 'v1' })).toEqual([200, 'v1']);
});
