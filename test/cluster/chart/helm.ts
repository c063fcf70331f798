/** helm against a control plane, as a platform engineer types it. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { KubeObject } from '../../../operator/render/objects.ts';
import { type ChartTool, chartTool } from '../../chart/build.ts';
import type { Ran } from '../harness/cluster.ts';
import { LOCATION } from './schemas.ts';

export const CHART = join(import.meta.dirname, '../../../charts/modelship');

/** @param kubeconfig undefined for what needs no cluster */
export async function helm(args: readonly string[], kubeconfig?: string): Promise<Ran> {
  const path = await chartTool('helm', (line) => process.stderr.write(`${line}\n`));
  const home = mkdtempSync(join(tmpdir(), 'modelship-helm-'));
  const env = { PATH: process.env.PATH, HOME: home, ...(kubeconfig !== undefined && { KUBECONFIG: kubeconfig }) };
  try {
    return await new Promise((resolve) =>
      execFile(path, args, { env, maxBuffer: 2 ** 26 }, (error, out, err) =>
        resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
      ),
    );
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** kube-score over a rendered chart; helm and it are all that is asked. @param ignored tests that are not made */
export function kubeScore(objects: readonly KubeObject[], ignored: readonly string[]): Promise<Ran> {
  const ignoring = ignored.flatMap((test) => ['--ignore-test', test]);
  const args = ['score', '--kubernetes-version', 'v1.34', '--output-format', 'ci', ...ignoring, '-'];
  return judged('kube-score', args, objects);
}

/** kubeconform, which refuses unknown fields and kinds. @param schemas folder that `schemas.ts` wrote */
export function kubeconform(objects: readonly KubeObject[], schemas: string): Promise<Ran> {
  const location = join(schemas, LOCATION);
  return judged('kubeconform', ['-strict', '-summary', '-schema-location', location, '-'], objects);
}

async function judged(tool: ChartTool, args: readonly string[], objects: readonly KubeObject[]): Promise<Ran> {
  const path = await chartTool(tool, (line) => process.stderr.write(`${line}\n`));
  return new Promise((resolve) => {
    const child = execFile(path, args, { maxBuffer: 2 ** 26 }, (error, out, err) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err }),
    );
    child.stdin?.end(objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  });
}

/** What the chart becomes with these values. @throws Error with helm's words */
export async function template(namespace: string, ...values: string[]): Promise<KubeObject[]> {
  const set = values.flatMap((value) => ['--set', value]);
  const { code, out, err } = await helm(['template', 'modelship', CHART, '--namespace', namespace, ...set]);
  if (code !== 0) throw new Error(err);
  return documentsIn(out);
}

/** The objects of a text of YAML documents. */
export function documentsIn(text: string): KubeObject[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as KubeObject | null)
    .filter((object) => object !== null);
}
