/**
 * Puts the golden files to a real API server, in a namespace that enforces the restricted profile of Pod Security:
 * `node test/operator/render/dry-run.ts [CRD.yaml …]`. Prints what it said, and exits with 1 if it refused anything it should take.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { FIELD_MANAGER, SCALE_FIELD_MANAGER } from '../../../operator/render/deployment.ts';
import { canonical, type KubeObject } from '../../../operator/render/objects.ts';
import { canonicalQuantity } from '../../../operator/render/quantity.ts';
import { asYaml } from '../../../operator/render/text.ts';
import { startApiServer } from '../../control-plane/start.ts';
import { CASES, GOLDEN_FOLDER, OF_CRDS, renderCase } from './cases.ts';

interface Answer {
  code: number;
  out: string;
  err: string;
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);
const NAMESPACES = ['render', 'models', 'fraud-team'];
/** What pods name and admission looks up: without them a pod is refused for another reason than the one asked about. */
const SURROUNDINGS: KubeObject[] = [
  ...NAMESPACES.map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
  })),
  { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'nvidia' }, handler: 'nvidia' },
  { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'models' }, value: 1000 },
];
/** Files of CRDs to install first. Without that of the Prometheus operator and those of Gateway API their kinds cannot be tried. */
const CRDS = process.argv.slice(2);
const tried = ({ kind }: KubeObject): boolean => !OF_CRDS.includes(kind) || CRDS.length > 0;
const DRY_RUN = ['apply', '--dry-run=server', '--validate=strict', '-f', '-'];

await using server = await startApiServer({ log: say });
let failures = 0;

function kubectl(args: string[], input: readonly KubeObject[] | string): Promise<Answer> {
  return new Promise((resolve) => {
    // kubectl refuses objects of another namespace than the one it is told; those without get this one.
    const text = typeof input === 'string' ? input : asYaml(input);
    const namespace = /^ {2}namespace: (\S+)$/m.exec(text)?.[1] ?? 'render';
    const all = [`--kubeconfig=${server.kubeconfigPath}`, `--namespace=${namespace}`, ...args];
    const child = execFile('kubectl', all, { maxBuffer: 2 ** 26 }, (error, out, err) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out, err });
    });
    child.stdin?.end(text);
  });
}

function check(what: string, holds: boolean, detail: string): void {
  if (!holds) failures++;
  say(`${holds ? 'ok  ' : 'FAIL'} ${what}${holds ? '' : `\n${detail}`}`);
}

/** The pod that the Deployment's controller would make: Pod Security refuses pods, of a Deployment it only warns. */
function podOf({ metadata, spec }: KubeObject): KubeObject {
  const { template } = spec as { template: { metadata: object; spec: object } };
  const name = `${metadata.name.slice(0, 57)}-pod`;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...template.metadata, name, namespace: metadata.namespace },
  };
  return { ...pod, spec: template.spec } as KubeObject;
}

async function goldenFile(name: string): Promise<void> {
  const text = readFileSync(join(GOLDEN_FOLDER, `${name}.yaml`), 'utf8');
  const objects = parseAllDocuments(text).map((document) => document.toJS() as KubeObject);
  const builtIn = objects.filter(tried);
  const exact = builtIn.length === objects.length;
  const answer = await kubectl(DRY_RUN, exact ? text : builtIn);
  const taken = answer.out.trim().split('\n').length;
  const left = objects.length - builtIn.length;
  const except = left > 0 ? `, ${left} of a CRD that is not here` : '';
  check(`${name}.yaml: ${taken} of ${builtIn.length} objects${except}`, answer.code === 0, answer.err);
  if (answer.err) say(`     ${answer.err.trim().replaceAll('\n', '\n     ')}`);
  const pods = builtIn.filter(({ kind }) => kind === 'Deployment').map(podOf);
  const admitted = await kubectl(DRY_RUN, pods);
  check(`${name}.yaml: ${pods.length} pods under the restricted profile`, admitted.code === 0, admitted.err);
}

/** The proof that the profile is enforced here at all. */
async function refusesLess(): Promise<void> {
  const [digits] = renderCase(CASES.digits as (typeof CASES)[string]);
  const pod = podOf(digits?.objects.find(({ kind }) => kind === 'Deployment') as KubeObject);
  const { securityContext: _, ...spec } = pod.spec as Record<string, unknown>;
  const answer = await kubectl(DRY_RUN, [{ ...pod, spec }]);
  check(
    'a pod without its security context is refused',
    answer.code !== 0 && answer.err.includes('violates PodSecurity "restricted'),
    answer.out + answer.err,
  );
}

interface Stored {
  metadata: { resourceVersion: string };
  spec: { replicas: number };
}

async function apply(object: KubeObject, manager: string): Promise<Stored> {
  const flags = ['apply', '--server-side', `--field-manager=${manager}`, '--validate=strict', '-o', 'json', '-f', '-'];
  const answer = await kubectl(flags, [object]);
  if (answer.code !== 0) throw new Error(answer.err);
  return JSON.parse(answer.out) as Stored;
}

/** Applied for real, twice, under both field managers: what is applied again unchanged is not written again. */
async function settles(name: string): Promise<void> {
  for (const { objects, scales } of renderCase(CASES[name] as (typeof CASES)[string])) {
    const builtIn = objects.filter(tried);
    const first = new Map<KubeObject, Stored>();
    for (const object of builtIn) first.set(object, await apply(object, FIELD_MANAGER));
    for (const { object } of scales) {
      const sized = canonical({ ...object, spec: { replicas: 5 } });
      const stored = await apply(sized, SCALE_FIELD_MANAGER);
      first.set(
        builtIn.find((o) => o.kind === object.kind && o.metadata.name === object.metadata.name) as KubeObject,
        stored,
      );
    }
    const changed: string[] = [];
    for (const object of builtIn) {
      const again = await apply(object, FIELD_MANAGER);
      const same = again.metadata.resourceVersion === first.get(object)?.metadata.resourceVersion;
      const sized = object.kind !== 'Deployment' || again.spec.replicas === 5;
      if (!same || !sized) changed.push(`${object.kind} ${object.metadata.name}`);
    }
    check(
      `${name}: ${builtIn.length} objects applied again are not written, and Deployments keep the size of the other manager`,
      changed.length === 0,
      changed.join('\n'),
    );
  }
}

async function textSurvives(): Promise<void> {
  const values = [
    'on',
    'y',
    'No',
    '~',
    'null',
    '1e3',
    '0x1f',
    '0o17',
    '017',
    '1_000',
    '12:30',
    '.5',
    '-',
    '=',
    '<<',
    '2026-01-01',
    '{a}',
    'a: b',
    '#x',
    ' a ',
    'é\n\n',
  ];
  const data = Object.fromEntries(values.map((value, i) => [`k${i}`, value]));
  const answer = await kubectl(
    [...DRY_RUN, '-o', 'json'],
    [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'text' }, data }],
  );
  const read = answer.code === 0 ? (JSON.parse(answer.out) as { data: object }).data : undefined;
  const same = JSON.stringify(canonical(read)) === JSON.stringify(canonical(data));
  check(`${values.length} texts that look like something else survive`, same, answer.err + JSON.stringify(read));
}

/** What is written in canonical form comes back as it is, from an autoscaler and from a container. */
async function quantitiesStay(): Promise<void> {
  const units = ['', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti'];
  const amounts = [
    '1',
    '7',
    '1000',
    '1024',
    '1536',
    '0.5',
    '1.5',
    '1.1',
    '0.001',
    '12.345',
    '1000000',
    '1048576',
    '3.000',
  ];
  const values = [...amounts.flatMap((amount) => units.map((unit) => amount + unit)), '100m', '1000m', '1500m'];
  const written = values.map(canonicalQuantity);
  const metrics = written.map((averageValue) => ({
    type: 'External',
    external: { metric: { name: 'm' }, target: { type: 'AverageValue', averageValue } },
  }));
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'quantities' };
  const hpa = {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'quantities' },
    spec: { scaleTargetRef, maxReplicas: 1, metrics },
  };
  const containers = written.map((memory, i) => ({ name: `c${i}`, image: 'i', resources: { requests: { memory } } }));
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers } };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'quantities' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  };
  const answers = [
    await kubectl([...DRY_RUN, '-o', 'json'], [hpa]),
    await kubectl([...DRY_RUN, '-o', 'json'], [deployment]),
  ];
  const [scaled, deployed] = answers.map(({ code, out }) => (code === 0 ? JSON.parse(out) : undefined)) as [
    typeof hpa | undefined,
    typeof deployment | undefined,
  ];
  const wrong = written.flatMap((value, i) => {
    const theirs = [
      scaled?.spec.metrics[i]?.external.target.averageValue,
      deployed?.spec.template.spec.containers[i]?.resources.requests.memory,
    ];
    return theirs.every((other) => other === value) ? [] : [`${values[i]}: ${theirs}, not ${value}`];
  });
  const detail = answers.map(({ code, err }) => (code === 0 ? '' : err)).join('') + wrong.join('\n');
  check(`${values.length} quantities in canonical form are stored as they are`, wrong.length === 0, detail);
}

const made = await kubectl(['apply', '-f', '-'], SURROUNDINGS);
if (made.code !== 0) throw new Error(made.err);
for (const file of CRDS) {
  const crd = await kubectl(['apply', '--server-side', '-f', '-'], readFileSync(file, 'utf8'));
  if (crd.code !== 0) throw new Error(crd.err);
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', '-'], readFileSync(file, 'utf8'));
}
for (const name of Object.keys(CASES)) await goldenFile(name);
await refusesLess();
for (const name of ['digits', 'autoscaling', 'gpu', 'claim', 'pod', 'installation']) await settles(name);
await textSurvives();
await quantitiesStay();
process.exitCode = failures > 0 ? 1 : 0;
