/** Request bodies as bytes: most of what a split forwards is never parsed here. */
import type { IncomingMessage } from 'node:http';
import { RequestError } from '../errors.ts';
import { JSON_LENGTH_HEADER, readLength } from '../protocol/binary-part.ts';

/** What no value of a tensor is wider than. */
const WIDEST = 8;

/**
 * Reads a body whole. Memory is taken for what has arrived, not for what was announced, so that a request which only
 * claims to be large costs nothing. The first tensor after a JSON head begins at an address where it can be used as it
 * stands: for a picture of 600 kB, the copy that saves is a sixth of the cost of its request.
 * @param most bytes that it may have
 * @param done is called once, with a RequestError BODY_TOO_LARGE or what went wrong on the way, or with the body
 */
export function readBody(
  request: Pick<IncomingMessage, 'on' | 'off' | 'headers'>,
  most: number,
  done: (error: Error | null, body?: Buffer) => void,
): void {
  const { headers } = request;
  if (Number(headers['content-length']) > most) {
    done(tooLarge(most));
    return;
  }
  const chunks: Buffer[] = [];
  let length = 0;
  const onData = (chunk: Buffer) => {
    length += chunk.length;
    if (length <= most) chunks.push(chunk);
    else end(tooLarge(most));
  };
  const onEnd = () => end(null, joinBody(chunks, length, readLength(headers[JSON_LENGTH_HEADER])));
  // Such as a connection that broke: nobody is left to hear the answer, and it is no defect of ours.
  const onError = (error: Error) => end(Object.assign(error, { statusCode: 400 }));
  const end = (error: Error | null, body?: Buffer) => {
    request.off('data', onData).off('end', onEnd).off('error', onError);
    done(error, body);
  };
  request.on('data', onData).on('end', onEnd).on('error', onError);
}

/**
 * Bytes that arrived in pieces as one body, in memory of its own.
 * @param length of all pieces, bytes @param jsonLength where the first tensor begins; undefined: there is none
 */
export function joinBody(chunks: readonly Buffer[], length: number, jsonLength: number | undefined): Buffer {
  if (jsonLength === undefined || jsonLength >= length) return Buffer.concat(chunks, length);
  const shift = (WIDEST - (jsonLength % WIDEST)) % WIDEST;
  // Aligned itself: of its own above half of Node's pool, and the pool deals in steps of 8.
  const body = Buffer.allocUnsafe(shift + length).subarray(shift);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.length;
  }
  return body;
}

function tooLarge(most: number): RequestError {
  const message = `the body is larger than ${most} bytes, the limit here (serving.limits.body)`;
  return new RequestError('BODY_TOO_LARGE', message);
}
