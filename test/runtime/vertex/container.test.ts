import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort } from '../../laptop/modelship.ts';
import { start } from '../child.ts';
import { ask, DIGITS, temporaryFolder } from '../harness.ts';

beforeEach(() => void vi.stubEnv('MODELSHIP_SERVING', '{"execution": {"processes": 1}}'));
afterEach(() => vi.unstubAllEnvs());

test('a process started as Vertex AI starts it: no arguments, all in the environment', async () => {
  const folder = await temporaryFolder();
  await copyFile(DIGITS, join(folder, 'model.onnx'));
  const port = await freePort();
  for (const [name, value] of Object.entries({
    AIP_MODE: 'PREDICTION',
    AIP_HTTP_PORT: String(port),
    AIP_HEALTH_ROUTE: '/health',
    AIP_PREDICT_ROUTE: '/predict',
    AIP_STORAGE_URI: folder,
  })) {
    vi.stubEnv(name, value);
  }
  const child = start([]);
  await child.logged('ready');
  expect((await ask(`http://127.0.0.1:${port}/health`)).status).toBe(200);
  const { json } = await ask(`http://127.0.0.1:${port}/predict`, { instances: [{ image: new Array(64).fill(1) }] });
  expect(json.predictions).toEqual([{ label: expect.any(Number), probabilities: expect.any(Array) }]);
  child.process.kill('SIGTERM');
  expect((await child.exit).code).toBe(0);
});

test('a bucket that is not mounted ends the start with words that help', async () => {
  vi.stubEnv('AIP_HTTP_PORT', '8080');
  vi.stubEnv('AIP_STORAGE_URI', 'gs://bucket/model');
  const { code, stderr } = await start([]).exit;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^MODEL_URI_UNSUPPORTED: .*mount the bucket/)]);
});

test('a process started without arguments and without a platform says what is missing', async () => {
  const { code, stderr } = await start([]).exit;
  expect([code, stderr]).toEqual([1, expect.stringMatching(/^LAUNCH_INVALID: --model: is missing/)]);
});
