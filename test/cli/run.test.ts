/** The real `modelship run`, with real models. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Snapshot } from '../../local/snapshot.ts';
import { cli, DIGITS, folder, ROOT, startCli } from './support.ts';

const VOLUME = ['--volume', 'models=examples'];

interface Line {
  ready?: { models: { model: string; url: string; curl: string; predict: string }[] };
  snapshot?: Snapshot;
  stopping?: { signal: string };
}

/** `modelship run`, and what it says in JSON. */
function running(args: readonly string[]) {
  const child = startCli(['run', ...args, '--output', 'json']);
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: Line[] = [];
  const ready = Promise.withResolvers<NonNullable<Line['ready']>>();
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    lines.push(line);
    if (line.ready) ready.resolve(line.ready);
  });
  const now = () => lines.findLast(({ snapshot }) => snapshot)?.snapshot?.deployments[0];
  return { child, lines, now, ready: ready.promise };
}

it('serves the example, prints a line that works when pasted, and drains on Ctrl-C', async () => {
  const { child, lines, now, ready } = running([DIGITS, ...VOLUME, '--port', '0']);
  const [digits] = (await ready).models;
  expect(digits?.curl).toMatch(/ -d @examples\/digits\/request\.json$/);
  const shell = (command = '') => execFileSync('sh', ['-c', command], { cwd: ROOT, encoding: 'utf8' });
  expect(JSON.parse(shell(digits?.curl))).toMatchObject({ model_name: 'digits', outputs: [{ data: [4] }, {}] });
  expect(shell(`${digits?.predict} --repeat 100 --output json`)).toContain('"answered": 100');
  while (now()?.total.requests !== 101) await sleep(50);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(lines.some(({ stopping }) => stopping?.signal === 'SIGINT')).toBe(true);
  expect(now()).toMatchObject({ phase: 'Stopped', total: { requests: 101, errors: 0 } });
});

it('ends at once on a second Ctrl-C', async () => {
  const { child, lines, now, ready } = running([DIGITS, ...VOLUME, '--port', '0']);
  await ready;
  const pids = now()?.versions.flatMap(({ pid }) => pid ?? []) ?? [];
  expect(pids).toHaveLength(2);
  for (const pid of pids) process.kill(pid, 'SIGSTOP');
  child.kill('SIGINT');
  // Two that come together are one, and so are two within 400 ms.
  while (!lines.some(({ stopping }) => stopping)) await sleep(20);
  await sleep(600);
  expect(child.exitCode).toBe(null);
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([130, null]);
});

describe('says what stops it', () => {
  it('a port in use: 3', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    const { code, err } = await cli(['run', DIGITS, ...VOLUME, '--port', String(port)]);
    expect(code).toBe(3);
    expect(err).toMatch(new RegExp(`^error: port ${port} .*--port\n$`));
  });

  it('a file that is not there: 2', async () => {
    const { code, err } = await cli(['run', 'nothere.yaml']);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: nothere\.yaml cannot be read/);
  });

  it('a claim without a folder: 2', async () => {
    const { code, err } = await cli(['run', DIGITS]);
    expect(code).toBe(2);
    expect(err).toContain('add --volume models=DIR');
  });

  it('bad YAML: 2, every problem with its place, and in JSON for a program', async () => {
    const file = path.join(folder(), 'bad.yaml');
    writeFileSync(file, 'apiVersion: modelship.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: X}\nspec: {}\n');
    const { code, out, err } = await cli(['run', file, '--output', 'json']);
    expect(code).toBe(2);
    expect(err).toMatch(/bad\.yaml:3:/);
    expect(err).toMatch(/bad\.yaml:4:/);
    expect(JSON.parse(out).error.code).toBe('FILE_INVALID');
  });

  it('no model to load: 4', async () => {
    const file = path.join(folder(), 'gone.yaml');
    const head = 'apiVersion: modelship.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: gone}\n';
    writeFileSync(file, `${head}spec: {versions: [{name: v1, model: {uri: gone.onnx}}]}\n`);
    const { code, err } = await cli(['run', file, '--port', '0']);
    expect(code).toBe(4);
    expect(err).toContain('MODEL_NOT_THERE');
  });
});
