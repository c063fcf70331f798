/** The commands on a real `modelship run` with real models. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { folder, ran, startCli } from '../support.ts';

const version = (name: string, traffic: number) =>
  `    - {name: ${name}, model: {uri: "pvc://models/digits/models/${name.slice(1)}/model.onnx"}, traffic: ${traffic}}\n`;
const manifest = (versions: string) => `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions:
${versions}  rollout: {steps: [{traffic: 50, approval: required}]}
`;

it('shows a rollout, approves it, and takes it back', async () => {
  const at = folder();
  const [file, state] = [path.join(at, 'digits.yaml'), path.join(at, 'state')];
  writeFileSync(file, manifest(version('v1', 100)));
  const flags = ['--volume', 'models=examples', '--port', '0', '--state-dir', state];
  const child = startCli(['run', file, ...flags, '--output', 'json']);
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGINT');
    await exited;
  });
  await new Promise<void>((resolve) => {
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    lines.on('line', (line) => line.startsWith('{"ready":') && resolve());
  });
  const rollout = (...args: string[]) => ran(['rollout', ...args, '--state-dir', state]);

  writeFileSync(file, manifest(version('v1', 0) + version('v2', 100)));
  // The run needs a moment to see the edit; until then there is no rollout to wait for.
  const paused = await rollout('watch', 'digits', '--until-pause', '--timeout', '60s');
  expect(paused.out).toMatch(/Paused \(ApprovalRequired\), step 1 of 1[\s\S]*it waits for a person/);
  expect(paused.code).toBe(6);

  const approved = await rollout('approve', 'digits');
  expect({ code: approved.code, err: approved.err }).toEqual({ code: 0, err: '' });
  const done = await rollout('watch', 'digits', '--timeout', '60s');
  expect(done.out).toContain('Completed (StepsDone)');
  expect(done.code).toBe(0);

  const diffs = await ran(['diffs', 'digits', '--state-dir', state]);
  expect({ code: diffs.code, out: diffs.out }).toEqual({ code: 0, out: '' });
  expect(diffs.err).toMatch(/^digits keeps no differing requests\. .*compare\.keep/);

  const recorded = await rollout('record', 'digits', '--for', '600ms', '--interval', '300ms');
  const samples = recorded.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { at: number });
  expect(samples.map(({ at }) => at)).toEqual(samples.map(({ at }) => at).toSorted((a, b) => a - b));
  expect(samples.findIndex(({ at }) => at >= 600)).toBe(samples.length - 1);

  await rollout('undo', 'digits', '--write', file);
  expect(readFileSync(file, 'utf8')).toMatch(/name: v1[\s\S]*traffic: 100/);
  let back = '';
  while (!back.includes('to":{"v1":10000}')) {
    await sleep(200);
    back = JSON.stringify(JSON.parse((await rollout('status', 'digits', '-o', 'json')).out));
  }
}, 120_000);
