/** Golden requests of a replica with several processes, and of a process as a pod starts it. */
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startWith } from '../child.ts';
import { replica } from '../fleet/replica.ts';
import { temporaryFolder } from '../harness.ts';

const GOLDEN = 'examples/digits/golden.json';
const V3 = 'examples/digits/models/3/model.onnx';

test('the termination message says which request differs', async () => {
  const terminationLog = join(await temporaryFolder(), 'log');
  const child = startWith({ uri: V3, golden: { uri: GOLDEN, tolerance: 0 }, terminationLog });
  expect((await child.exit).code).toBe(1);
  const said = await readFile(terminationLog, 'utf8');
  expect(said).toMatch(/^GOLDEN_MISMATCH: golden request '3-\d' output 'label'\[0\]: expected 3, got \d \(/);
});

test('of several processes too', async () => {
  const terminationLog = join(await temporaryFolder(), 'log');
  const golden = { uri: GOLDEN, tolerance: 0 };
  const both = await replica({ cores: 2, processes: 2 }, { uri: V3, golden, terminationLog });
  expect((await both.exit).code).toBe(1);
  expect(await readFile(terminationLog, 'utf8')).toMatch(/^GOLDEN_MISMATCH: /);
});

test('a process that dies comes back though the file has changed', async () => {
  const uri = join(await temporaryFolder(), 'golden.json');
  await copyFile(GOLDEN, uri);
  const both = await replica({ cores: 2, processes: 2 }, { golden: { uri, tolerance: 0 } });
  await both.logged('ready');
  await writeFile(uri, '{}');
  process.kill(both.pids()[0] as number, 'SIGKILL');
  await expect.poll(() => both.pids().length, { timeout: 20_000 }).toBe(3);
  await expect.poll(() => both.metric('modelship_processes'), { timeout: 20_000 }).toBe(2);
  both.process.kill('SIGTERM');
  expect((await both.exit).code).toBe(0);
});
