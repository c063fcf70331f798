/** A door with a lane of its own, and callers that see it from the wire. */
import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import type { Answer } from '../../../runtime/answer.ts';
import { type Clock, realClock } from '../../../runtime/clock.ts';
import { Door, type Handler } from '../../../runtime/http1/door.ts';
import type { Lane, PlainRequest } from '../../../runtime/http1/lane.ts';

export const LINE = 'POST /plain HTTP/1.1\r\n';
export const plain = (body: string, fields = '') =>
  `${LINE}${fields}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
export const OTHER = 'GET /other HTTP/1.1\r\n\r\n';

interface Setup {
  serve?: (request: PlainRequest) => Promise<Answer>;
  handler?: Handler;
  clock?: Clock;
  requestTimeoutMs?: number;
}

const echo = async ({ body }: PlainRequest): Promise<Answer> => ({ status: 200, headers: {}, body: `plain ${body}` });

interface Opened {
  door: Door;
  failures: unknown[];
  /** Headers of requests that did not come whole. */
  broken: object[];
  call(): ReturnType<typeof callerAt>;
}

export async function openDoor({
  serve = echo,
  handler,
  clock = realClock,
  requestTimeoutMs = 60_000,
}: Setup = {}): Promise<Opened> {
  const failures: unknown[] = [];
  const broken: object[] = [];
  const door = new Door({ clock, requestTimeoutMs, warn() {} });
  door.handler = handler ?? ((request, response) => void request.resume().on('end', () => response.end('by node')));
  const lane: Lane = {
    requestLine: Buffer.from(LINE),
    mostBodyBytes: 1_000_000,
    takes: (headers) => headers['x-odd'] === undefined,
    serve,
    broken: (headers) => void broken.push(headers),
    failed: (error) => void failures.push(error),
  };
  door.lane = lane;
  const port = await door.listen('127.0.0.1:0');
  onTestFinished(() => door.drain(0, 0));
  return { door, failures, broken, call: () => callerAt(port) };
}

/** A caller, and all that it has heard. */
function callerAt(port: number) {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  onTestFinished(() => void socket.destroy());
  const hears = (pattern: RegExp) => expect.poll(() => heard, { timeout: 10_000 }).toMatch(pattern);
  return { socket, closed, hears, heard: () => heard };
}

/** Lets what was written arrive by itself. */
export async function apart(socket: Socket, pieces: readonly string[]): Promise<void> {
  for (const piece of pieces) {
    await new Promise((resolve) => socket.write(piece, 'latin1', resolve));
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An answer that a test gives when it likes. */
export function held() {
  const waiting: { request: PlainRequest; answer(body: Answer['body']): void }[] = [];
  const serve = (request: PlainRequest) =>
    new Promise<Answer>((resolve) => {
      waiting.push({ request, answer: (body) => resolve({ status: 200, headers: {}, body }) });
    });
  const next = async () => {
    await expect.poll(() => waiting.length).toBeGreaterThan(0);
    return waiting.shift() as (typeof waiting)[number];
  };
  return { serve, next, waiting };
}
