/** The commands on the state folder of a run: real files. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseRolloutCommand, ROLLOUT_COMMAND_FILE } from '../../../api/rollout-command.ts';
import type { RolloutStatus } from '../../../api/status.ts';
import { HISTORY_FILE, readHistory, SpecHistory } from '../../../local/history.ts';
import type { DeploymentView } from '../../../local/snapshot.ts';
import { folder, ran, snapshotOf, startCli, versionView } from '../support.ts';
import { APPROVAL, HOLDING, ROLLED_BACK, SPEC, START } from './fixtures.ts';

let state = '';

beforeEach(() => {
  state = folder();
});

/** As `modelship run` leaves it. @param pid 0: it has ended */
function leave(rollout: RolloutStatus | undefined, pid = process.pid, fields: Partial<DeploymentView> = {}): void {
  const versions = [versionView('v1', { share: 75, wanted: 0, observed: 74.93 }), versionView('v2', { share: 25 })];
  const view = snapshotOf(versions, { ...(rollout && { rollout }), rolloutSpec: SPEC, ...fields });
  const file = path.join(state, 'status.json');
  writeFileSync(`${file}.next`, JSON.stringify(view));
  renameSync(`${file}.next`, file);
  if (pid > 0) writeFileSync(path.join(state, 'modelship.pid'), `${pid}\n`);
}

const rollout = (...args: string[]) => ran(['rollout', ...args, '--state-dir', state]);
const version = (name: string, traffic: number) => ({ name, model: { uri: `./${name}.onnx` }, traffic });

describe('status', () => {
  it('is the picture, with shares in the table and of the answers', async () => {
    leave(HOLDING);
    const { code, out } = await rollout('status', 'digits');
    expect(code).toBe(0);
    expect(out).toContain('▶  2       25%  75%   25%    5m');
    expect(out).toMatch(/^v1 \(stable\) +Ready +– +75% +74.9%$/m);
  });

  it('is a document for programs', async () => {
    leave(HOLDING);
    const { out } = await rollout('status', 'digits', '-o', 'json');
    expect(JSON.parse(out)).toMatchObject({
      name: 'digits',
      rollout: HOLDING,
      versions: [{ name: 'v1', seen: 74.9 }, {}],
    });
  });

  it('is how it was, where the run has ended', async () => {
    leave(HOLDING, 0);
    const { code, out } = await rollout('status', 'digits');
    expect(code).toBe(0);
    expect(out).toMatch(/the run in \S+ has ended; this is how it was\n$/);
  });

  it.each<[string, () => void, string, RegExp]>([
    ['no run', () => {}, 'digits', /no `modelship run` has \S+ for its state now/],
    ['another name', () => leave(HOLDING), 'digit', /has no ModelDeployment digit; did you mean digits\?/],
    [
      'a run that says nothing yet',
      () => writeFileSync(path.join(state, 'modelship.pid'), `${process.pid}`),
      'digits',
      /has not said yet/,
    ],
  ])('says so where there is %s', async (_, make, name, message) => {
    make();
    const { code, err } = await rollout('status', name);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('takes either a cluster or a laptop', async () => {
    const { code, err } = await rollout('status', 'digits', '--namespace', 'x');
    expect(code).toBe(2);
    expect(err).toMatch(/--state-dir <dir>' cannot be used with option '-n, --namespace/);
  });
});

describe('a command', () => {
  const file = () => path.join(state, 'digits', ROLLOUT_COMMAND_FILE);

  it('is left in the state folder, and honoured by whoever runs there', async () => {
    leave(APPROVAL);
    const child = startCli(['rollout', 'approve', 'digits', '--state-dir', state]);
    const text = await new Promise<string>((resolve) => {
      const timer = setInterval(() => {
        try {
          const said = readFileSync(file(), 'utf8');
          clearInterval(timer);
          resolve(said);
        } catch {
          // Not yet.
        }
      }, 20);
    });
    expect(parseRolloutCommand(text)).toMatchObject({ command: 'approve', id: APPROVAL.id, step: 2 });
    leave({ ...APPROVAL, phase: 'Progressing', reason: 'WaitingForTraffic', step: 3, honoured: text.trim() });
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });

  it('is only written with --no-wait', async () => {
    leave(HOLDING);
    const { code, out } = await rollout('pause', 'digits', '--no-wait');
    expect({ code, out }).toEqual({ code: 0, out: `pause is written for the rollout ${HOLDING.id}, step 2 of 3\n` });
    expect(readFileSync(file(), 'utf8')).toMatch(/^pause\//);
  });

  it.each<[string, () => void, string[], RegExp]>([
    [
      'nobody honours',
      () => leave(HOLDING),
      ['abort', '--timeout', '300ms'],
      /not honoured within 0\.3s: does `modelship run --state-dir /,
    ],
    ['makes no sense', () => leave(ROLLED_BACK), ['promote'], /there is nothing to promote/],
    ['has nobody to hear it', () => leave(HOLDING, 0), ['abort'], /no `modelship run` has/],
  ])('that %s is an error', async (_, make, [command = '', ...flags], message) => {
    make();
    const { code, err } = await rollout(command, 'digits', ...flags);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });
});

describe('history and undo', () => {
  const MANIFEST = `# Mine.
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits} # keep this
spec: {versions: [{name: v2, model: {uri: ./v2.onnx}, traffic: 100}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
`;

  beforeEach(() => {
    leave(HOLDING);
    mkdirSync(path.join(state, 'digits'));
    const history = new SpecHistory(path.join(state, 'digits', HISTORY_FILE), () => Date.parse(START));
    history.accepted({ versions: [version('v1', 100)] });
    history.accepted({ versions: [version('v1', 50), version('v2', 50)] });
    history.accepted({ versions: [version('v1', 50), version('v2', 50)] });
    history.accepted({ versions: [version('v2', 100)] });
  });

  it('lists what was accepted, the newest first', async () => {
    const { out } = await rollout('history', 'digits');
    expect(out.split('\n').map((line) => line.replaceAll(/ {2,}\S+ {2,}/g, '  ').trim())).toEqual([
      expect.stringMatching(/^REVISION/),
      expect.stringMatching(/^3 \(now\) .*-v1, v2 50→100/),
      expect.stringMatching(/^2 .*\+v2, v1 100→50/),
      expect.stringMatching(/^1 .*oldest kept/),
      '',
    ]);
  });

  it.each([
    [[], [50, 50]],
    [['--to-revision', '1'], [100]],
  ])('prints the manifest: %j', async (flags, traffic) => {
    const { code, out } = await rollout('undo', 'digits', ...flags);
    expect(code).toBe(0);
    expect(out).toMatch(/^# Revision \d of digits \(/);
    const { metadata, spec } = parse(out);
    expect(metadata).toEqual({ name: 'digits' });
    expect(spec.versions.map((each: { traffic: number }) => each.traffic)).toEqual(traffic);
  });

  it('puts the spec into a file, and leaves all else in it', async () => {
    const file = path.join(state, 'mine.yaml');
    writeFileSync(file, MANIFEST);
    const { code, err } = await rollout('undo', 'digits', '--write', file);
    expect(code).toBe(0);
    expect(err).toMatch(/mine\.yaml has the spec of revision 2 of digits/);
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('# Mine.\n');
    expect(text).toContain('# keep this');
    expect(text).toMatch(/\n---\napiVersion: v1\nkind: ConfigMap/);
    expect(text).toMatch(/name: v1\n[\s\S]*traffic: 50/);
    expect((await ran(['validate', file])).code).toBe(0);
  });

  it('does not touch a file of another model', async () => {
    const file = path.join(state, 'other.yaml');
    const text = MANIFEST.replace('name: digits', 'name: faces');
    writeFileSync(file, text);
    const { code, err } = await rollout('undo', 'digits', '--write', file);
    expect(code).toBe(2);
    expect(err).toContain('it has no ModelDeployment digits');
    expect(readFileSync(file, 'utf8')).toBe(text);
  });

  it.each([
    [['--to-revision', '9'], /has no revision 9: those that are kept are 3, 2, 1/],
    [['--to-revision', '3'], /has the spec of revision 3 already/],
  ])('says what it cannot go back to: %j', async (flags, message) => {
    const { code, err } = await rollout('undo', 'digits', ...flags);
    expect(code).toBe(1);
    expect(err).toMatch(message);
  });

  it('keeps the last ten, and lives through a file that is spoilt', () => {
    const file = path.join(state, 'digits', HISTORY_FILE);
    const history = new SpecHistory(file, () => 0);
    for (let traffic = 0; traffic < 20; traffic++) history.accepted({ versions: [version('v3', traffic)] });
    expect(readHistory(file).map(({ revision }) => revision)).toEqual([23, 22, 21, 20, 19, 18, 17, 16, 15, 14]);
    writeFileSync(file, 'not JSON');
    expect(readHistory(file)).toEqual([]);
    new SpecHistory(file, () => 0).accepted({ versions: [version('v1', 100)] });
    expect(readHistory(file)).toHaveLength(1);
  });
});

describe('watch', () => {
  it('tells by its exit code how it ended', async () => {
    leave(ROLLED_BACK);
    const { code, out } = await rollout('watch', 'digits');
    expect(code).toBe(5);
    expect(out).toContain('RolledBack (CheckFailed)');
    leave(APPROVAL);
    expect((await rollout('watch', 'digits', '--until-pause', '--output', 'json')).code).toBe(6);
  });

  it('says an error as a line of JSON', async () => {
    const { code, out } = await rollout('watch', 'digits', '--output', 'json');
    expect(code).toBe(1);
    expect(out.trim().split('\n')).toHaveLength(1);
    expect(JSON.parse(out).error.code).toBe('NotRunning');
  });
});
