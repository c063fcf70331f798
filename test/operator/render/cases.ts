/** The manifests whose rendering is kept under `golden/`, and the options of each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ModelDeployment } from '../../../api/model-deployment.ts';
import { formatProblems, parseModelDeployments } from '../../../api/parse.ts';
import { firstPlan } from '../../../operator/render/first-plan.ts';
import type { RenderOptions } from '../../../operator/render/input.ts';
import { type Rendered, render } from '../../../operator/render/render.ts';

const ROOT = join(import.meta.dirname, '../../..');
export const GOLDEN_FOLDER = join(import.meta.dirname, 'golden');

export const OPTIONS: RenderOptions = { runtimeImage: 'registry.example.com/modelship-runtime:1.2.3' };

export interface Case {
  manifest: string;
  options?: Partial<RenderOptions>;
}

const own = (name: string): string => join('test/operator/render/manifests', `${name}.yaml`);

export const CASES: Record<string, Case> = {
  digits: { manifest: 'examples/digits/modeldeployment.yaml' },
  autoscaling: { manifest: own('autoscaling') },
  gpu: { manifest: own('gpu') },
  claim: { manifest: own('claim') },
  pod: { manifest: own('pod') },
  'long-names': { manifest: own('long-names') },
  gateway: { manifest: own('gateway') },
  'golden-requests': { manifest: own('golden-requests') },
  installation: {
    manifest: own('installation'),
    options: {
      namespace: 'fraud-team',
      imagePullPolicy: 'IfNotPresent',
      drainSeconds: 30,
      startupSeconds: 600,
      logLevel: 'debug',
      networkPolicy: {
        clients: [{ namespaceSelector: {} }],
        gateways: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'gateways' } } }],
        admins: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'modelship-system' } } }],
      },
      podMonitor: { interval: '15s', labels: { release: 'prometheus' } },
    },
  },
};

/** Kinds of CRDs that a test has to install. */
export const OF_CRDS = ['PodMonitor', 'HTTPRoute', 'GRPCRoute'];

export type Success = Extract<Rendered, { ok: true }>;

export function readManifest(path: string): ModelDeployment[] {
  return parse(readFileSync(join(ROOT, path), 'utf8'), path);
}

export function parse(text: string, name = 'test.yaml'): ModelDeployment[] {
  const { documents, problems } = parseModelDeployments(text, name);
  if (problems.length > 0) throw new Error(formatProblems(problems));
  return documents;
}

/** Each ModelDeployment of a case, rendered. @throws Error when one is refused */
export function renderCase({ manifest, options }: Case): Success[] {
  return readManifest(manifest).map((md) => renderOne(md, options));
}

export function renderOne(md: ModelDeployment, options: Partial<RenderOptions> = {}): Success {
  const rendered = render(md, firstPlan(md), { ...OPTIONS, ...options });
  if (!rendered.ok) throw new Error(rendered.problems.map(({ message }) => message).join('\n'));
  return rendered;
}
