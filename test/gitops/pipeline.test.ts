/** The pipeline of the examples, end to end: a training, a bare repository, a folder for the volume, and a running model. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { runLocal } from '../../local/run.ts';
import type { LocalEvent } from '../../local/snapshot.ts';
import { INSTALL_MS, trainingTools } from './venv.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const PIPELINE = join(ROOT, 'examples/gitops/pipeline');
const MANIFEST = 'models/digits.yaml';
const RUN_MS = 300_000;
const exec = promisify(execFile);

let folder: string;
let clone: string;
let store: string;
let tools: string;
/** Gives the model that the training of the example gave, where a training is not what a test is about. */
let trained: { TRAIN: string };

const git = async (...args: string[]) => (await exec('git', args, { cwd: clone })).stdout.trim();

/** The branches of the origin, with what is on each. */
const pushed = () => git('ls-remote', '--heads', 'origin');

async function release(env: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  const settings = {
    ...process.env,
    PATH: `${tools}${delimiter}${process.env.PATH}`,
    MANIFEST,
    MODEL_STORE: store,
    TEST_SET: join(ROOT, 'examples/digits/test-set.json'),
    MODELSHIP: `${process.execPath} ${join(ROOT, 'cli/modelship.mjs')}`,
    GH_TOKEN: '',
    ...env,
  };
  try {
    const { stdout, stderr } = await exec(join(PIPELINE, 'release.sh'), { cwd: clone, env: settings });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

beforeAll(async () => {
  tools = await trainingTools();
  folder = mkdtempSync(join(tmpdir(), 'modelship-gitops-'));
  clone = join(folder, 'clone');
  store = join(folder, 'store');
  mkdirSync(join(store, 'digits/models/1'), { recursive: true });
  copyFileSync(join(ROOT, 'examples/digits/models/1/model.onnx'), join(store, 'digits/models/1/model.onnx'));
  const model = join(folder, 'trained.onnx');
  await exec(join(tools, 'python'), [join(PIPELINE, 'train.py'), '--out', model]);
  trained = { TRAIN: join(folder, 'train') };
  writeFileSync(trained.TRAIN, `#!/bin/sh\ncat ${model} > "$2"\n`, { mode: 0o755 });
  await exec('git', ['init', '--quiet', '--bare', '--initial-branch=main', join(folder, 'origin.git')]);
  await exec('git', ['clone', '--quiet', join(folder, 'origin.git'), clone]);
  await git('config', 'user.name', 'the pipeline');
  await git('config', 'user.email', 'pipeline@example.com');
  cpSync(join(ROOT, 'examples/gitops/models'), join(clone, 'models'), { recursive: true });
  await git('add', '.');
  await git('commit', '--quiet', '--message', 'serve v1');
  await git('push', '--quiet', 'origin', 'HEAD:main');
}, INSTALL_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a model that is not good enough leaves no trace', () => {
  const careless = (kind: string) => ({ TRAIN: `python ${join(import.meta.dirname, 'careless_train.py')} ${kind}` });
  const strict = () => {
    const file = join(folder, 'strict.json');
    const criteria = JSON.parse(readFileSync(join(PIPELINE, 'criteria.json'), 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...criteria, minAccuracy: 0.99, maxLatencyP99Ms: 60_000 }));
    return { ...trained, CRITERIA: file };
  };
  test.each<[string, () => Record<string, string>, RegExp]>([
    ['labels in the wrong order', () => careless('shuffled'), /GOLDEN_MISMATCH: .*expected 0, got/],
    ['another input', () => careless('renamed'), /SIGNATURE_CHANGED: .*input 'image': FP32 \[-1,64\] is gone/],
    [
      'a store that is full',
      () => ({ ...trained, ...withTool('cp', 'echo "cp: no space left" >&2; exit 1'), CRITERIA: lenient() }),
      /^cp: no space left\n$/,
    ],
    ['a criterion that is not met', strict, /^CRITERION_NOT_MET: accuracy 0\.92\d+ is below 0\.99$/m],
  ])(
    '%s',
    async (_, env, reason) => {
      const before = await pushed();
      const { code, err } = await release(env());
      expect(err).toMatch(reason);
      expect(code).toBe(1);
      expect(await pushed()).toBe(before);
      expect(readFileSync(join(clone, MANIFEST), 'utf8')).toContain('name: v1');
      expect(existsSync(join(store, 'digits/models/1'))).toBe(true);
    },
    RUN_MS,
  );
});

test(
  'a better model becomes a commit, and the commit a rollout',
  async () => {
    // Where Argo CD or Flux would be: a checkout of main that is served.
    const deployed = join(folder, 'deployed');
    await exec('git', ['clone', '--quiet', join(folder, 'origin.git'), deployed]);
    const file = join(deployed, MANIFEST);
    const volumes = { models: store, 'digits-golden': join(deployed, 'models') };
    const run = await runLocal({ files: [file], host: '127.0.0.1', port: 0, volumes });
    onTestFinished(async () => {
      run.stop();
      await run.closed;
    });
    const events: LocalEvent[] = [];
    run.on('event', (event) => events.push(event));

    // As gh does, it opens a pull request once.
    const opened = join(folder, 'opened');
    const gh = `case "$2" in list) cat ${opened} 2>/dev/null || true;; create) [ ! -e ${opened} ] && echo 7 > ${opened};; *) exit 1;; esac`;
    const pipeline = { CRITERIA: lenient(), ...withTool('gh', gh), GH_TOKEN: 'x' };
    expect((await release(pipeline)).code).toBe(0);
    expect(readFileSync(opened, 'utf8')).toBe('7\n');
    // Scheduled again before anybody has merged it.
    const { code, err, out } = await release({ ...pipeline, ...trained });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const [, version = '', sha256 = ''] = /^(m-[0-9a-f]{8}): sha256 ([0-9a-f]{64})$/m.exec(out) ?? [];
    const uri = `pvc://models/digits/models/${sha256}/model.onnx`;
    const model = readFileSync(join(store, `digits/models/${sha256}/model.onnx`));
    expect(createHash('sha256').update(model).digest('hex')).toBe(sha256);
    expect(await pushed()).toContain(`refs/heads/release/${version}`);
    const changed = await git('diff', '--unified=0', 'origin/main', `origin/release/${version}`);
    expect(changed.split('\n').filter((line) => /^[-+] /.test(line))).toEqual([
      '-    - name: v1',
      `+    - name: ${version}`,
      '-        uri: pvc://models/digits/models/1/model.onnx',
      expect.stringMatching(/^- +sha256: 3e8194bf/),
      `+        uri: ${uri}`,
      `+        sha256: ${sha256}`,
    ]);
    const message = await git('log', '-1', '--format=%B', `origin/release/${version}`);
    expect(message).toMatch(/accuracy 0\.92\d+ on the held-out set; the served model has 0\.9204/);

    // The merge.
    await git('push', '--quiet', 'origin', `release/${version}:main`);
    await run.ready;
    await exec('git', ['pull', '--quiet', '--ff-only'], { cwd: deployed });
    const started = () => events.find(({ type }) => type === 'rollout-started')?.message;
    await vi.waitFor(() => expect(started()).toMatch(`from v1 100% to ${version} 100%, in 2 steps`), {
      timeout: 120_000,
    });

    expect((await release(trained)).out).toContain('the manifest has it already; nothing to do');
  },
  RUN_MS,
);

/** A program of that name in front of all others. */
function withTool(name: string, script: string): Record<string, string> {
  const at = join(folder, `with-${name}`);
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return { PATH: [at, tools, process.env.PATH].join(delimiter) };
}

/** The machine may be busy; latency is not what is tested. */
function lenient(): string {
  const file = join(folder, 'lenient.json');
  const criteria = JSON.parse(readFileSync(join(PIPELINE, 'criteria.json'), 'utf8')) as object;
  writeFileSync(file, JSON.stringify({ ...criteria, maxLatencyP99Ms: 60_000 }));
  return file;
}
