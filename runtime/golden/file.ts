/** Fetches a file of golden requests, of bounded size, from where a model may come from too. */
import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { GOLDEN_MAX_BYTES } from '../../api/golden.ts';
import { LoadError } from '../errors.ts';
import { type DownloadOptions, download } from '../models/download.ts';
import { type GoldenRequest, parseGolden } from './parse.ts';

/**
 * @param uri `file://`, an absolute or relative path (against the working folder), `http://` or `https://`
 * @throws LoadError GOLDEN_NOT_THERE, GOLDEN_INVALID, MODEL_URI_UNSUPPORTED, MODEL_FORBIDDEN, MODEL_UNREACHABLE
 */
export async function readGolden(uri: string, options: DownloadOptions): Promise<GoldenRequest[]> {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return fromFile(resolve(uri));
    case 'file':
      return fromFile(pathOf(uri));
    case 'http':
    case 'https':
      return fromWeb(uri, options);
    default:
      throw new LoadError(
        'MODEL_URI_UNSUPPORTED',
        `${OF} '${uri}': the scheme ${scheme}:// is not known here; use file://, a path, http:// or https://`,
      );
  }
}

const OF = 'the golden requests';

function pathOf(uri: string): string {
  try {
    return fileURLToPath(uri);
  } catch (error) {
    const why = `is no file URI: ${(error as Error).message}; write file:///absolute/path, with three slashes`;
    throw new LoadError('MODEL_URI_UNSUPPORTED', `${OF}: '${uri}' ${why}`);
  }
}

async function fromFile(path: string): Promise<GoldenRequest[]> {
  return parseGolden(await readSmall(path), path);
}

async function readSmall(path: string): Promise<Buffer> {
  try {
    await using file = await open(path);
    const info = await file.stat();
    if (!info.isFile()) throw new LoadError('GOLDEN_NOT_THERE', `${OF}: ${path} is not a file`);
    if (info.size > GOLDEN_MAX_BYTES) throw tooLarge(path);
    return await file.readFile();
  } catch (error) {
    if (error instanceof LoadError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new LoadError('GOLDEN_NOT_THERE', `${OF}: there is no file ${path}`);
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new LoadError('MODEL_FORBIDDEN', `${OF}: ${path} may not be read: ${message}`);
    }
    throw new LoadError('MODEL_UNREACHABLE', `${OF}: ${path} could not be read: ${message}`);
  }
}

function tooLarge(where: string): LoadError {
  const most = `${GOLDEN_MAX_BYTES / 2 ** 20} MiB`;
  return new LoadError('GOLDEN_INVALID', `${OF}: ${where} is larger than ${most}: keep fewer, or smaller, requests`);
}

async function fromWeb(url: string, options: DownloadOptions): Promise<GoldenRequest[]> {
  // Not its query: it may hold a key.
  const shown = url.replace(/[?#].*$/s, '').replace(/^([a-z]+:\/\/)[^/@]*@/i, '$1');
  try {
    const file = await download(url, { ...options, maxBytes: GOLDEN_MAX_BYTES });
    try {
      return parseGolden(await readFile(file.path), shown);
    } finally {
      await file.dispose();
    }
  } catch (error) {
    throw error instanceof LoadError ? ofGolden(error, shown) : error;
  }
}

function ofGolden(error: LoadError, shown: string): LoadError {
  const { code, message } = error;
  if (code === 'GOLDEN_INVALID') return error;
  if (message.endsWith(`is larger than ${GOLDEN_MAX_BYTES} bytes`)) return tooLarge(shown);
  return new LoadError(code === 'MODEL_NOT_THERE' ? 'GOLDEN_NOT_THERE' : code, `${OF}: ${message}`);
}
