/** A model over HTTP: streamed to a temporary file and hashed on the way; transient failures are tried again. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Clock } from '../clock.ts';
import { LoadError } from '../errors.ts';
import type { ModelFile } from './model-file.ts';

export interface DownloadOptions {
  clock: Clock;
  /** 0 ≤ x < 1, spreads retries. */
  random(): number;
  warn(message: string): void;
  /** Breaks it off, as when the process is to end. */
  signal?: AbortSignal | undefined;
  /** Tries in all. */
  attempts?: number;
  /** Longest silence of the server, ms: before its answer, and between two chunks. */
  stallMs?: number;
  /** Largest file, bytes. */
  maxBytes?: number;
}

const DEFAULTS = { attempts: 6, stallMs: 30_000, maxBytes: 64 * 2 ** 30 };
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8_000;
const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);

/** What went wrong in one try, and whether another may go better. */
class Failed extends Error {
  readonly final: LoadError | undefined;
  constructor(message: string, final?: LoadError) {
    super(message);
    this.final = final;
  }
}

/**
 * Downloads to a temporary folder, which `dispose` removes.
 * @throws LoadError MODEL_NOT_THERE, MODEL_FORBIDDEN, MODEL_UNREACHABLE
 */
export async function download(url: string, given: DownloadOptions): Promise<ModelFile> {
  const options = { ...DEFAULTS, ...given };
  const shown = withoutCredentials(url);
  const folder = await mkdtemp(join(tmpdir(), 'modelship-model-'));
  const dispose = () => rm(folder, { recursive: true, force: true });
  const path = join(folder, 'model.onnx');
  for (let attempt = 1; ; attempt++) {
    try {
      return { path, digest: await tryOnce(url, path, options), dispose };
    } catch (error) {
      const broken = options.signal?.aborted ? brokenOff(shown) : error;
      const { message, final } = broken instanceof Failed ? broken : new Failed(reasonOf(broken));
      if (final || attempt >= options.attempts) {
        await dispose();
        throw final ?? new LoadError('MODEL_UNREACHABLE', `${shown}: ${message}, after ${attempt} tries`);
      }
      options.warn(`${shown}: ${message}; try ${attempt} of ${options.attempts}`);
      const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
      await sleep(options.clock, longest * (0.5 + options.random() / 2), options.signal);
    }
  }
}

type Settings = DownloadOptions & typeof DEFAULTS;

async function tryOnce(url: string, path: string, options: Settings): Promise<string> {
  const abort = new AbortController();
  const breakOff = () => abort.abort(brokenOff(withoutCredentials(url)));
  options.signal?.addEventListener('abort', breakOff);
  if (options.signal?.aborted) breakOff();
  let stopWatch = () => {};
  const watch = () => {
    stopWatch();
    const { stallMs } = options;
    stopWatch = options.clock.after(stallMs, () => abort.abort(new Failed(`nothing came for ${stallMs} ms`)));
  };
  watch();
  try {
    const response = await fetch(url, { signal: abort.signal });
    if (!response.ok || !response.body) {
      await response.body?.cancel();
      throw statusFailure(withoutCredentials(url), response.status);
    }
    const hash = createHash('sha256');
    let size = 0;
    const body = Readable.fromWeb(response.body);
    await pipeline(
      body,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          watch();
          size += chunk.length;
          if (size > options.maxBytes) throw tooLarge(url, options.maxBytes);
          hash.update(chunk);
          yield chunk;
        }
      },
      createWriteStream(path),
      { signal: abort.signal },
    );
    return hash.digest('hex');
  } catch (error) {
    throw abort.signal.aborted ? abort.signal.reason : error;
  } finally {
    stopWatch();
    options.signal?.removeEventListener('abort', breakOff);
  }
}

function brokenOff(url: string): Failed {
  const message = `the download of ${url} was broken off: the process is to end`;
  return new Failed(message, new LoadError('MODEL_UNREACHABLE', message));
}

function tooLarge(url: string, maxBytes: number): Failed {
  const message = `${withoutCredentials(url)} is larger than ${maxBytes} bytes`;
  return new Failed(message, new LoadError('MODEL_UNREACHABLE', message));
}

function statusFailure(url: string, status: number): Failed {
  const message = `the server answered ${status}`;
  if (TRANSIENT_STATUS.has(status)) return new Failed(message);
  if (status === 404 || status === 410)
    return new Failed(message, new LoadError('MODEL_NOT_THERE', `${url}: ${message}`));
  if (status === 401 || status === 403) {
    return new Failed(message, new LoadError('MODEL_FORBIDDEN', `${url}: ${message}; check the credentials`));
  }
  return new Failed(message, new LoadError('MODEL_UNREACHABLE', `${url}: ${message}`));
}

/** fetch says "fetch failed" and keeps the reason as its cause. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

/** A URL as messages show it: neither user, password nor query, which may sign it. */
function withoutCredentials(url: string): string {
  try {
    const { protocol, host, pathname } = new URL(url);
    return `${protocol}//${host}${pathname}`;
  } catch {
    return url;
  }
}

function sleep(clock: Clock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      signal?.removeEventListener('abort', wake);
      cancel();
      resolve();
    };
    const cancel = clock.after(ms, wake);
    signal?.addEventListener('abort', wake);
    if (signal?.aborted) wake();
  });
}
