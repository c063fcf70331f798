/**
 * Builds programs from pinned Go modules, once per version, into a cache outside the work tree: what a test needs of
 * others and no package of ours brings.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { withLock } from '../control-plane/lock.ts';

export type Log = (line: string) => void;

/** Raised for what the user must put right; its message says how. */
export class BuildError extends Error {
  override readonly name = 'BuildError';
}

export interface GoProgram {
  name: string;
  /** Folder whose go.mod and go.sum pin it. */
  module: string;
  /** Package of its `main`. */
  main: string;
  /** Flags of the linker. @param version that go.mod pins */
  linker(version: string): string;
  /** How long the first build takes, in words. */
  takes: string;
}

/** The program at `path`, after building it where it is not there yet. `log` gets a line when a build starts and ends. */
export async function builtAt(path: string, program: GoProgram, log: Log): Promise<string> {
  if (existsSync(path)) return path;
  const onWait = (): void => log(`waiting for another process that builds ${program.name}`);
  await withLock(join(dirname(path), `.${program.name}.lock`), onWait, async () => {
    if (!existsSync(path)) await build(path, program, log);
  });
  return path;
}

async function build(path: string, { name, module, main, linker, takes }: GoProgram, log: Log): Promise<void> {
  const version = await pinnedVersion(module, main);
  log(`building ${name} ${version} (${takes}, the first time)`);
  const started = performance.now();
  const partial = join(dirname(path), `.${name}.${process.pid}`);
  try {
    await go(['build', '-trimpath', '-ldflags', linker(version), '-o', partial, main], module, name);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  log(`built ${name} ${version} in ${Math.round((performance.now() - started) / 1000)} s`);
}

/** The version that the go.mod in `module` pins for the module that the package `main` lies in, such as `v1.34.4`. */
export async function pinnedVersion(module: string, main: string): Promise<string> {
  const text = await readFile(join(module, 'go.mod'), 'utf8');
  let found: { path: string; version: string } | undefined;
  for (const [, path, version] of text.matchAll(/^(?:require|\t)\s*(\S+) (v\S+)(?: \/\/ indirect)?$/gm)) {
    if (!path || !version || !`${main}/`.startsWith(`${path}/`)) continue;
    if (!found || path.length > found.path.length) found = { path, version };
  }
  if (!found) throw new BuildError(`${join(module, 'go.mod')} requires no module that holds ${main}`);
  return found.version;
}

/**
 * One folder per set of pinned versions and platform, so that a change of either never meets an old program.
 * @param modules folders whose go.mod and go.sum count, each with what else makes the program another one
 */
export async function cacheFolder(kind: string, modules: readonly { folder: string; with: string }[]): Promise<string> {
  const hash = createHash('sha256').update(`${process.platform}/${process.arch}\n`);
  for (const { folder, with: more } of modules) {
    hash.update(`${more}\n`);
    for (const file of ['go.mod', 'go.sum']) hash.update(await readFile(join(folder, file)));
  }
  const path = join(userCache(kind), hash.digest('hex').slice(0, 16));
  await mkdir(path, { recursive: true });
  return path;
}

/** The folder of the cache outside the work tree for one kind of thing. */
export function userCache(kind: string): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'modelship', kind);
}

/** @param what needs Go, for the message @returns what it wrote to stdout @throws BuildError */
export function go(args: string[], cwd: string, what: string): Promise<string> {
  // How many cores a server of the tests is to take is not for compilers.
  const env = { ...process.env, CGO_ENABLED: '0', GOWORK: 'off', GOOS: '', GOARCH: '', GOMAXPROCS: undefined };
  return new Promise((resolve, reject) => {
    const child = spawn('go', args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors = (errors + text).slice(-8_000)));
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = `${what} is built with Go, and no "go" is on the PATH: install Go`;
      reject(error.code === 'ENOENT' ? new BuildError(missing) : error);
    });
    child.on('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new BuildError(`${what}: go ${args[0]} failed (${signal ?? `exit ${code}`}):\n${errors}`));
    });
  });
}

/** Runs the `main` of a script that builds: its message, no stack, for what the user must put right. */
export async function runScript(main: () => Promise<void>): Promise<void> {
  await main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof BuildError ? error.message : inspect(error)}\n`);
    process.exitCode = 1;
  });
}
