/** Where models come from: a web server in the cluster that serves the digits example and its bad versions. */
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BAD_VERSIONS, type BadVersion, badVersion } from '../../fixtures/bad-versions.ts';
import { IMAGES } from '../images/build.ts';
import type { Told } from '../setup.ts';
import { kubectlOf, rolledOut } from './kubectl.ts';

const NAMESPACE = 'model-store';
const PORT = 8000;
const EXAMPLES = join(import.meta.dirname, '../../../examples/digits/models');

/** `1`, `2` and `3` are those of the example: 3 answers otherwise than 1 and 2. */
export type ModelName = '1' | '2' | '3' | BadVersion;

/** A server of files in 5 lines, run by the Node of the runtime's image. */
const SERVER = `const {createServer} = require('http'), {createReadStream, existsSync} = require('fs');
createServer(({url}, response) => {
  const path = '/models' + new URL(url, 'http://x').pathname;
  if (!/^[/][\\w./-]+$/.test(path) || path.includes('..') || !existsSync(path)) return response.writeHead(404).end();
  createReadStream(path).pipe(response);
}).listen(${PORT});`;

export async function startStore(cluster: Told): Promise<void> {
  const run = kubectlOf(cluster.kubeconfig, NAMESPACE);
  const labels = { app: 'models' };
  const metadata = { name: 'models', namespace: NAMESPACE };
  await run.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await run.apply(
    { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: await files() },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: labels, ports: [{ port: 80, targetPort: PORT }] },
    },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata,
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: podSpec(`${cluster.runtime}:${IMAGES.tag}`) },
      },
    },
  );
  await rolledOut(run, 'models');
}

function podSpec(image: string) {
  return {
    terminationGracePeriodSeconds: 1,
    containers: [
      {
        name: 'server',
        image,
        command: ['node', '-e', SERVER],
        readinessProbe: { tcpSocket: { port: PORT }, periodSeconds: 1 },
        volumeMounts: [{ name: 'models', mountPath: '/models' }],
      },
    ],
    volumes: [{ name: 'models', configMap: { name: 'models' } }],
  };
}

/** @returns the `model` of a version in a manifest */
export async function modelSource(name: ModelName): Promise<{ uri: string; sha256: string }> {
  const content = (await contents()).get(name);
  if (!content) throw new Error(`the store has no model ${name}`);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { uri: `http://models.${NAMESPACE}.svc.cluster.local/${name}.onnx`, sha256 };
}

async function files(): Promise<Record<string, string>> {
  const all = [...(await contents())].map(([name, content]) => [`${name}.onnx`, content.toString('base64')]);
  return Object.fromEntries(all) as Record<string, string>;
}

let read: Promise<Map<ModelName, Buffer>> | undefined;

function contents(): Promise<Map<ModelName, Buffer>> {
  read ??= readAll();
  return read;
}

async function readAll(): Promise<Map<ModelName, Buffer>> {
  const all = new Map<ModelName, Buffer>();
  for (const name of ['1', '2', '3'] as const) all.set(name, await readFile(join(EXAMPLES, name, 'model.onnx')));
  const folder = await mkdtemp(join(tmpdir(), 'modelship-bad-'));
  try {
    for (const name of BAD_VERSIONS) all.set(name, await readFile(await badVersion(name, folder)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return all;
}
