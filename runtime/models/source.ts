/** Where a model comes from: a URI becomes a local file whose digest is known and verified before anything opens it. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LoadError } from '../errors.ts';
import { type DownloadOptions, download } from './download.ts';
import { fileDigest } from './file-digest.ts';
import type { ModelFile } from './model-file.ts';

export interface FetchOptions {
  /** The digest that the file must have; any will do without it. */
  sha256?: string | undefined;
  download: DownloadOptions;
  /** Told how long each phase took, ms. A download is verified while it comes, so `verify` is of local files only. */
  onPhase?(phase: 'fetch' | 'verify', ms: number): void;
}

/**
 * Fetches `file://`, an absolute or relative path (against the working folder), `http://` or `https://`.
 * @throws LoadError MODEL_URI_UNSUPPORTED, MODEL_NOT_THERE, MODEL_FORBIDDEN, MODEL_UNREACHABLE, MODEL_DIGEST_MISMATCH
 */
export async function fetchModel(uri: string, options: FetchOptions): Promise<ModelFile> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  const { download: given, onPhase = () => {} } = options;
  const { clock } = given;
  const started = clock.now();
  const local = async (path: string) => {
    await checkLocal(path);
    const found = clock.now();
    onPhase('fetch', found - started);
    const digest = await reading(path, fileDigest(path));
    onPhase('verify', clock.now() - found);
    return verified(uri, { path, digest, dispose: async () => {} }, options.sha256);
  };
  switch (scheme) {
    case undefined:
      return local(resolve(uri));
    case 'file':
      return local(pathOf(uri));
    case 'http':
    case 'https': {
      const file = await download(uri, given);
      onPhase('fetch', clock.now() - started);
      return verified(uri, file, options.sha256);
    }
    default: {
      const message = `'${uri}': the scheme ${scheme}:// is not known here; use file://, a path, http:// or https://`;
      throw new LoadError('MODEL_URI_UNSUPPORTED', message);
    }
  }
}

function pathOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    const hint = 'write file:///absolute/path, with three slashes';
    throw new LoadError('MODEL_URI_UNSUPPORTED', `'${uri}' is no file URI: ${(error as Error).message}; ${hint}`);
  }
}

/** A local file is served from where it is: it may be on a volume that many share, and as large as memory. */
async function checkLocal(path: string): Promise<void> {
  const info = await reading(path, stat(path));
  if (!info.isFile()) throw new LoadError('MODEL_NOT_THERE', `${path} is not a file; name the .onnx file itself`);
}

async function reading<T>(path: string, read: Promise<T>): Promise<T> {
  try {
    return await read;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new LoadError('MODEL_NOT_THERE', `there is no file ${path}`);
    if (code === 'EACCES' || code === 'EPERM')
      throw new LoadError('MODEL_FORBIDDEN', `${path} may not be read: ${message}`);
    throw new LoadError('MODEL_UNREACHABLE', `${path} could not be read: ${message}`);
  }
}

async function verified(uri: string, file: ModelFile, sha256: string | undefined): Promise<ModelFile> {
  if (sha256 === undefined || sha256 === file.digest) return file;
  await file.dispose();
  const message = `${uri} has the SHA-256 ${file.digest}, not ${sha256}: another file, or a damaged one; it was not opened`;
  throw new LoadError('MODEL_DIGEST_MISMATCH', message);
}
