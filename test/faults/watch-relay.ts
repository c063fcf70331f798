/** Passes a watch on, event by event, and breaks it where the fault says. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault } from './plan.ts';

const NEWLINE = 10;

/**
 * Returns when the watch is over, on whichever side it ended.
 * @param hold waits, or until the client gives up
 */
export async function relayWatch(
  source: IncomingMessage,
  target: ServerResponse,
  fault: Fault,
  hold: (ms: number) => Promise<void>,
): Promise<void> {
  const events = fault.kind === 'stall' || fault.kind === 'watch-cut' ? fault.events : Number.POSITIVE_INFINITY;
  const torn = fault.kind === 'watch-cut' && fault.torn;
  target.writeHead(source.statusCode ?? 502, { 'content-type': source.headers['content-type'] ?? 'application/json' });
  target.flushHeaders();
  try {
    if (events > 0 || torn) await copy(source, target, events, torn);
    if (fault.kind === 'stall') await hold(fault.ms);
  } catch {
    // Cut by the API server or by the client: the same end.
  }
  source.destroy();
  if (fault.kind === 'pass' && !target.destroyed) target.end();
  else {
    target.socket?.destroy();
    target.destroy();
  }
}

/** Until so many events have been passed on, and half of the next one where that is to be torn. */
async function copy(source: IncomingMessage, target: ServerResponse, events: number, torn: boolean): Promise<void> {
  let left = events;
  for await (const chunk of source as AsyncIterable<Buffer>) {
    let end = 0;
    while (left > 0) {
      const next = chunk.indexOf(NEWLINE, end);
      if (next === -1) break;
      end = next + 1;
      left--;
    }
    const whole = left > 0 ? chunk.length : end;
    const part = left > 0 || !torn ? whole : end + Math.ceil((chunk.length - end) / 2);
    if (part > 0) await flushed(target, chunk.subarray(0, part));
    if (target.destroyed || (left === 0 && (!torn || part > end))) return;
  }
}

/** Cutting the connection drops what is not written yet. */
function flushed(target: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => target.write(bytes, (error) => (error ? reject(error) : resolve())));
}
