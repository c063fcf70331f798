import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkVolumes, readEdit, readFiles } from '../../local/files.ts';
import { manifest } from './build.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'modelship-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const two = (a: string, b: string) => `${manifest({ v1: 100 }, {}, a)}---\n${manifest({ v1: 100 }, {}, b)}`;

describe('the files of a run', () => {
  test('may hold several ModelDeployments each', () => {
    const files = readFiles([
      write('a.yaml', two('digits', 'iris')),
      write('b.yaml', manifest({ v1: 100 }, {}, 'magika')),
    ]);
    expect(files.map(({ documents }) => documents.map((d) => d.metadata.name))).toEqual([
      ['digits', 'iris'],
      ['magika'],
    ]);
    expect(files[0]?.folder).toBe(folder);
  });

  test('are refused together, with every problem and its place', () => {
    const bad = [write('a.yaml', manifest({ v1: 90 })), write('b.yaml', 'kind: [')];
    const refused = () => readFiles(bad);
    expect(refused).toThrow(expect.objectContaining({ code: 'FILE_INVALID', exitCode: 2 }));
    expect(refused).toThrow(/a\.yaml:\d+:\d+/);
    expect(refused).toThrow(/b\.yaml:\d+:\d+/);
  });

  test('may hold what else a cluster needs beside them', () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: models}\n---\n';
    const files = readFiles([write('a.yaml', namespace + manifest({ v1: 100 }))]);
    expect(files[0]?.documents.map((d) => d.metadata.name)).toEqual(['digits']);
  });

  test('must be there', () => {
    expect(() => readFiles([join(folder, 'none.yaml')])).toThrow(
      expect.objectContaining({
        code: 'FILE_NOT_READABLE',
        message: expect.stringMatching(/none\.yaml cannot be read/),
      }),
    );
  });

  test('must not give one name twice, whatever the namespaces', () => {
    const [a, b] = ['one', 'two'].map((namespace) =>
      write(
        `${namespace}.yaml`,
        manifest({ v1: 100 }).replace('name: digits', `name: digits\n  namespace: ${namespace}`),
      ),
    );
    expect(() => readFiles([a as string, b as string])).toThrow(expect.objectContaining({ code: 'DUPLICATE_NAME' }));
  });

  test('an edit keeps the ModelDeployments that it had', () => {
    const [file] = readFiles([write('a.yaml', two('digits', 'iris'))]);
    if (!file) throw new Error('no file');
    expect(readEdit(file, two('iris', 'digits'))).toHaveLength(2);
    expect(() => readEdit(file, manifest({ v1: 100 }))).toThrow(
      /had the ModelDeployments digits, iris and now has digits/,
    );
    expect(() => readEdit(file, manifest({ v1: 50 }))).toThrow(/add up to 100/);
  });
});

test('volumes are folders that exist', () => {
  const file = write('model.onnx', '');
  expect(checkVolumes({ models: folder })).toEqual({ models: folder });
  expect(() => checkVolumes({ models: file })).toThrow(`--volume models=${file}: ${file} is not a folder`);
  expect(() => checkVolumes({ models: '/no/such' })).toThrow(
    expect.objectContaining({ code: 'VOLUME_INVALID', message: expect.stringMatching(/does not exist/) }),
  );
});
