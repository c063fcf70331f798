/** Requests that two models are asked alike: those of a file of golden requests. */
import { createReadStream } from 'node:fs';
import { GOLDEN_MAX_BYTES, type GoldenFile, goldenFile } from '../../api/golden.ts';
import { pathText } from '../../api/problems.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { parseExact } from './exact.ts';

export type Requests = GoldenFile['requests'];

const FETCH_MS = 30_000;

/**
 * @param where an absolute path, or `http(s)://`
 * @throws CliError that names what is wrong; the runtime's own words come first where it replays the file, too
 */
export async function readRequests(where: string): Promise<Requests> {
  const parsed = goldenFile.safeParse(read(await textOf(where), where));
  if (parsed.success) return parsed.data.requests;
  const [issue] = parsed.error.issues;
  throw unusable(where, `${pathText(issue?.path ?? []) || 'the file'}: ${issue?.message}`);
}

async function textOf(where: string): Promise<string> {
  const web = /^https?:/.test(where);
  try {
    return await bounded(web ? await fetched(where) : createReadStream(where));
  } catch (error) {
    throw unusable(where, (error as Error).message);
  }
}

async function fetched(url: string): Promise<AsyncIterable<Uint8Array>> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_MS) });
  if (!answer.ok || !answer.body) throw new Error(`status ${answer.status}`);
  return answer.body;
}

async function bounded(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const read: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > GOLDEN_MAX_BYTES) throw new Error(`it is larger than ${GOLDEN_MAX_BYTES / 2 ** 20} MiB`);
    read.push(chunk);
  }
  return Buffer.concat(read).toString('utf8');
}

function read(text: string, where: string): unknown {
  try {
    return parseExact(text);
  } catch (error) {
    throw unusable(where, `not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
}

function unusable(where: string, why: string): CliError {
  return new CliError(`requests of ${where.replace(/[?#].*$/s, '')}: ${why}`, EXIT.usage);
}
