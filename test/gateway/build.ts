/**
 * Traefik, built once per version from the Go module pinned beside this file, and the CRDs of Gateway API's standard
 * channel, read from theirs. `node test/gateway/build.ts` prints the path of the binary.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { BuildError, builtAt, cacheFolder, type GoProgram, go, type Log, runScript } from '../go/build.ts';

const MODULES = join(import.meta.dirname, 'go');
const PACKAGE = 'github.com/traefik/traefik/v3';
const GATEWAY_API = 'sigs.k8s.io/gateway-api';

const TRAEFIK: GoProgram = {
  name: 'traefik',
  module: join(MODULES, 'traefik'),
  main: `${PACKAGE}/cmd/traefik`,
  linker: (version) => `-s -w -X ${PACKAGE}/pkg/version.Version=${version}`,
  takes: '20 minutes of CPU',
};

/** The path of Traefik's binary, after building it where it is not there yet. */
export async function traefikBinary(log: Log = () => undefined): Promise<string> {
  const folder = await cacheFolder('gateway', [{ folder: TRAEFIK.module, with: TRAEFIK.linker('') }]);
  return builtAt(join(folder, TRAEFIK.name), TRAEFIK, log);
}

/** The CustomResourceDefinitions of the standard channel, at the version that `go/gateway-api/go.mod` pins. */
export async function gatewayCrds(): Promise<object[]> {
  const args = ['mod', 'download', '-json', GATEWAY_API];
  const downloaded = JSON.parse(await go(args, join(MODULES, 'gateway-api'), 'Gateway API')) as { Dir: string };
  const folder = join(downloaded.Dir, 'config/crd/standard');
  const files = (await readdir(folder)).filter((name) => name.startsWith('gateway.networking.k8s.io_')).toSorted();
  if (files.length === 0) throw new BuildError(`${folder} holds no CRDs`);
  return Promise.all(files.map(async (name) => parse(await readFile(join(folder, name), 'utf8')) as object));
}

async function main(): Promise<void> {
  process.stdout.write(`${await traefikBinary((line) => process.stderr.write(`${line}\n`))}\n`);
}

if (import.meta.main) await runScript(main);
