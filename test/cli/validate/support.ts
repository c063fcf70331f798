/** `modelship validate` in this process, over models that the tests make. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { identity } from '../../runtime/onnx-builder.ts';
import { folder, ran } from '../support.ts';

export const DIGITS = 'examples/digits';
export const MODEL = (version: number) => `${DIGITS}/models/${version}/model.onnx`;

export interface Finding {
  code: string;
  weight: string;
  version?: string;
  path: string;
  line: number;
  message: string;
  todo: string;
}

/** `modelship validate` in this process. */
export const validate = (args: readonly string[]) => ran(['validate', ...args]);

export async function judged(args: readonly string[]) {
  const { code, out } = await validate([...args, '--output', 'json']);
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

export const digest = (of: Buffer) => createHash('sha256').update(of).digest('hex');

/** A folder with models a (FP32 [n,2]), b (the same by another graph) and c (FP32 [n,3]). */
export function world() {
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
