/**
 * Builds the two images from the Dockerfiles, unchanged. `node test/e2e/images/build.ts [--out images.tar]` prints their
 * names, or saves them, with the pause image, as an archive that a node takes.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { must } from '../../control-plane/tools.ts';
import { type Log, runScript } from '../../go/build.ts';
import { PAUSE_IMAGE } from '../node/containerd.ts';
import { installPackages } from '../node/programs.ts';
import { baseImage } from './base.ts';
import { type Docker, useDocker } from './docker.ts';

const ROOT = join(import.meta.dirname, '../../..');

/** Names of the images that tests run. `next` is the same software under another version, to upgrade to. */
export const IMAGES = {
  operator: 'modelship.test/modelship-operator',
  runtime: 'modelship.test/modelship-runtime',
  tag: '0.1.0',
  next: '0.1.1',
} as const;

/** Of every part and tag. */
export const imageNames = (): string[] =>
  (['operator', 'runtime'] as const).flatMap((part) =>
    [IMAGES.tag, IMAGES.next].map((tag) => `${IMAGES[part]}:${tag}`),
  );

/** @returns names and sizes, in bytes */
export async function buildImages(docker: Docker, log: Log): Promise<Map<string, number>> {
  const base = await baseImage(docker, log);
  const sizes = new Map([[base, await sizeOf(docker, base)]]);
  for (const part of ['operator', 'runtime'] as const) {
    for (const version of [IMAGES.tag, IMAGES.next]) {
      const name = `${IMAGES[part]}:${version}`;
      const started = performance.now();
      const options = ['--network', 'host', '--file', `Dockerfile.${part}`, '--tag', name];
      await docker.run(['build', ...options, '--build-arg', `VERSION=${version}`, '.'], { cwd: ROOT });
      sizes.set(name, await sizeOf(docker, name));
      log(`built ${name} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    }
  }
  return sizes;
}

/** Writes the two images and the pause image to `archive`. */
export async function saveImages(docker: Docker, archive: string): Promise<void> {
  await buildPause(docker);
  await docker.run(['save', '--output', archive, PAUSE_IMAGE, ...imageNames()]);
}

async function buildPause(docker: Docker): Promise<void> {
  if (await docker.has(PAUSE_IMAGE)) return;
  const folder = await mkdtemp(join(tmpdir(), 'modelship-pause-'));
  try {
    const program = join(folder, 'pause');
    await must('gcc', ['-static', '-Os', '-s', '-o', program, join(import.meta.dirname, 'pause.c')]);
    await must('tar', ['--create', '--file', `${program}.tar`, '--directory', folder, 'pause']);
    await docker.run(['import', '--change', 'ENTRYPOINT ["/pause"]', `${program}.tar`, PAUSE_IMAGE]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sizeOf(docker: Docker, image: string): Promise<number> {
  return Number(await docker.run(['image', 'inspect', '--format', '{{.Size}}', image]));
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: 'string' } } });
  const log = (line: string): void => void process.stderr.write(`${line}\n`);
  await installPackages(log);
  await using docker = await useDocker(log);
  for (const [name, size] of await buildImages(docker, log)) {
    process.stdout.write(`${name}\t${Math.round(size / 1e6)} MB\n`);
  }
  if (values.out) await saveImages(docker, values.out);
}

if (import.meta.main) await runScript(main);
