/** `modelship validate --against`: real models in real runtime processes, no cluster. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_RULE, difference } from '../../api/compare.ts';
import { run } from '../../cli/main.ts';
import { type Output, plainPaint } from '../../cli/output.ts';
import { comparable } from '../../cli/validate/answers.ts';
import { parseExact } from '../../cli/validate/exact.ts';
import { identity } from '../runtime/onnx-builder.ts';
import { receiver } from '../runtime/tracing/receiver.ts';
import { cli, folder } from './support.ts';

const DIGITS = 'examples/digits';
const MODEL = (version: number) => `${DIGITS}/models/${version}/model.onnx`;

interface Finding {
  code: string;
  weight: string;
  version?: string;
  path: string;
  line: number;
  message: string;
  todo: string;
}

/** Without a process for the command line itself. */
async function ran(args: readonly string[]) {
  const written = { out: '', err: '' };
  const output = (to: keyof typeof written): Output => ({
    write: (text) => {
      written[to] += text;
    },
    live: false,
    width: 120,
    paint: plainPaint,
  });
  const failed = await run(['validate', ...args], { out: output('out'), err: output('err'), invoked: 'modelship' });
  const code = failed ?? process.exitCode ?? 0;
  process.exitCode = 0;
  return { code, ...written };
}

async function judged(args: readonly string[]) {
  const { code, out } = await ran([...args, '--output', 'json']);
  const said = JSON.parse(out) as {
    valid: boolean;
    verdict: string;
    models: Record<string, unknown>[];
    findings: Finding[];
  };
  const told = said.findings?.filter(({ weight }) => weight !== 'note');
  return { code, ...said, codes: told?.map((each) => `${each.code} ${each.path}`) };
}

interface VersionText {
  file: string;
  traffic?: number;
  sha256?: string | undefined;
  golden?: string;
}

const digest = (of: Buffer) => createHash('sha256').update(of).digest('hex');

/** A folder with models a (FP32 [n,2]), b (the same by another graph) and c (FP32 [n,3]). */
function world() {
  const at = folder();
  const models = {
    a: identity('FP32', ['n', 2]),
    b: identity('FP32', ['n', 'm']),
    c: identity('FP32', ['n', 3]),
    torn: identity('FP32').subarray(0, 20),
  };
  for (const [name, bytes] of Object.entries(models)) writeFileSync(path.join(at, `${name}.onnx`), bytes);
  const golden = (value: number) => ({
    requests: [
      {
        name: 'one',
        inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [1, value] }],
      },
    ],
  });
  writeFileSync(path.join(at, 'right.json'), JSON.stringify(golden(2)));
  writeFileSync(path.join(at, 'wrong.json'), JSON.stringify(golden(3)));
  const manifest = (file: string, versions: Record<string, VersionText>, more: object = {}): string => {
    const listed = Object.entries(versions).map(([name, { file: model, traffic = 100, sha256, golden: answers }]) => ({
      name,
      model: { uri: `${model}.onnx`, ...(sha256 !== undefined && { sha256 }) },
      ...(answers !== undefined && { golden: { uri: `${answers}.json` } }),
      traffic,
    }));
    const whole = {
      apiVersion: 'modelship.dev/v1alpha1',
      kind: 'ModelDeployment',
      metadata: { name: 'echo' },
      spec: { versions: listed, ...more },
    };
    const target = path.join(at, file);
    writeFileSync(target, JSON.stringify(whole, null, 1));
    return target;
  };
  return { at, models, manifest };
}

describe('a manifest against the one before', () => {
  it('accepts a version that fits, and says what it saw', async () => {
    const { manifest, models } = world();
    const sha256 = digest(models.b);
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v2: { file: 'b', sha256, golden: 'right' } });
    const {
      code,
      verdict,
      models: seen,
      codes,
    } = await judged([after, '--against', before, '--max-disagreement', '0']);
    expect({ code, verdict, codes }).toEqual({ code: 0, verdict: 'accepted', codes: [] });
    expect(seen).toMatchObject([
      {
        deployment: 'echo',
        version: 'v2',
        why: 'added',
        digest: sha256,
        comparedWith: 'v1',
        signature: [],
        golden: 1,
        disagreement: { requests: 1, differing: 0 },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, -1] }],
      },
    ]);
  });

  it('refuses each version for its own reason, and no other', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', {
      v1: { file: 'b', traffic: 0 },
      fits: { file: 'b' },
      shape: { file: 'c', traffic: 0 },
      golden: { file: 'b', traffic: 0, golden: 'wrong' },
      digest: { file: 'b', traffic: 0, sha256: 'f'.repeat(64) },
      gone: { file: 'gone', traffic: 0 },
      torn: { file: 'torn', traffic: 0 },
    });
    const { code, verdict, valid, findings, models } = await judged([
      after,
      '--against',
      before,
      '--max-disagreement',
      '0',
    ]);
    expect({ code, verdict, valid }).toEqual({ code: 1, verdict: 'refused', valid: false });
    const told = findings.filter(({ weight }) => weight === 'refused');
    expect(told.map((each) => `${each.version} ${each.code} ${each.path}`)).toEqual([
      'v1 VERSION_REUSED spec.versions[0].model.uri',
      'fits NOTHING_TO_REPLAY spec.versions[1].model',
      'shape SIGNATURE_CHANGED spec.versions[2].model',
      'shape SIGNATURE_CHANGED spec.versions[2].model',
      'golden GOLDEN_MISMATCH spec.versions[3].golden',
      'digest MODEL_DIGEST_MISMATCH spec.versions[4].model',
      'gone MODEL_NOT_THERE spec.versions[5].model',
      'torn MODEL_CORRUPT spec.versions[6].model',
    ]);
    for (const { line, todo } of told)
      expect({ line, todo }).toEqual({ line: expect.any(Number), todo: expect.stringMatching(/\w/) });
    // Its golden answers are wrong, and it is compared all the same.
    expect(models.find(({ version }) => version === 'golden')).toMatchObject({
      comparedWith: 'v1',
      disagreement: { differing: 0 },
    });
    const messages = told.map(({ message }) => message);
    expect(messages).toContain("shape compared with v1: input 'x': FP32 [-1,2] became FP32 [-1,3]");
  }, 90_000);

  it('opens nothing where the manifest itself is wrong', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v1: { file: 'a', traffic: 50 }, v2: { file: 'torn', traffic: 40 } });
    const { code, codes, models } = await judged([after, '--against', before]);
    expect({ code, codes, models }).toEqual({ code: 1, codes: ['MANIFEST_INVALID spec.versions'], models: [] });
  });

  it('says the place and what to do in one line', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const { err, code } = await ran([manifest('after.yaml', { v2: { file: 'c' } }), '--against', before]);
    expect(code).toBe(1);
    expect(err).toMatch(
      /^error: \S+after\.yaml:\d+:\d+ spec\.versions\[0\]\.model: SIGNATURE_CHANGED: v2 compared with v1: /m,
    );
    expect(err).toContain("input 'x': FP32 [-1,2] became FP32 [-1,3]; export the model");
    expect(err).toMatch(/^refused for 2 reasons$/m);
  });

  it('takes a changed signature where the rollout does', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const any = { rollout: { steps: [{ traffic: 10 }], signature: 'Any' } };
    const { code, findings } = await judged([manifest('after.yaml', { v2: { file: 'c' } }, any), '--against', before]);
    expect(code).toBe(0);
    expect(findings.map(({ code: each, weight }) => `${each} ${weight}`)).toContain('SIGNATURE_CHANGED note');
  });

  it('gives no verdict where it cannot reach a model', async () => {
    const { manifest, at } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const text = `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: echo}
spec: {versions: [{name: v2, model: {uri: "s3://models/a.onnx"}}]}
`;
    writeFileSync(path.join(at, 'after.yaml'), text);
    const { code, verdict, codes } = await judged([path.join(at, 'after.yaml'), '--against', before]);
    expect({ code, verdict, codes }).toEqual({
      code: 7,
      verdict: 'unknown',
      codes: ['URI_UNSUPPORTED spec.versions[0].model'],
    });
  });

  it('gives none where a model takes too long', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const { code, findings } = await judged([
      manifest('after.yaml', { v2: { file: 'b' } }),
      '--against',
      before,
      '--timeout',
      '1ms',
    ]);
    const unknown = findings.filter(({ weight }) => weight === 'unknown').map((each) => each.code);
    expect({ code, unknown: unknown.toSorted() }).toEqual({ code: 7, unknown: ['LOAD_TIMEOUT', 'STABLE_NOT_OPENED'] });
  });

  it('reads what was before from a pipe, beside the new file; nothing is opened that is as it was', async () => {
    const { manifest } = world();
    const after = manifest('after.yaml', { v1: { file: 'a' } });
    const { code, out } = await cli(['validate', after, '--against', '-'], { stdin: readFileSync(after, 'utf8') });
    expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^OK {2}nothing to open: /) });
  });

  it('opens all where there was nothing before', async () => {
    const { manifest, at } = world();
    writeFileSync(path.join(at, 'none.yaml'), '');
    const { code, models } = await judged([
      manifest('a.yaml', { v1: { file: 'a' } }),
      '--against',
      path.join(at, 'none.yaml'),
    ]);
    expect({ code, models }).toMatchObject({ code: 0, models: [{ version: 'v1', why: 'added' }] });
    expect(models[0]).not.toHaveProperty('comparedWith');
  });

  it('says when what is served cannot be opened', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'gone' } });
    const { code, findings } = await judged([manifest('after.yaml', { v2: { file: 'b' } }), '--against', before]);
    expect(code).toBe(1);
    expect(findings.find(({ weight }) => weight === 'refused')).toMatchObject({
      code: 'STABLE_NOT_OPENED',
      version: 'v1',
      message: expect.stringContaining('MODEL_NOT_THERE'),
    });
  });
});

describe('what cannot be compared is not called alike', () => {
  it('a ModelDeployment that is not in the files before', async () => {
    const { manifest } = world();
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const text = readFileSync(before, 'utf8');
    writeFileSync(before, text.replace('"echo"', '"ecko"'));
    const { code, out } = await ran([manifest('after.yaml', { v2: { file: 'b' } }), '--against', before]);
    expect({ code, out }).toEqual({
      code: 0,
      out: expect.stringMatching(
        /^OK {2}the version serves; compared with nothing, since \S+ does not have it: echo$/m,
      ),
    });
  });

  it('requests that both refuse', async () => {
    const { manifest, at } = world();
    const requests = path.join(at, 'others.json');
    writeFileSync(requests, readFileSync(path.join(at, 'right.json'), 'utf8').replace('"x"', '"other"'));
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const all = [manifest('after.yaml', { v2: { file: 'b' } }), '--against', before, '--requests', requests];
    const strict = await judged([...all, '--max-disagreement', '0']);
    expect(strict).toMatchObject({ code: 1, codes: ['NOTHING_TO_REPLAY spec.versions[0].model'] });
    expect(strict.findings.find(({ weight }) => weight === 'refused')?.message).toMatch(
      /request 'one' is refused by both: .*no input 'other'/,
    );
    const { code, models } = await judged(all);
    expect({ code, models }).toMatchObject({ code: 0, models: [{ disagreement: { requests: 0, untold: 1 } }] });
  });

  it('outputs that the rule names and nobody has', async () => {
    const { manifest } = world();
    const compare = {
      rollout: {
        steps: [{ traffic: 10 }],
        analysis: { checks: [{ metric: 'disagreement', max: 0.1 }], mirror: 10, compare: { outputs: ['z'] } },
      },
    };
    const before = manifest('before.yaml', { v1: { file: 'a' } });
    const after = manifest('after.yaml', { v2: { file: 'b', golden: 'right' } }, compare);
    const { codes, findings } = await judged([after, '--against', before, '--max-disagreement', '0']);
    expect(codes).toEqual(['NOTHING_TO_REPLAY spec.versions[0].model']);
    expect(findings.find(({ weight }) => weight === 'refused')?.message).toMatch(
      /request 'one' has none of the outputs that are compared: z$/,
    );
  });
});

test('a check leaves no traces among those of the models that serve', async () => {
  const collector = await receiver();
  vi.stubEnv('OTEL_EXPORTER_OTLP_ENDPOINT', collector.url);
  vi.stubEnv('OTEL_BSP_SCHEDULE_DELAY', '1');
  onTestFinished(() => void vi.unstubAllEnvs());
  const { code } = await ran([MODEL(2), '--against', MODEL(1), '--requests', `${DIGITS}/golden.json`]);
  expect({ code, requests: collector.requests }).toEqual({ code: 0, requests: 0 });
});

/** Nobody may be there to reap an orphan. */
const lives = (pid: string) => existsSync(`/proc/${pid}`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));

test('a signal leaves no process and no file', async () => {
  const TMPDIR = folder();
  const args = ['cli/modelship.mjs', 'validate', MODEL(2), '--against', MODEL(1), '--timeout', '5m'];
  const child = spawn(process.execPath, args, { env: { ...process.env, TMPDIR }, stdio: 'ignore' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  const runtimes = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim().split(' ');
  await vi.waitFor(() => expect(readdirSync(TMPDIR).length + runtimes().length).toBe(4), {
    timeout: 20_000,
    interval: 1,
  });
  const pids = runtimes();
  child.kill('SIGTERM');
  expect(await ended).toEqual([null, 'SIGTERM']);
  expect(readdirSync(TMPDIR)).toEqual([]);
  await vi.waitFor(() => expect(pids.filter(lives)).toEqual([]));
});

describe('one file of a model against another', () => {
  it('accepts the better digits, and counts where they differ', async () => {
    const { code, out } = await cli(['validate', MODEL(2), '--against', MODEL(1), '--golden', `${DIGITS}/golden.json`]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /6cd49bdc2649 {2}fits \S+1\/model\.onnx {2}30 right {2}0 of 30 \(0%\)\nOK {2}the version serves/,
    );
  });

  it('refuses more disagreement than is allowed, and tells the first', async () => {
    const more = ['--requests', `${DIGITS}/golden.json`, '--max-disagreement', '0.1'];
    const { code, findings, models } = await judged([MODEL(3), '--against', MODEL(1), ...more]);
    expect({ code, models }).toMatchObject({ code: 1, models: [{ disagreement: { requests: 30, differing: 4 } }] });
    expect(findings).toMatchObject([
      {
        code: 'DISAGREEMENT',
        message: expect.stringMatching(/4 of 30 .*allowed 10%: request '3-2' output 'label'\[0\]: 3 became 9/),
      },
    ]);
  });
});

describe('mistakes in the command line', () => {
  const file = `${DIGITS}/modeldeployment.yaml`;
  it.each<[string[], RegExp]>([
    [[MODEL(1), '--against', file], /compare manifests with manifests, or one \.onnx file with one/],
    [[MODEL(1), MODEL(2)], /one \.onnx file with one/],
    [['-', '--against', '-'], /only one of the files can be standard input/],
    [
      [file, '--max-disagreement', '0'],
      /^error: --max-disagreement: there is nothing to compare with; give --against FILE/,
    ],
    [[file, '--golden', 'x.json', '--requests', 'x.json'], /--golden and --requests: there is nothing to compare with/],
    [[MODEL(1), '--requests', 'x.json'], /--requests: there is nothing to compare with; say by --against which one/],
    [[MODEL(1), '--tolerance', '1'], /--tolerance is of --golden/],
    [[file, '--against', file, '--golden', 'x.json'], /--golden and --tolerance are for \.onnx files/],
    [[file, '--against', file, '--max-disagreement', '5'], /Expected a fraction from 0 to 1/],
    [[MODEL(1), '--against', MODEL(1), '--requests', 'package.json'], /requests of \S+package\.json: requests: /],
    [[file, '--against', '/dev/null'], /no folder stands in for the claim models; add --volume models=DIR/],
  ])('%j', async (args, message) => {
    const { code, err } = await ran(args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

describe('two answers in JSON', () => {
  const of = (datatype: string, json: string) => {
    const data = parseExact(`[${json}]`) as unknown[];
    return [comparable({ name: 'y', datatype, shape: [1, data.length], data })];
  };
  // 64-bit labels, which a number would round; and numbers that JSON has no words for.
  test.each([
    ['INT64', '7, 9007199254740993', '7, 9007199254740993', undefined],
    ['INT64', '9007199254740993', '9007199254740992', '[0,0]: 9007199254740993 became 9007199254740992'],
    ['BOOL', 'true, false', 'true, true', '[0,1]: false became true'],
    ['BYTES', '"a"', '"b"', "[0,0]: 'a' became 'b'"],
    ['FP32', '1, "NaN", "Infinity"', '1.00001, "NaN", "Infinity"', undefined],
    ['FP16', '"Infinity"', '5', '[0,0]: Infinity became 5, Infinity off, allowed Infinity'],
  ])('%s %s, and %s', (datatype, was, is, wanted) => {
    const why = difference(of(datatype, was), of(datatype, is), DEFAULT_RULE);
    expect(why).toBe(wanted && `output 'y'${wanted}`);
  });
});
