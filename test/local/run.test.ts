/** A run with processes: the fake runtime where the model does not matter, the real one where it does. */
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LocalRun, type RunOptions, runLocal } from '../../local/run.ts';
import type { LocalEvent } from '../../local/snapshot.ts';
import { freePort } from '../laptop/modelship.ts';
import { manifest } from './build.ts';

const FAKE = resolve(import.meta.dirname, 'fake-runtime.ts');
let folder: string;
let runs: LocalRun[];
let events: LocalEvent[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
  runs = [];
  events = [];
});

afterEach(async () => {
  for (const run of runs) {
    void run.stop();
    await run.stop();
  }
  rmSync(folder, { recursive: true, force: true });
});

/** A file in which every version behaves as told; see the fake runtime. */
function write(versions: Record<string, string>, name = 'digits'): string {
  const file = join(folder, `${name}.yaml`);
  const [first = ''] = Object.keys(versions);
  const traffic = Object.fromEntries(Object.keys(versions).map((v) => [v, v === first ? 100 : 0]));
  const text = manifest(traffic, { retireAfter: '0s' }, name);
  writeFileSync(
    file,
    text.replaceAll(/models\/(\w+)\.onnx/g, (_, version: string) => `models/${versions[version]}`),
  );
  return file;
}

async function run(files: string[], more: Partial<RunOptions> = {}): Promise<LocalRun> {
  const started = await runLocal({ files, host: '127.0.0.1', port: 0, volumes: {}, ...more }, { script: FAKE });
  runs.push(started);
  started.on('event', (event) => events.push(event));
  return started;
}

const types = () => events.map(({ type }) => type);
const versions = (of: LocalRun) => of.snapshot().deployments[0]?.versions ?? [];
const ask = async (url: string) => (await fetch(url)).headers.get('modelship-version');

describe('a run', () => {
  test('serves several ModelDeployments, each at its own door, and stops with code 0', async () => {
    const started = await run([write({ v1: 'ok' }, 'digits'), write({ v7: 'ok' }, 'iris')]);
    expect(started.deployments.map(({ name }) => name)).toEqual(['digits', 'iris']);
    await started.ready;
    expect(await Promise.all(started.deployments.map(({ url }) => ask(url)))).toEqual(['v1', 'v7']);
    await started.stop();
    expect(await started.closed).toEqual({ code: 0 });
    expect(started.snapshot().deployments.map(({ phase }) => phase)).toEqual(['Stopped', 'Stopped']);
    expect(types().filter((type) => type === 'version-crashed')).toEqual([]);
  });

  test('gives the second ModelDeployment the tenth port after the first', async () => {
    const port = await freePort([0, 1, 10, 11]);
    const started = await run([write({ v1: 'ok' }, 'digits'), write({ v1: 'ok' }, 'iris')], { port });
    expect(started.deployments.map(({ entryPort }) => entryPort)).toEqual([port, port + 10]);
  });

  test('shows numbers about twice a second', async () => {
    const started = await run([write({ v1: 'ok' })]);
    await started.ready;
    await ask(started.deployments[0]?.url as string);
    await vi.waitFor(() => expect(versions(started)[0]).toMatchObject({ requests: 1, observed: 100 }), {
      timeout: 20_000,
    });
  });

  test('restarts what is killed, whose cause it shows', async () => {
    const started = await run([write({ v1: 'ok', v2: 'ok' })]);
    await started.ready;
    const pid = versions(started)[1]?.pid as number;
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(() => expect(versions(started)[1]).toMatchObject({ phase: 'Ready', restarts: 1 }), {
      timeout: 20_000,
    });
    expect(versions(started)[1]).toMatchObject({ cause: 'ended by SIGKILL' });
    expect(versions(started)[1]?.pid).not.toBe(pid);
  });

  test('applies an edit; refuses a bad one with its place, and goes on', async () => {
    const file = write({ v1: 'ok' });
    const started = await run([file]);
    await started.ready;
    writeFileSync(file, readFileSync(file, 'utf8').replace('traffic: 100', 'traffic: 99'));
    await vi.waitFor(() => expect(types()).toContain('file-rejected'), { timeout: 20_000 });
    expect(events.find(({ type }) => type === 'file-rejected')?.message).toMatch(
      /digits\.yaml:\d+:\d+.*add up to 100.*What was served goes on/s,
    );
    write({ v2: 'ok' });
    await vi.waitFor(() => expect(types()).toContain('version-stopped'), { timeout: 20_000 });
    expect(await ask(started.deployments[0]?.url as string)).toBe('v2');
    expect(versions(started).map(({ name }) => name)).toEqual(['v2']);
  });

  test('leaves edits alone when told so', async () => {
    const file = write({ v1: 'ok' });
    const started = await run([file], { watch: false });
    await started.ready;
    write({ v2: 'ok' });
    await new Promise((done) => started.on('snapshot', done));
    expect(types()).not.toContain('file-changed');
  });

  test('stopped twice ends at once, though something does not want to', async () => {
    const started = await run([write({ v1: 'silent' })]);
    await vi.waitFor(() => expect(types()).toContain('version-starting'), { timeout: 20_000 });
    void started.stop();
    await started.stop();
    expect(await started.closed).toEqual({ code: 0 });
    await expect(started.ready).rejects.toThrow('stopped before it served');
  });
});

describe('a start that cannot serve', () => {
  test('every version fails its first load: an error with each cause, and exit code 4', async () => {
    const started = await run([write({ v1: 'missing' })]);
    await expect(started.ready).rejects.toMatchObject({
      code: 'NOTHING_TO_SERVE',
      message: expect.stringMatching(/digits, version v1: MODEL_NOT_THERE: there is no file missing/),
    });
    expect(await started.closed).toEqual({ code: 4 });
  });

  test('one of two ModelDeployments fails: the other serves, and the failure is shown', async () => {
    const started = await run([write({ v1: 'missing' }, 'digits'), write({ v1: 'ok' }, 'iris')]);
    await vi.waitFor(() => expect(started.snapshot().deployments[1]?.phase).toBe('Serving'), { timeout: 20_000 });
    await vi.waitFor(() => expect(versions(started)[0]?.restarts).toBeGreaterThan(1), { timeout: 20_000 });
    expect(versions(started)[0]?.cause).toMatch('MODEL_NOT_THERE');
  });

  test('the port is taken: ADDRESS_IN_USE, and nothing is left behind', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const state = join(folder, 'state');
    await expect(run([write({ v1: 'ok' })], { port, stateDir: state })).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
    });
    taken.close();
    expect(readdirSync(state)).toEqual([]);
  });

  test('a claim without a volume: VOLUME_MISSING, with the version and the flag', async () => {
    const file = write({ v1: 'ok' });
    writeFileSync(file, readFileSync(file, 'utf8').replace('models/ok', 'pvc://models/ok'));
    await expect(run([file])).rejects.toMatchObject({
      code: 'VOLUME_MISSING',
      message: expect.stringMatching(/^digits, version v1: .*add --volume models=DIR$/),
    });
  });
});

describe('--state-dir', () => {
  test('keeps status and logs, and is refused while another run has it', async () => {
    const stateDir = join(folder, 'state');
    writeFileSync(join(folder, 'other.pid'), '');
    const started = await run([write({ v1: 'ok' })], { stateDir });
    await started.ready;
    await started.stop();
    const status = JSON.parse(readFileSync(join(stateDir, 'status.json'), 'utf8'));
    expect(status.deployments[0]).toMatchObject({ name: 'digits', phase: 'Stopped' });
    expect(existsSync(join(stateDir, 'digits/logs/v1.log'))).toBe(true);
    writeFileSync(join(stateDir, 'modelship.pid'), `${process.ppid}\n`);
    await expect(run([write({ v1: 'ok' })], { stateDir })).rejects.toMatchObject({ code: 'STATE_DIR_INVALID' });
  });

  test('what modelship did not write there is refused, not overwritten', async () => {
    const stateDir = join(folder, 'state');
    await (await run([write({ v1: 'ok' })], { stateDir })).stop();
    writeFileSync(join(stateDir, 'digits/accepted.json'), '{"versions": 7}');
    await expect(run([write({ v1: 'ok' })], { stateDir })).rejects.toMatchObject({
      code: 'STATE_DIR_INVALID',
      message: expect.stringMatching(/accepted\.json is not what modelship wrote there/),
    });
  });
});
