/**
 * Builds the binaries of a real Kubernetes control plane from the Go modules pinned beside this file, once per version,
 * into a cache outside the work tree. `node test/control-plane/build.ts [--only kube-apiserver,etcd]` prints the folder.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { BuildError, builtAt, cacheFolder as folderFor, pinnedVersion, runScript } from '../go/build.ts';
import { runs } from './tools.ts';

/** What can be built: each binary's Go module (a folder under `go/`) and main package. */
const BINARIES = {
  etcd: { module: 'etcd', main: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  'kube-scheduler': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-scheduler' },
  kubelet: { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kubelet' },
  'kube-proxy': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-proxy' },
  kwok: { module: 'kwok', main: 'sigs.k8s.io/kwok/cmd/kwok' },
} as const;

export type Binary = keyof typeof BINARIES;
/** A control plane, whatever its nodes are. */
export const CONTROL_PLANE = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
/** What plays nodes. */
export const SIMULATED = [...CONTROL_PLANE, 'kwok'] as const;
/** What is a node. */
export const NODE = ['kubelet', 'kube-proxy'] as const;
/** What one with real nodes takes. */
export const REAL = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
] as const;

/** What a folder named by `KUBEBUILDER_ASSETS` is expected to hold; other binaries may be missing from it. */
const KUBEBUILDER_BINARIES: readonly Binary[] = ['etcd', 'kube-apiserver'];

const GO_FOLDER = join(import.meta.dirname, 'go');

/**
 * Returns the path of each wanted binary, after building those that are not there yet. The first build takes minutes
 * (kube-apiserver alone about ten on two cores); `log` gets a line when a build starts and when it ends.
 */
export async function controlPlaneBinaries<B extends Binary>(
  wanted: readonly B[],
  log: (line: string) => void = () => undefined,
): Promise<Record<B, string>> {
  const folder = await cacheFolder();
  const paths = {} as Record<B, string>;
  for (const binary of wanted)
    paths[binary] = fromAssets(binary) ?? (await builtAt(join(folder, binary), programOf(binary), log));
  return paths;
}

/** The pinned version of what a binary is built from, such as `v1.34.4`. */
export function versionOf(binary: Binary): Promise<string> {
  const { module, main } = BINARIES[binary];
  return pinnedVersion(join(GO_FOLDER, module), main);
}

/** Whether controlPlaneBinaries() would find or build all of them. */
export async function canProvide(wanted: readonly Binary[]): Promise<boolean> {
  const folder = await cacheFolder();
  const there = (binary: Binary): boolean => fromAssets(binary) !== undefined || existsSync(join(folder, binary));
  return wanted.every(there) || (await runs('go', 'version'));
}

function fromAssets(binary: Binary): string | undefined {
  const assets = process.env.KUBEBUILDER_ASSETS;
  if (!assets) return undefined;
  const path = join(assets, binary);
  if (existsSync(path)) return path;
  if (!KUBEBUILDER_BINARIES.includes(binary)) return undefined;
  throw new BuildError(`KUBEBUILDER_ASSETS is ${assets}, which holds no ${binary}: unset it, or point it at a folder \
that holds ${KUBEBUILDER_BINARIES.join(' and ')}`);
}

function programOf(binary: Binary) {
  const { module, main } = BINARIES[binary];
  const linker = (version: string) => linkerFlags(module, version);
  return { name: binary, module: join(GO_FOLDER, module), main, linker, takes: 'minutes' };
}

function linkerFlags(module: string, version: string): string {
  const flags = ['-s', '-w'];
  if (module !== 'kubernetes') return flags.join(' ');
  // Without these the server reports v0.0.0, and clients that check versions refuse it.
  const [major, minor] = version.slice(1).split('.');
  const values = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: 'clean', gitCommit: '' };
  for (const target of ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'])
    for (const [name, value] of Object.entries(values)) flags.push(`-X ${target}.${name}=${value}`);
  return flags.join(' ');
}

function cacheFolder(): Promise<string> {
  const modules = new Set(Object.values(BINARIES).map((binary) => binary.module));
  const inputs = [...modules].map((module) => ({
    folder: join(GO_FOLDER, module),
    with: `${module} ${linkerFlags(module, 'v0.0.0')}`,
  }));
  return folderFor('control-plane', inputs);
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const wanted = values.only?.split(',') ?? Object.keys(BINARIES);
  const unknown = wanted.find((name) => !Object.hasOwn(BINARIES, name));
  if (unknown !== undefined)
    throw new BuildError(`--only: no "${unknown}" here; known: ${Object.keys(BINARIES).join(', ')}`);
  const paths = await controlPlaneBinaries(wanted as Binary[], (line) => process.stderr.write(`${line}\n`));
  for (const folder of new Set(Object.values(paths).map((path) => dirname(path)))) process.stdout.write(`${folder}\n`);
}

if (import.meta.main) await runScript(main);
