/** The files of the examples say what their tools take, and name what is there. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { parseModelDeployments } from '../../api/parse.ts';
import { cli } from '../cli/support.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const EXAMPLES = join(ROOT, 'examples/gitops');

interface Reference {
  kind: string;
  name: string;
}

/** What is read here of Argo CD's Application and of Flux's HelmRelease and Kustomization. */
interface Spec {
  source?: { path: string };
  chart?: { spec: { chart: string; sourceRef: Reference } };
  path?: string;
  sourceRef?: Reference;
  dependsOn?: { name: string }[];
}

interface Resource {
  apiVersion: string;
  kind: string;
  metadata?: { name: string; namespace?: string; annotations?: Record<string, string> };
  spec?: Spec;
  resources?: string[];
  configMapGenerator?: { name: string; files: string[] }[];
}

const files = readdirSync(EXAMPLES, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
const manifests = files.filter((name) => name !== 'pipeline/workflow.yaml');
const read = (name: string): Resource[] =>
  parseAllDocuments(readFileSync(join(EXAMPLES, name), 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as Resource;
  });
const all = manifests.flatMap((name) => read(name));
const named = (wanted: Partial<Reference> = {}): Resource | undefined =>
  all.find(({ kind, metadata }) => kind === wanted.kind && metadata !== undefined && metadata.name === wanted.name);

describe('the manifests', () => {
  test.each(manifests)('%s holds objects', (name) => {
    for (const { apiVersion, kind } of read(name))
      expect({ apiVersion, kind }).toEqual({ apiVersion: expect.any(String), kind: expect.any(String) });
  });

  test('a kustomization lists every file beside it, and no other', () => {
    for (const name of manifests.filter((each) => each.endsWith('kustomization.yaml'))) {
      const [{ resources = [], configMapGenerator = [] } = {} as Resource] = read(name);
      const beside = readdirSync(join(EXAMPLES, dirname(name))).filter((each) => each !== 'kustomization.yaml');
      const generated = configMapGenerator.flatMap((each) => each.files);
      expect([...resources, ...generated].toSorted()).toEqual(beside.toSorted());
    }
  });

  test('the paths that Argo CD and Flux are told are in this repository', () => {
    const paths = all.flatMap(({ kind, spec }) => {
      if (kind === 'Application') return [spec?.source?.path];
      if (kind === 'HelmRelease') return [spec?.chart?.spec.chart];
      return kind === 'Kustomization' && spec ? [spec.path] : [];
    });
    expect(paths).toEqual(Array(5).fill(expect.stringMatching(/\w/)));
    for (const each of paths) expect(readdirSync(join(ROOT, String(each))).length).toBeGreaterThan(0);
  });

  test('what Flux refers to is there', () => {
    for (const { kind, spec } of all) {
      if (kind === 'HelmRelease') expect(named(spec?.chart?.spec.sourceRef)).toBeDefined();
      if (kind !== 'Kustomization' || !spec) continue;
      expect(named(spec.sourceRef)).toBeDefined();
      for (const { name } of spec.dependsOn ?? []) expect(named({ kind: 'Kustomization', name })?.spec).toBeDefined();
    }
  });

  test('waves of Argo CD: the namespace, then the golden requests, then the model', () => {
    const wave = (metadata: Resource['metadata']) => Number(metadata?.annotations?.['argocd.argoproj.io/sync-wave']);
    const [generated] = read('models/kustomization.yaml');
    const options = generated?.configMapGenerator?.[0] as unknown as { options: Resource['metadata'] };
    const waves = [
      wave(named({ kind: 'Namespace', name: 'models' })?.metadata),
      wave(options.options),
      wave(named({ kind: 'ModelDeployment', name: 'digits' })?.metadata),
    ];
    expect(waves).toEqual([-2, -1, 0]);
  });

  test('the workflow calls the script that is tested, with what it wants', () => {
    const text = readFileSync(join(EXAMPLES, 'pipeline/workflow.yaml'), 'utf8');
    expect(parseAllDocuments(text).flatMap(({ errors }) => errors)).toEqual([]);
    const script = readFileSync(join(EXAMPLES, 'pipeline/release.sh'), 'utf8');
    for (const [, wanted] of script.matchAll(/^: "\$\{(\w+):\?/gm)) expect(text).toContain(`${wanted}: `);
    // This repository's own: npm puts no link to it into node_modules/.bin.
    const [, program] = /^ +MODELSHIP: node (\S+)$/m.exec(text) ?? [];
    expect(readFileSync(join(ROOT, program ?? 'MODELSHIP')).length).toBeGreaterThan(0);
    const paths = [...text.matchAll(/(?:\.\/|[ :])((?:examples|models)\/[\w./-]+)/g)].map(
      ([, found]) => found as string,
    );
    expect(paths.length).toBeGreaterThan(3);
    for (const each of paths.filter((found) => found.startsWith('examples/'))) {
      expect(readFileSync(join(ROOT, each)).length, relative(ROOT, each)).toBeGreaterThan(0);
    }
  });
});

test('the ModelDeployment is one, and its model answers its golden requests', async () => {
  const file = 'examples/gitops/models/digits.yaml';
  expect(parseModelDeployments(readFileSync(join(ROOT, file), 'utf8'), file).problems).toEqual([]);
  const volumes = ['--volume', 'models=examples', '--volume', 'digits-golden=examples/gitops/models'];
  const { code, out, err } = await cli(['validate', file, '--against', '-', ...volumes]);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toContain('10 right');
});
