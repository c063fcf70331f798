/** The other end of the supervisor's IPC channel. There is none in a cluster, and then nothing here does anything. */
import { type FromRuntime, toRuntime } from '../api/handoff.ts';
import type { Door } from './door.ts';

/** The part of `process` that is used, so that a test can stand in for it. */
export interface Channel {
  send?: ((message: FromRuntime, callback: () => void) => unknown) | undefined;
  on(event: 'message', listener: (message: unknown, handle: unknown) => void): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
}

export interface SupervisedBy {
  entry: Door;
  /** Finish and exit. */
  drain(lameDuckMs: number): void;
  warn(message: string): void;
}

/** @returns how to say something; without a channel it does nothing */
export function tellSupervisor(channel: Channel): (message: FromRuntime) => void {
  // With a callback, a channel that is closed already is no error.
  return (message) => void channel.send?.(message, () => {});
}

/** Obeys `take`, `release` and `drain`, and ends when the supervisor is gone. */
export function listenToSupervisor(channel: Channel, { entry, drain, warn }: SupervisedBy): void {
  if (!channel.send) return;
  const tell = tellSupervisor(channel);
  channel.on('message', (raw, handle) => {
    const parsed = toRuntime.safeParse(raw);
    if (!parsed.success) {
      warn(`the supervisor sent what is not understood: ${parsed.error.message}`);
      return;
    }
    const message = parsed.data;
    switch (message.type) {
      case 'take':
        entry.take(handle).then(
          () => tell({ type: 'taken' }),
          (error: Error) => warn(`the public socket could not be taken: ${error.message}`),
        );
        return;
      case 'release':
        entry.release();
        tell({ type: 'released' });
        return;
      case 'drain':
        drain(message.lameDuck);
    }
  });
  // An orphan would keep ports and memory with nobody to end it.
  channel.on('disconnect', () => drain(0));
}
