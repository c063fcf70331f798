/** `modelship set-version`: what a pipeline writes into Git. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseModelDeployments } from '../../api/parse.ts';
import { type NewVersion, withVersion } from '../../cli/set-version/edit.ts';
import { cli, folder, ran } from './support.ts';

const SHA = 'a'.repeat(64);
const V3: NewVersion = { name: 'v3', uri: 'pvc://models/3.onnx', sha256: SHA, traffic: 100 };

const MANIFEST = `# Who to ask: the vision team.
apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits} # the name in URLs
spec:
  versions:
    # what is served
    - name: v1
      model:
        uri: "pvc://models/1.onnx" # on the volume
      golden: {uri: configmap://golden/golden.json}
      traffic: 90   # most of it
    - {name: v2, model: {uri: pvc://models/2.onnx}, traffic: 10}
    - name: quiet
      model: {uri: pvc://models/q.onnx}
      shadow: 5

  serving:   # of all
      replicas: 2
`;

function edited(text: string, next: Partial<NewVersion> = {}) {
  const [document] = parseModelDeployments(text, 'x.yaml').documents;
  if (!document) throw new Error('not a ModelDeployment');
  const edit = withVersion(text, document, { ...V3, ...next });
  expect(parseModelDeployments(edit.text, 'x.yaml').problems).toEqual([]);
  return edit;
}

/** Lines that went and came. */
function changes(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  return [
    ...old.filter((line) => !now.includes(line)).map((line) => `-${line}`),
    ...now.filter((line) => !old.includes(line)).map((line) => `+${line}`),
  ].join('\n');
}

describe('a new version', () => {
  it('takes the place of the served one, and leaves all else to the letter', () => {
    const { text, before, after } = edited(MANIFEST);
    expect({ before, after }).toEqual({ before: { v1: 90, v2: 10 }, after: { v3: 100 } });
    expect(changes(MANIFEST, text)).toBe(
      [
        '-    - name: v1',
        '-        uri: "pvc://models/1.onnx" # on the volume',
        '-      traffic: 90   # most of it',
        '-    - {name: v2, model: {uri: pvc://models/2.onnx}, traffic: 10}',
        '+    - name: v3',
        '+        uri: "pvc://models/3.onnx" # on the volume',
        `+        sha256: ${SHA}`,
        '+      traffic: 100 # most of it',
      ].join('\n'),
    );
  });

  it('may get a part, and the others keep their proportions', () => {
    const { text, after } = edited(MANIFEST, { traffic: 30 });
    expect(after).toEqual({ v1: 63, v2: 7, v3: 30 });
    const [document] = parseModelDeployments(text, 'x.yaml').documents;
    expect(document?.spec.versions.map(({ name, golden }) => `${name} ${golden?.uri ?? '-'}`)).toEqual([
      'v1 configmap://golden/golden.json',
      'v3 configmap://golden/golden.json',
      'v2 -',
      'quiet -',
    ]);
  });

  it.each([33.33, 0.01, 99.99, 50])('of %s percent leaves whole basis points that add up', (traffic) => {
    const { after } = edited(MANIFEST, { traffic });
    expect(Object.values(after).reduce((sum, share) => sum + Math.round(share * 100), 0)).toBe(10_000);
  });

  it('set twice is set once; later it gets the rest', () => {
    const { text } = edited(MANIFEST, { traffic: 30 });
    expect(edited(text, { traffic: 30 }).text).toBe(text);
    expect(edited(text).after).toEqual({ v3: 100 });
  });

  it('becomes served where it was a shadow', () => {
    const shadow = { name: 'quiet', uri: 'pvc://models/q.onnx' };
    expect(edited(MANIFEST, shadow).after).toEqual({ quiet: 100 });
  });

  it('finds its ModelDeployment among others, in any style of YAML', () => {
    const flow =
      'apiVersion: modelship.dev/v1alpha1\nkind: ModelDeployment\nmetadata: { name: echo }\nspec: { versions: [{ name: v1, model: { uri: 1.onnx } }] }\n';
    const other = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n    name: digits # of the same name\n';
    const text = `${other}---\n${flow}---\n${MANIFEST}`;
    const documents = parseModelDeployments(text, 'x', { otherKinds: 'ignore' }).documents;
    for (const document of documents) {
      const { text: now } = withVersion(text, document, V3);
      expect(now.startsWith(other)).toBe(true);
      const shares = parseModelDeployments(now, 'x', { otherKinds: 'ignore' }).documents;
      const names = shares.map(({ metadata, spec }) => `${metadata.name} ${spec.versions[0]?.name}`);
      expect(names).toEqual(document.metadata.name === 'echo' ? ['echo v3', 'digits v1'] : ['echo v1', 'digits v3']);
    }
  });

  it('adds a digest to a version that had none', () => {
    const { text } = edited(MANIFEST, { name: 'v2', uri: 'pvc://models/2.onnx', traffic: 10 });
    expect(text).toContain(`- {name: v2, model: {uri: pvc://models/2.onnx, sha256: ${SHA}}, traffic: 10}`);
  });

  it('keeps the line ends, the indentation and the quotes of JSON', () => {
    const crlf = edited(MANIFEST.replaceAll('\n', '\r\n')).text;
    expect(crlf.replaceAll('\r\n', '\n')).toBe(edited(MANIFEST).text);
    expect(crlf.replaceAll('\r\n', '')).not.toMatch(/[\r\n]/);
    const wide = MANIFEST.replace(/^ +/gm, ({ length }) => ' '.repeat(length === 2 ? 4 : length + 4));
    expect(changes(wide, edited(wide).text)).not.toMatch(/serving|replicas/);
    const [document] = parseModelDeployments(MANIFEST, 'x').documents;
    const asJson = edited(JSON.stringify(document, null, 2)).text;
    expect(JSON.parse(asJson)).toMatchObject({ spec: { versions: [{ name: 'v3', model: { sha256: SHA } }, {}] } });
  });

  it.each([
    ['a model that two versions share', 'model: &m {uri: 1.onnx}', 'model: *m'],
    ['a text that two versions share', 'model: {uri: &u 1.onnx}', 'model: {uri: *u}'],
    ['what goes with a version that goes', 'model: {uri: 1.onnx}', 'model: {uri: q.onnx}, golden: *g'],
    ['a merge key', '<<: {model: {uri: 1.onnx}}', 'model: {uri: q.onnx}'],
  ])('refuses to carry %s along', (_, first, last) => {
    const text = `apiVersion: modelship.dev/v1alpha1
kind: ModelDeployment
metadata: {name: digits}
spec:
  versions:
    - {name: v1, ${first}, traffic: 90}
    - {name: v2, model: {uri: 2.onnx}, golden: &g {uri: g.json}, traffic: 10}
    - {name: q, ${last}, shadow: 5}
`;
    expect(() => edited(text)).toThrow(
      expect.objectContaining({
        code: 'MANIFEST_NOT_EDITABLE',
        exitCode: 2,
        message: expect.stringMatching(/aliases/),
      }),
    );
  });

  it('takes anchors that have nothing to do with it', () => {
    const text = MANIFEST.replace('golden: {', 'golden: &g {').replace(
      'model: {uri: pvc://models/q.onnx}',
      '$&\n      golden: *g',
    );
    expect(edited(text).after).toEqual({ v3: 100 });
  });

  it('may not take a name that stands for another model', () => {
    expect(() => edited(MANIFEST, { name: 'v2' })).toThrow(
      /version v2 is pvc:\/\/models\/2\.onnx already.*take another name/,
    );
  });
});

describe('the command', () => {
  const args = ['--version', 'v3', '--uri', V3.uri];

  it('writes the digest of a file, and says what changes', async () => {
    const at = folder();
    const [file, model] = [path.join(at, 'm.yaml'), path.join(at, 'm.onnx')];
    writeFileSync(file, MANIFEST);
    writeFileSync(model, 'weights');
    const { code, out } = await ran(['set-version', file, ...args, '--digest-of', model]);
    expect({ code, out }).toEqual({ code: 0, out: 'digits: v1 90%, v2 10% → v3 100%\n' });
    expect(readFileSync(file, 'utf8')).toContain(`sha256: ${createHash('sha256').update('weights').digest('hex')}\n`);
  });

  it('refuses a ModelDeployment in a List as what cannot be edited, not as a name that is taken', async () => {
    const [item] = parseModelDeployments(MANIFEST, 'x').documents;
    const stdin = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [item] });
    const { code, out, err } = await cli(['set-version', '-', ...args, '--sha256', SHA, '--output', 'json'], { stdin });
    expect({ code, said: JSON.parse(out) }).toMatchObject({
      code: 2,
      said: { error: { code: 'MANIFEST_NOT_EDITABLE' } },
    });
    expect(err).toMatch(/^error: <stdin>: it stands in a List.*: give it a document of its own$/m);
  });

  it.each<[string[], number, RegExp]>([
    [[...args], 2, /give one of --sha256 and --digest-of/],
    [[...args, '--sha256', 'F00'], 2, /Expected 64 hexadecimal digits/],
    [['--version', 'V 3', '--uri', 'x', '--sha256', SHA], 2, /with the version V 3 it would be wrong:/],
    [['--version', 'v2', '--uri', 'x', '--sha256', SHA], 1, /take another name/],
    [[...args, '--sha256', SHA, '--name', 'other'], 2, /say by --name which ModelDeployment is meant; there: digits/],
  ])('refuses %j', async (flags, code, message) => {
    const file = path.join(folder(), 'm.yaml');
    writeFileSync(file, MANIFEST);
    const ended = await ran(['set-version', file, ...flags]);
    expect({ code: ended.code, out: ended.out }).toEqual({ code, out: '' });
    expect(ended.err).toMatch(message);
  });
});
