/** Tells when a file has another content, however it was edited: written in place, or replaced by a rename. */
import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import type { Clock } from './clock.ts';

/** An editor that truncates and then writes must not be read in between. */
const QUIET_MS = 100;
/** In case the file system tells nothing, as network and container mounts do. */
const POLL_MS = 1_000;

export interface FileWatch {
  file: string;
  /** The content that is known already. */
  text: string;
  clock: Clock;
  onText(text: string): void;
  onGone(error: Error): void;
}

/** @returns how to stop */
export function watchFile({ file, text, clock, onText, onGone }: FileWatch): () => void {
  let known: string | undefined = text;
  let stopped = false;
  let cancelSoon: (() => void) | undefined;
  let cancelPoll: (() => void) | undefined;

  const check = async () => {
    try {
      const next = await readFile(file, 'utf8');
      if (stopped || next === known) return;
      known = next;
      onText(next);
    } catch (error) {
      if (stopped || known === undefined) return;
      known = undefined;
      onGone(error as Error);
    }
  };
  const soon = () => {
    cancelSoon?.();
    if (stopped) return;
    cancelSoon = clock.after(QUIET_MS, () => {
      cancelSoon = undefined;
      void check();
    });
  };
  const poll = () => {
    cancelPoll = clock.after(POLL_MS, () => {
      if (!cancelSoon) void check();
      poll();
    });
  };
  const close = watchFolder(file, soon);
  poll();
  return () => {
    stopped = true;
    close();
    cancelSoon?.();
    cancelPoll?.();
  };
}

/** The folder: a watch of the file itself stays with the old inode when an editor renames over it. */
function watchFolder(file: string, onEvent: () => void): () => void {
  try {
    const watcher = watch(dirname(file), (_event, name) => {
      if (name === null || name === basename(file)) onEvent();
    });
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => {};
  }
}
