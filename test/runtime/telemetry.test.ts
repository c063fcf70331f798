/** The native library has a telemetry client; this process keeps it off. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const MODEL = path.join(ROOT, 'examples/digits/models/1/model.onnx');

const SESSION = { threads: 1, graphOptimization: 'all', executionProviders: ['cpu'], arena: true, device: 0 };
const PLAN = JSON.stringify({ path: MODEL, session: SESSION, optimized: false, mapWeights: false });

const OPEN_OURS = `
  import { openModel } from ${JSON.stringify(path.join(ROOT, 'runtime/models/ort.ts'))};
  openModel(${PLAN}, () => {}).release();`;

const OPEN_IN_WORKER = `
  import { openInWorker } from ${JSON.stringify(path.join(ROOT, 'runtime/models/worker-executor.ts'))};
  await (await openInWorker(${PLAN}, { warn() {} })).close();`;

const OPEN_THEIRS = `
  import { InferenceSession } from 'onnxruntime-node';
  await (await InferenceSession.create(${JSON.stringify(MODEL)})).release();`;

/** Runs a script that opens a model. @returns what it left in its temporary folder */
function leftBehind(script: string): string[] {
  const folder = mkdtempSync(path.join(tmpdir(), 'modelship-telemetry-'));
  try {
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
      // No more than this: the library keeps quiet by itself where it sees that it is in a CI.
      env: { PATH: process.env.PATH, HOME: folder, TMPDIR: folder },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    return readdirSync(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('opening a model leaves no telemetry files; without the switch the library does', () => {
  expect(leftBehind(OPEN_OURS)).toEqual([]);
  expect(leftBehind(OPEN_IN_WORKER)).toEqual([]);
  expect(leftBehind(OPEN_THEIRS)).not.toEqual([]);
});
