/**
 * Builds the binaries of a real Kubernetes control plane from the Go modules pinned beside this file, once per version,
 * into a cache outside the work tree. `node test/control-plane/build.ts [--only kube-apiserver,etcd]` prints the folder.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect, parseArgs } from 'node:util';
import { withLock } from './lock.ts';
import { runs } from './tools.ts';

/** What can be built: each binary's Go module (a folder under `go/`) and main package. */
const BINARIES = {
  etcd: { module: 'etcd', main: 'go.etcd.io/etcd/server/v3' },
  'kube-apiserver': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-apiserver' },
  'kube-controller-manager': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-controller-manager' },
  'kube-scheduler': { module: 'kubernetes', main: 'k8s.io/kubernetes/cmd/kube-scheduler' },
  kwok: { module: 'kwok', main: 'sigs.k8s.io/kwok/cmd/kwok' },
} as const;

export type Binary = keyof typeof BINARIES;
export const ALL_BINARIES = Object.keys(BINARIES) as Binary[];

/** What a folder named by `KUBEBUILDER_ASSETS` is expected to hold; other binaries may be missing from it. */
const KUBEBUILDER_BINARIES: readonly Binary[] = ['etcd', 'kube-apiserver'];

const GO_FOLDER = join(import.meta.dirname, 'go');

/** Raised for what the user must put right; its message says how. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

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
  for (const binary of wanted) paths[binary] = fromAssets(binary) ?? (await fromCache(binary, folder, log));
  return paths;
}

/** The pinned version of what a binary is built from, such as `v1.34.4`. */
export function versionOf(binary: Binary): Promise<string> {
  const { module, main } = BINARIES[binary];
  return moduleVersion(module, main);
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

async function fromCache(binary: Binary, folder: string, log: (line: string) => void): Promise<string> {
  const path = join(folder, binary);
  if (existsSync(path)) return path;
  const onWait = (): void => log(`waiting for another process that builds ${binary}`);
  await withLock(join(folder, `.${binary}.lock`), onWait, async () => {
    if (!existsSync(path)) await build(binary, path, log);
  });
  return path;
}

async function build(binary: Binary, path: string, log: (line: string) => void): Promise<void> {
  const { module, main } = BINARIES[binary];
  const folder = join(GO_FOLDER, module);
  const version = await versionOf(binary);
  log(`building ${binary} ${version} (minutes, the first time)`);
  const started = performance.now();
  const partial = join(dirname(path), `.${binary}.${process.pid}`);
  try {
    await go(['build', '-trimpath', '-ldflags', linkerFlags(module, version), '-o', partial, main], folder, binary);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  log(`built ${binary} ${version} in ${Math.round((performance.now() - started) / 1000)} s`);
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

/** The version that the go.mod in `module` pins for the module that `main` lies in. */
async function moduleVersion(module: string, main: string): Promise<string> {
  const text = await readFile(join(GO_FOLDER, module, 'go.mod'), 'utf8');
  let found: { path: string; version: string } | undefined;
  for (const [, path, version] of text.matchAll(/^(?:require|\t)\s*(\S+) (v\S+)(?: \/\/ indirect)?$/gm)) {
    if (!path || !version || !`${main}/`.startsWith(`${path}/`)) continue;
    if (!found || path.length > found.path.length) found = { path, version };
  }
  if (!found) throw new BuildError(`${join(GO_FOLDER, module, 'go.mod')} requires no module that holds ${main}`);
  return found.version;
}

function go(args: string[], cwd: string, binary: Binary): Promise<void> {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' };
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-8_000)));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = `${binary} is built with Go, and no "go" is on the PATH: install Go, or point \
KUBEBUILDER_ASSETS at a folder that holds ${KUBEBUILDER_BINARIES.join(' and ')}`;
      reject(error.code === 'ENOENT' ? new BuildError(missing) : error);
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new BuildError(`building ${binary} failed (go ${args[0]}: ${signal ?? `exit ${code}`}):\n${output}`));
    });
  });
}

/** One folder per set of pinned versions and platform, so that a change of either never meets an old binary. */
async function cacheFolder(): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch}\n`);
  for (const module of new Set(Object.values(BINARIES).map((binary) => binary.module))) {
    hash.update(`${module} ${linkerFlags(module, 'v0.0.0')}\n`);
    for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(GO_FOLDER, module, file)));
  }
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'modelship', 'control-plane', hash.digest('hex').slice(0, 16));
  await mkdir(folder, { recursive: true });
  return folder;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const wanted = values.only?.split(',') ?? ALL_BINARIES;
  const unknown = wanted.find((name) => !Object.hasOwn(BINARIES, name));
  if (unknown !== undefined) throw new BuildError(`--only: no "${unknown}" here; known: ${ALL_BINARIES.join(', ')}`);
  const paths = await controlPlaneBinaries(wanted as Binary[], (line) => process.stderr.write(`${line}\n`));
  for (const folder of new Set(Object.values(paths).map((path) => dirname(path)))) process.stdout.write(`${folder}\n`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof BuildError ? error.message : inspect(error)}\n`);
    process.exitCode = 1;
  });
}
