/** `modelship render` as its user meets it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { renderFiles } from '../../../cli/commands/render.ts';
import type { KubeObject } from '../../../operator/render/objects.ts';

const ROOT = join(import.meta.dirname, '../../..');
const DIGITS = 'examples/digits/modeldeployment.yaml';
const FLAGS = { image: 'runtime:1', output: 'yaml' } as const;

function run(files: string[], flags: Partial<Parameters<typeof renderFiles>[1]> = {}, stdin = '') {
  const said = { out: '', err: '' };
  const code = renderFiles(
    files,
    { ...FLAGS, ...flags },
    {
      read: (file) => (file === '-' ? stdin : readFileSync(join(ROOT, file), 'utf8')),
      out: (text) => (said.out += text),
      err: (text) => (said.err += text),
    },
  );
  return { code, ...said };
}

const model = (name: string, uri: string, more = ''): string =>
  `apiVersion: modelship.dev/v1alpha1\nkind: ModelDeployment\nmetadata: {name: ${name}}\n` +
  `spec: {versions: [{name: v1, model: {uri: "${uri}"}${more}}]}\n`;

describe('modelship render', () => {
  it('prints documents in the order in which to apply them, sizes merged in', () => {
    const { code, out, err } = run([DIGITS], { namespace: 'demo' });
    expect([code, err]).toEqual([0, '']);
    const objects = parseAllDocuments(out).map((document) => document.toJS() as KubeObject);
    expect(objects.map(({ kind }) => kind)).toEqual([
      'ConfigMap',
      'Service',
      'Service',
      'Service',
      'Deployment',
      'Deployment',
    ]);
    expect(objects.every(({ metadata }) => metadata.namespace === 'demo')).toBe(true);
    expect(objects[4]?.spec).toMatchObject({ replicas: 1 });
    expect(out).toContain('image: runtime:1\n');
  });

  it('prints a List as JSON', () => {
    const { out } = run([DIGITS], { output: 'json' });
    expect(JSON.parse(out)).toMatchObject({ apiVersion: 'v1', kind: 'List', items: { length: 6 } });
  });

  it('takes several files and standard input', () => {
    const { code, out } = run([DIGITS, '-'], {}, model('other', 's3://bucket/1.onnx'));
    expect(code).toBe(0);
    expect(out).toContain('name: other-traffic');
  });

  it('prints nothing when one of them is refused, and says which and why', () => {
    const { code, out, err } = run([DIGITS, '-'], {}, model('laptop', './1.onnx'));
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(/^error: laptop spec\.versions\[v1\]\.model\.uri: .*pvc:\/\/CLAIM\/PATH.* \(LocalModel\)\n$/);
  });

  it('warns beside the objects', () => {
    const scaled = model('scaled', 's3://bucket/1.onnx', ', serving: {autoscaling: {min: 1, max: 2}}');
    const { code, out, err } = run(['-'], {}, scaled);
    expect([code, out.includes('kind: HorizontalPodAutoscaler')]).toEqual([0, true]);
    expect(err).toMatch(/^warning: scaled .*\(NothingRequested\)\n$/);
  });

  it.each([
    ['a file that is not there', ['no-such-file.yaml'], ''],
    ['a mistake in the file', ['-'], model('x', 's3://bucket/1.onnx').replace('versions', 'version')],
    ['a file without any', ['-'], 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n'],
  ])('refuses %s', (_, files, stdin) => {
    const { code, out, err } = run(files, {}, stdin);
    expect([code, out]).toEqual([2, '']);
    expect(err).not.toBe('');
  });
});
