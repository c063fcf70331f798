/** Reads the YAML files of a run: all of them right, or none. */
import { readFileSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ModelDeployment } from '../api/model-deployment.ts';
import { formatProblems, parseModelDeploymentFiles, parseModelDeployments } from '../api/parse.ts';
import { LocalError } from './errors.ts';

export interface SourceFile {
  /** As the user named it. */
  name: string;
  /** Absolute. */
  path: string;
  /** Absolute; relative model paths start here. */
  folder: string;
  text: string;
  documents: ModelDeployment[];
}

/** A file for a cluster may hold a Namespace or a Secret beside the ModelDeployment. */
const OTHER_KINDS = { otherKinds: 'ignore' } as const;

/** @throws LocalError FILE_NOT_READABLE, FILE_INVALID with every problem of every file, DUPLICATE_NAME */
export function readFiles(names: readonly string[]): SourceFile[] {
  const read = names.map((name) => ({ name, path: resolve(name), text: readText(name) }));
  const { problems } = parseModelDeploymentFiles(read, OTHER_KINDS);
  if (problems.length > 0) throw new LocalError('FILE_INVALID', formatProblems(problems));
  const files = read.map((file) => ({
    ...file,
    folder: dirname(file.path),
    documents: parseModelDeployments(file.text, file.name, OTHER_KINDS).documents,
  }));
  const seen = new Set<string>();
  for (const { metadata } of files.flatMap((file) => file.documents)) {
    if (seen.has(metadata.name)) {
      const message = `there are two ModelDeployments called ${metadata.name}; namespaces do not count on a laptop: rename one`;
      throw new LocalError('DUPLICATE_NAME', message);
    }
    seen.add(metadata.name);
  }
  return files;
}

function readText(name: string): string {
  try {
    return readFileSync(name, 'utf8');
  } catch (error) {
    throw new LocalError('FILE_NOT_READABLE', `${name} cannot be read: ${(error as Error).message}`);
  }
}

/**
 * The ModelDeployments of an edited file, which must be those that it had.
 * @throws LocalError FILE_INVALID
 */
export function readEdit(file: SourceFile, text: string): ModelDeployment[] {
  const { documents, problems } = parseModelDeployments(text, file.name, OTHER_KINDS);
  if (problems.length > 0) throw new LocalError('FILE_INVALID', formatProblems(problems));
  const names = (list: readonly ModelDeployment[]) => list.map(({ metadata }) => metadata.name).sort();
  const [before, after] = [names(file.documents), names(documents)];
  if (before.join() !== after.join()) {
    const message = `${file.name} had the ModelDeployments ${before.join(', ')} and now has ${after.join(', ')}; to add, remove or rename one, stop and start again`;
    throw new LocalError('FILE_INVALID', message);
  }
  return documents;
}

/** @throws LocalError VOLUME_INVALID */
export function checkVolumes(volumes: Readonly<Record<string, string>>): Record<string, string> {
  const absolute = Object.entries(volumes).map(([claim, folder]) => {
    const info = statSync(folder, { throwIfNoEntry: false });
    if (!info?.isDirectory()) {
      const why = info ? 'is not a folder' : 'does not exist';
      throw new LocalError('VOLUME_INVALID', `--volume ${claim}=${folder}: ${folder} ${why}`);
    }
    return [claim, resolve(folder)];
  });
  return Object.fromEntries(absolute);
}
