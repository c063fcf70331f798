/**
 * Traefik, built once per version from the Go module pinned beside this file into a cache outside the work tree, and the
 * CRDs of Gateway API's standard channel, read from theirs. `node test/gateway/build.ts` prints the path of the binary.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { parse } from 'yaml';
import { BuildError } from '../control-plane/build.ts';
import { withLock } from '../control-plane/lock.ts';
import { runs } from '../control-plane/tools.ts';

const MODULES = join(import.meta.dirname, 'go');
const TRAEFIK = 'github.com/traefik/traefik/v3';
const GATEWAY_API = 'sigs.k8s.io/gateway-api';
const FLAGS = '-s -w';

type Log = (line: string) => void;

/** The path of Traefik's binary, after building it where it is not there yet: about 20 minutes of CPU. */
export async function traefikBinary(log: Log = () => undefined): Promise<string> {
  const folder = await cacheFolder();
  const path = join(folder, 'traefik');
  if (existsSync(path)) return path;
  await withLock(
    join(folder, '.traefik.lock'),
    () => log('waiting for another process that builds traefik'),
    async () => {
      if (!existsSync(path)) await build(path, log);
    },
  );
  return path;
}

/** Whether traefikBinary() would find or build it. */
export async function canProvideTraefik(): Promise<boolean> {
  return existsSync(join(await cacheFolder(), 'traefik')) || (await runs('go', 'version'));
}

/** The CustomResourceDefinitions of the standard channel, at the version that `go/gateway-api/go.mod` pins. */
export async function gatewayCrds(): Promise<object[]> {
  const downloaded = JSON.parse(await go(['mod', 'download', '-json', GATEWAY_API], 'gateway-api')) as { Dir: string };
  const folder = join(downloaded.Dir, 'config/crd/standard');
  const files = (await readdir(folder)).filter((name) => name.startsWith('gateway.networking.k8s.io_')).toSorted();
  if (files.length === 0) throw new BuildError(`${folder} holds no CRDs`);
  return Promise.all(files.map(async (name) => parse(await readFile(join(folder, name), 'utf8')) as object));
}

async function build(path: string, log: Log): Promise<void> {
  const goMod = await readFile(join(MODULES, 'traefik/go.mod'), 'utf8');
  const version = new RegExp(`^\\s*${TRAEFIK} (v\\S+)`, 'm').exec(goMod)?.[1] ?? '';
  log(`building traefik ${version} (20 minutes of CPU, the first time)`);
  const started = performance.now();
  const partial = `${path}.${process.pid}`;
  try {
    const linker = `${FLAGS} -X ${TRAEFIK}/pkg/version.Version=${version}`;
    await go(['build', '-trimpath', '-ldflags', linker, '-o', partial, `${TRAEFIK}/cmd/traefik`], 'traefik');
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  log(`built traefik ${version} in ${Math.round((performance.now() - started) / 1000)} s`);
}

/** @returns what it wrote to stdout */
function go(args: string[], module: string): Promise<string> {
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '' };
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd: join(MODULES, module), env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-8_000)));
    child.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ENOENT' ? new BuildError('no "go" is on the PATH: install Go') : error),
    );
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new BuildError(`go ${args.slice(0, 2).join(' ')} failed (${signal ?? `exit ${code}`}):\n${errors}`));
    });
  });
}

/** One folder per set of pinned versions and platform, so that a change of either never meets an old binary. */
async function cacheFolder(): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch}\n${FLAGS}\n`);
  for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(MODULES, 'traefik', file)));
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  const folder = join(cache, 'modelship', 'gateway', hash.digest('hex').slice(0, 16));
  await mkdir(folder, { recursive: true });
  return folder;
}

if (import.meta.main) {
  await traefikBinary((line) => process.stderr.write(`${line}\n`)).then(
    (path) => process.stdout.write(`${path}\n`),
    (error: unknown) => {
      process.stderr.write(`${error instanceof BuildError ? error.message : inspect(error)}\n`);
      process.exitCode = 1;
    },
  );
}
