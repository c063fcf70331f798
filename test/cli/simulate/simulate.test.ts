/** `modelship simulate`: the real engine, planner and analysis behind it. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Simulated } from '../../../cli/simulate/simulate.ts';
import { readSamples } from '../../../cli/simulate/source.ts';
import type { EvidenceSample } from '../../../core/analysis/model.ts';
import { type Ended, folder, ran } from '../support.ts';

const manifest = (rollout: string, versions = 'v1: 0, v2: 100') => `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions:
${versions
  .split(', ')
  .map((each) => each.split(': '))
  .map(([name, traffic]) => `    - {name: ${name}, model: {uri: ./${name}.onnx}, traffic: ${traffic}}\n`)
  .join('')}  rollout:
    ${rollout}
`;

const STEPS = 'steps: [{traffic: 5, hold: 1m}, {traffic: 50, hold: 1m}]';
const WATCHED = `${STEPS}
    analysis:
      minSamples: 200
      deadline: 10m
      mirror: 20
      checks:
        - {metric: error-rate, max: 0.01}
        - {metric: latency-p99, maxRatio: 1.5}
        - {metric: disagreement, max: 0.05}`;

function simulate(yaml: string, flags: readonly string[], more: Record<string, string> = {}): Promise<Ended> {
  const at = folder();
  const place = (name: string) => path.join(at, name);
  for (const [name, text] of Object.entries({ 'new.yaml': yaml, ...more })) writeFileSync(place(name), text);
  const words = flags.map((flag) => (flag.startsWith('@') ? place(flag.slice(1)) : flag));
  return ran(['simulate', place('new.yaml'), ...words]);
}

interface Document extends Simulated {
  verdict: string;
  rollout: { reason: string; message: string };
}

async function document(yaml: string, flags: readonly string[], more?: Record<string, string>) {
  const { code, out, err } = await simulate(yaml, [...flags, '--output', 'json'], more);
  if (!out.startsWith('{')) throw new Error(err);
  return { code, ...(JSON.parse(out) as Document) };
}

describe('made samples', () => {
  it.each<[string, number, string, RegExp]>([
    ['good', 0, 'Completed', /v2 100%/],
    ['errors', 5, 'RolledBack', /error-rate 0\.\d+ over/],
    ['slow', 5, 'RolledBack', /latency-p99 .* allowed 1\.5/],
    ['disagree', 5, 'RolledBack', /disagreement 0\.\d+ over/],
  ])('%s: exit %i', async (kind, code, verdict, message) => {
    const said = await document(manifest(WATCHED), ['--generate', kind]);
    expect({ code: said.code, verdict: said.verdict }).toEqual({ code, verdict });
    expect(said.rollout.message).toMatch(message);
    if (code === 5) expect(said.moments.every(({ shares }) => (shares.v2 ?? 0) <= 5_000)).toBe(true);
  });

  it('are the same for the same seed, and the same again when replayed', async () => {
    const at = folder();
    const file = path.join(at, 'samples.jsonl');
    const flags = ['--generate', 'disagree:0.1', '--seed', '7'];
    const first = await simulate(manifest(WATCHED), [...flags, '--save', file, '-o', 'json']);
    expect((await simulate(manifest(WATCHED), [...flags, '-o', 'json'])).out).toBe(first.out);
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    expect(Object.keys((JSON.parse(lines[0] ?? '') as EvidenceSample).versions)).toEqual(['v1', 'v2']);
    const replayed = await simulate(manifest(WATCHED), ['--samples', file, '-o', 'json']);
    expect(replayed.out).toBe(first.out);
    expect(
      (await simulate(manifest(WATCHED), ['--generate', 'disagree:0.1', '--seed', '8', '-o', 'json'])).out,
    ).not.toBe(first.out);
  });
});

describe('a walk', () => {
  it('is told step by step, times since its start', async () => {
    const { code, out } = await simulate(manifest(STEPS), ['--ready-after', '20s'], {});
    expect(code).toBe(0);
    const heads = out.split('\n').filter((line) => /^\S+( \d+s)? +(step|the)/.test(line));
    expect(heads.map((line) => line.replace(/ {2,}/g, '  '))).toEqual([
      '0s  step 1 of 2  v1 100%  Progressing: WaitingForTraffic',
      '0.5s  step 1 of 2  v1 95%, v2 5%  Progressing: Holding',
      expect.stringMatching(/^1m 0\ds {2}step 2 of 2 {2}v1 95%, v2 5% {2}Progressing/),
      expect.stringMatching(/^1m 0\ds {2}step 2 of 2 {2}v1 50%, v2 50% {2}Progressing: Holding/),
      expect.stringMatching(/^2m 0\ds {2}the last move {2}v1 50%, v2 50% {2}Progressing/),
      expect.stringMatching(/^2m 0\ds {2}the end {2}v2 100% {2}Completed: StepsDone/),
    ]);
    expect(out).not.toMatch(/\d{4}-\d\d-\d\dT/);
  });

  it('comes from where --from says, versions ready after a while', async () => {
    const from = manifest(STEPS, 'v0: 60, v1: 40');
    const said = await document(manifest(STEPS, 'v1: 100'), ['--from', '@old.yaml'], { 'old.yaml': from });
    expect(said).toMatchObject({ code: 0, verdict: 'Completed' });
    expect(said.moments[0]?.shares).toEqual({ v0: 6_000, v1: 4_000 });
    const fresh = await document(manifest(STEPS, 'v9: 100'), ['--from', '@old.yaml', '--ready-after', '20s'], {
      'old.yaml': from,
    });
    expect(fresh.moments[0]?.reason).toBe('WaitingForCapacity');
    expect(fresh.moments.find(({ reason }) => reason === 'Holding')?.at).toBeGreaterThan(20_000);
  });

  it.each<[string, string, string[], string]>([
    ['waits for an approval', 'steps: [{traffic: 5, approval: required}]', ['--no-approve'], 'ApprovalRequired'],
    ['is longer than was asked for', STEPS, ['--for', '30s'], 'TooLong'],
    ['has too few requests', WATCHED, ['--generate', 'good', '--rate', '1'], 'Paused'],
    ['pauses at what fails', `${WATCHED}\n    onFailure: Pause`, ['--generate', 'errors:0.5'], 'Paused'],
  ])('that %s is not over: 6', async (_, rollout, flags, cut) => {
    expect(await document(manifest(rollout), flags)).toMatchObject({ code: 6, verdict: 'NotOver', cut });
  });

  it('with an approval gets it at once', async () => {
    const said = await document(manifest('steps: [{traffic: 5, approval: required}]'), []);
    expect(said).toMatchObject({ code: 0, verdict: 'Completed' });
  });
});

describe('a file of samples', () => {
  const line = (at: number, versions: object = { v1: { requests: 950 }, v2: { requests: 50 } }) =>
    JSON.stringify({ at, versions });

  it('may leave out what was not counted, and begin at any time of a clock', () => {
    const start = Date.UTC(2026, 10, 21);
    const text = `${line(start + 1_000)}\n\n${line(start + 2_000)}\n`;
    const samples = readSamples({ name: 'x', text });
    expect(samples.map(({ at }) => at)).toEqual([0, 1_000]);
    expect(samples[0]?.versions.v1).toMatchObject({ requests: 950, failures: 0, pairs: 0, latency: {} });
  });

  it('that ends early leaves the rollout where it stands: 6', async () => {
    const said = await document(manifest(WATCHED), ['--samples', '@s'], {
      s: [1_000, 2_000].map((at) => line(at)).join('\n'),
    });
    expect(said).toMatchObject({ code: 6, cut: 'SamplesEnded' });
  });

  it.each<[string, string, RegExp]>([
    ['is not JSON', 'x', /s:1: it is not JSON/],
    ['has an unknown field', '{"at": 1, "versions": {}, "more": 1}', /s:1: the line: Unrecognized key/],
    [
      'has more failures than requests',
      line(1, { v2: { requests: 1, failures: 2 } }),
      /s:1: versions\.v2\.failures: more failures/,
    ],
    ['goes back in time', `${line(2_000)}\n${line(1_000)}`, /s:2: at is before that of the line above/],
    ['is empty', '\n', /there is no sample in it/],
    ['says nothing of a version', line(1, { v1: { requests: 1 } }), /says nothing of v2; it speaks of v1/],
  ])('that %s is refused', async (_, text, message) => {
    const { code, err } = await simulate(manifest(WATCHED), ['--samples', '@s'], { s: text });
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});

it.each<[string, string, string[], RegExp]>([
  ['no samples', manifest(WATCHED), [], /give --samples FILE or --generate KIND/],
  [
    'both kinds of samples',
    manifest(WATCHED),
    ['--generate', 'good', '--samples', 'x'],
    /give --samples or --generate/,
  ],
  ['nothing to walk', manifest(STEPS, 'v1: 100'), [], /nothing to walk: .* say with --from/],
  ['no rollout', manifest(STEPS).replace(/ {2}rollout:[\s\S]*/, ''), [], /has no spec\.rollout/],
  ['a kind that is none', manifest(WATCHED), ['--generate', 'bad'], /Expected good, errors, slow, disagree/],
  ['an amount that is none', manifest(WATCHED), ['--generate', 'errors:2'], /a number from 0 to 1 after errors/],
  ['a manifest that is wrong', 'kind: ModelDeployment', [], /new\.yaml:1/],
])('cannot use %s: 2', async (_, yaml, flags, message) => {
  const { code, err } = await simulate(yaml, flags);
  expect(code).toBe(2);
  expect(err).toMatch(message);
});
