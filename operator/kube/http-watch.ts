/** A watch: events as they come, over an answer that does not end for minutes. */
import type { WatchEvent } from './client.ts';
import { KubeError } from './error.ts';
import { Lines, LongLine, parseEvent } from './http-lines.ts';
import type { Call, HttpSender } from './http-sender.ts';

const LINE_BYTES = 16 * 2 ** 20;

/**
 * Resolves when the server ends the watch after a whole event, or the signal does.
 * @throws KubeError; what onEvent throws ends the watch and is thrown as it is
 */
export async function watchEvents(
  sender: HttpSender,
  call: Call,
  signal: AbortSignal,
  onEvent: (event: WatchEvent) => void,
): Promise<void> {
  let thrown: { error: unknown } | undefined;
  const lines = new Lines(LINE_BYTES, (line) => {
    // A line may follow the one at which the caller had enough.
    if (signal.aborted) return;
    const event = eventOf(call.what, line);
    if (!event) return;
    try {
      onEvent(event);
    } catch (error) {
      thrown = { error };
      throw error;
    }
  });
  const onChunk = (chunk: Buffer) => {
    try {
      lines.push(chunk);
    } catch (error) {
      if (!(error instanceof LongLine)) throw error;
      throw new KubeError('Unavailable', `${call.what}: ${error.message}`, {}, error);
    }
  };
  try {
    await sender.stream(call, { signal, onChunk });
  } catch (error) {
    throw thrown ? thrown.error : error;
  }
  if (lines.partial && !signal.aborted) {
    throw new KubeError('Unavailable', `${call.what}: the watch was cut off in the middle of an event`);
  }
}

/** @throws KubeError also for an ERROR event */
function eventOf(what: string, line: string): WatchEvent | undefined {
  let event: WatchEvent | KubeError | undefined;
  try {
    event = parseEvent(what, line);
  } catch (error) {
    throw new KubeError('Unavailable', `${what}: a line of the watch is no event`, {}, error);
  }
  if (event instanceof KubeError) throw event;
  return event;
}
