/** A process of a replica that moves its model to a worker, long after it was measured. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { post } from '../child.ts';
import { temporaryFolder } from '../harness.ts';
import { writeModel } from '../onnx-builder.ts';
import { SLOW, slowRequest } from '../slow-model.ts';
import { INFER, replica } from './replica.ts';

test('finds the file that was downloaded for all', async () => {
  const path = await writeModel(await temporaryFolder(), SLOW);
  const source = createServer((_request, response) => void response.end(readFileSync(path))).listen(0, '127.0.0.1');
  onTestFinished(() => void source.close());
  await once(source, 'listening');
  const uri = `http://127.0.0.1:${(source.address() as AddressInfo).port}/model.onnx`;
  const both = await replica({ cores: 2, processes: 2 }, { uri });
  await both.logged('ready');
  const workersAfterOneMore = async () => {
    expect((await post(both.entry, INFER, slowRequest(700))).status).toBe(200);
    return both.metric('modelship_execution_workers');
  };
  await expect.poll(workersAfterOneMore, { timeout: 20_000, interval: 5 }).toBeGreaterThan(0);
});
