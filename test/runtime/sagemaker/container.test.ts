import { copyFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { freePort } from '../../laptop/modelship.ts';
import { start } from '../child.ts';
import { ask, DIGITS, temporaryFolder } from '../harness.ts';

afterEach(() => vi.unstubAllEnvs());

test('a process started as SageMaker starts it: the argument serve, the model in the artefact folder', async () => {
  const base = await temporaryFolder();
  await mkdir(join(base, 'model'));
  await copyFile(DIGITS, join(base, 'model', 'model.onnx'));
  const port = await freePort();
  vi.stubEnv('SAGEMAKER_BASE_DIR', base);
  vi.stubEnv('SAGEMAKER_BIND_TO_PORT', String(port));
  vi.stubEnv('MODELSHIP_SERVING', '{"execution": {"processes": 1}}');
  const child = start(['serve']);
  await child.logged('ready');
  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  expect((await ask(at('/ping'))).status).toBe(200);
  expect((await ask(at('/execution-parameters'))).json).toMatchObject({
    MaxPayloadInMB: 25,
    MaxConcurrentTransforms: 4,
  });
  const { text } = await ask(at('/invocations'), new Array(64).fill('1').join(','), {
    headers: { 'content-type': 'text/csv' },
  });
  expect(text).toMatch(/^\d(,[\d.e-]+){10}\n$/);
  child.process.kill('SIGTERM');
  expect((await child.exit).code).toBe(0);
});
