/**
 * The base image that the Dockerfiles name. Where no registry can be reached, a stand-in under the same name: Debian by
 * debootstrap, Node from the npm package `node`, npm of this machine.
 */
import { chmod, cp, mkdir, mkdtemp, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { must } from '../../control-plane/tools.ts';
import type { Log } from '../../go/build.ts';
import type { Docker } from './docker.ts';

const ROOT = join(import.meta.dirname, '../../..');
/** Vitest knows no `import.meta.resolve`. */
const { resolve } = createRequire(import.meta.url);
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Pulls it, or makes the stand-in. @returns its name, of the form `node:VERSION-SUITE-slim` */
export async function baseImage(docker: Docker, log: Log): Promise<string> {
  const text = await readFile(join(ROOT, 'Dockerfile.runtime'), 'utf8');
  const image = text.match(/^ARG NODE_IMAGE=(\S+)$/m)?.[1];
  const suite = image?.match(/^node:[\d.]+-(\w+)-slim$/)?.[1];
  if (!image || !suite) throw new Error('Dockerfile.runtime names no NODE_IMAGE of the form node:VERSION-SUITE-slim');
  if (await docker.has(image)) return image;
  const pulled = await docker.run(['pull', '--quiet', image]).catch(() => undefined);
  if (pulled === undefined) await standIn(docker, image, suite, log);
  return image;
}

async function standIn(docker: Docker, image: string, suite: string, log: Log): Promise<void> {
  log(`${image} cannot be pulled: making a stand-in by debootstrap`);
  const folder = await mkdtemp(join(tmpdir(), 'modelship-base-'));
  try {
    const root = join(folder, 'root');
    await must('debootstrap', ['--variant=minbase', suite, root]);
    const lib = join(root, 'usr/local/lib/node_modules');
    await mkdir(lib, { recursive: true });
    await cp(resolve('node/bin/node'), join(root, 'usr/local/bin/node'));
    await chmod(join(root, 'usr/local/bin/node'), 0o755);
    await cp(await npmFolder(), join(lib, 'npm'), { recursive: true });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
    // A package host behind an authority of this machine's is trusted while the image is built.
    await mkdir(join(root, 'etc/ssl/certs'), { recursive: true });
    await cp(AUTHORITIES, join(root, AUTHORITIES), { dereference: true });
    await rm(join(root, 'var/cache/apt'), { recursive: true, force: true });
    await rm(join(root, 'var/lib/apt/lists'), { recursive: true, force: true });
    const archive = join(folder, 'root.tar');
    await must('tar', ['--create', '--file', archive, '--directory', root, '.']);
    await docker.run(['import', '--change', `ENV NODE_EXTRA_CA_CERTS=${AUTHORITIES}`, archive, image]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Where this machine's npm lies. Under `npm run` it would itself say the folder beside the project's own Node. */
async function npmFolder(): Promise<string> {
  const command = (await must('sh', ['-c', 'command -v npm'])).trim();
  return join(await realpath(command), '../..');
}
