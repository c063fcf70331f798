import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CANARY, SMALLEST } from '../../api/generate/examples.ts';
import { formatProblems, parseModelDeploymentFiles, parseModelDeployments } from '../../api/parse.ts';
import { HEAD, said, saidOf, V1 } from './said.ts';

describe('a right file', () => {
  it.each([
    ['the smallest of the reference', SMALLEST],
    ['the careful one of the reference', CANARY],
  ])('%s is read', (_, text) => {
    expect(said(text)).toEqual([]);
    expect(parseModelDeployments(text, 'f.yaml').documents).toHaveLength(1);
  });

  const examples = join(import.meta.dirname, '../../examples');
  const manifests = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((f) =>
    f.endsWith('modeldeployment.yaml'),
  );
  it.each(manifests)('examples/%s is read', (file) => {
    expect(said(readFileSync(join(examples, file), 'utf8'))).toEqual([]);
  });

  it('may hold several documents, and empty ones', () => {
    const { documents, problems } = parseModelDeployments(
      `---\n${SMALLEST}---\n---\n${SMALLEST.replace('digits', 'x')}`,
      'f',
    );
    expect(problems).toEqual([]);
    expect(documents.map(({ metadata }) => metadata.name)).toEqual(['digits', 'x']);
  });

  it('may be a List, as kubectl writes it', () => {
    const list = JSON.stringify({
      apiVersion: 'v1',
      kind: 'List',
      items: [parseModelDeployments(SMALLEST, 'f').documents[0]],
    });
    expect(parseModelDeployments(list, 'f').documents).toHaveLength(1);
  });

  it('may have merge keys and anchors', () => {
    const text = `${HEAD}  versions:
    - {name: v1, model: {uri: a}, traffic: 100, serving: &small {replicas: 1, warmup: {requests: 1}}}
    - {name: v2, model: {uri: b}, serving: {<<: *small, replicas: 2}}
`;
    const { documents } = parseModelDeployments(text, 'f');
    expect(documents[0]?.spec.versions[1]?.serving).toEqual({ replicas: 2, warmup: { requests: 1 } });
  });

  it('takes a field without a value for one left out, as the API server does', () => {
    const { documents, problems } = parseModelDeployments(`${HEAD}${V1}  serving:\n  cohort: ~\n`, 'f');
    expect(problems).toEqual([]);
    expect(documents[0]?.spec).not.toHaveProperty('serving');
  });

  it('keeps an empty structure of Kubernetes', () => {
    const { documents } = parseModelDeployments(
      `${HEAD}${V1}  serving: {pod: {volumes: [{name: x, emptyDir: }]}}\n`,
      'f',
    );
    expect(documents[0]?.spec.serving?.pod?.volumes).toEqual([{ name: 'x', emptyDir: null }]);
  });
});

describe('what is missing', () => {
  it('is said, with what to write', () => {
    expect(said('kind: ModelDeployment\nmetadata: {}\nspec: {}\n')).toEqual([
      'f.yaml:1:1 apiVersion: required field is missing; write "apiVersion: modelship.dev/v1alpha1"',
      'f.yaml:2:1 metadata.name: required field is missing, expected text',
      'f.yaml:3:1 spec.versions: required field is missing, expected a list',
    ]);
  });

  it('an apiVersion of the future is not guessed at', () => {
    expect(said(SMALLEST.replace('v1alpha1', 'v2'))[0]).toMatch(
      /apiVersion: got the text "modelship.dev\/v2", expected modelship.dev\/v1alpha1/,
    );
  });

  it('a document that says nothing of itself', () => {
    expect(said('a: 1\n')[0]).toMatch(/the document does not say what it is; write "apiVersion: /);
  });

  it('an empty file', () => {
    expect(said('# nothing\n')).toEqual(['f.yaml:1:1 no ModelDeployment in this file']);
  });
});

describe('several mistakes', () => {
  it('are told at once, rules over sound fields beside wrong fields elsewhere', () => {
    const lines = saidOf(`  versions:
    - {name: v1, model: {uri: a}, traffic: 90, serving: {replicas: "2"}}
    - {name: v1, model: {}, traffic: 5}
  rollout:
    steps: [{traffic: 50}, {traffic: 20}]
    onFailure: rollback
`);
    expect(lines).toEqual([
      'f.yaml:5:3 spec.versions: the traffic of the versions must add up to 100, not 95',
      expect.stringMatching(
        /^f.yaml:6:58 spec.versions\[0].serving.replicas: got the text "2", .* write 2 without quotes$/,
      ),
      'f.yaml:7:8 spec.versions[1].name: duplicate name "v1": item 0 of the list has it already',
      'f.yaml:7:18 spec.versions[1].model.uri: required field is missing, expected text',
      'f.yaml:9:5 spec.rollout.steps: steps must not go down: give traffic in rising order',
      'f.yaml:10:5 spec.rollout.onFailure: got the text "rollback", expected one of Rollback, Pause; did you mean "Rollback"?',
    ]);
  });

  it('no rule is held against a field that is wrong itself', () => {
    const one = (version: string) => saidOf(`  versions:\n    - {name: v1, model: {uri: a}, ${version}}\n`);
    expect(one('traffic: "90"')).toHaveLength(1);
    expect(one('trafic: 90')).toHaveLength(1);
  });

  it('are placed in their documents', () => {
    const bad = SMALLEST.replace('uri:', 'url:');
    const { problems } = parseModelDeployments(`${SMALLEST}---\n${bad.replace('digits', 'other')}`, 'f.yaml');
    expect(problems.map(({ document, line, path }) => ({ document, line, path }))).toEqual([
      { document: 2, line: 21, path: 'spec.versions[0].model.url' },
    ]);
  });
});

describe('YAML that is not right', () => {
  it('a field given twice, and the mistakes beside it', () => {
    expect(saidOf(`${V1}  retireAfter: 1m\n  retireAfter: 2d\n`)).toEqual([
      'f.yaml:7:3 the field "retireAfter" is given twice; keep one of the two',
      expect.stringContaining('write 48h'),
    ]);
  });

  it('a tab', () => {
    expect(said('spec:\n\tversions: []\n')).toContainEqual('f.yaml:2:1 a tab indents this line; indent with spaces');
  });

  it('a list that is not closed', () => {
    expect(said('spec: [1, 2\n')[0]).toMatch(/^f.yaml:\d:\d+ not YAML: /);
  });

  it('aliases that multiply', () => {
    const rows = Array.from({ length: 8 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`).join('\n');
    expect(said(`a0: &a0 [x]\n${rows}\n`)[0]).toMatch(/alias/i);
  });
});

describe('documents of other kinds', () => {
  const configMap = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n';

  it('are refused', () => {
    expect(said(configMap)).toEqual(['f.yaml:2:1 kind: got the kind "ConfigMap", expected ModelDeployment']);
  });

  it('are passed over where that is asked for', () => {
    const { documents, problems } = parseModelDeployments(`${configMap}---\n${SMALLEST}`, 'f', {
      otherKinds: 'ignore',
    });
    expect(problems).toEqual([]);
    expect(documents).toHaveLength(1);
  });

  it('a mistyped kind is not another kind', () => {
    const text = SMALLEST.replace('kind: ModelDeployment', 'kind: ModelDeploymnt');
    const { problems } = parseModelDeployments(text, 'f.yaml', { otherKinds: 'ignore' });
    expect(problems[0]?.suggestion ?? '').toContain('ModelDeployment');
  });
});

describe('a set of files', () => {
  it('may not hold one name twice', () => {
    const files = ['a.yaml', 'b.yaml'].map((name) => ({ name, text: SMALLEST.trimStart() }));
    expect(formatProblems(parseModelDeploymentFiles(files).problems)).toBe(
      'b.yaml:4:3 metadata.name: a ModelDeployment "digits" is at a.yaml:4:3 already',
    );
  });

  it('may hold one name in two namespaces', () => {
    const files = ['a', 'b'].map((space) => ({
      name: `${space}.yaml`,
      text: SMALLEST.replace('  name:', `  namespace: ${space}\n  name:`),
    }));
    expect(parseModelDeploymentFiles(files).problems).toEqual([]);
  });
});
