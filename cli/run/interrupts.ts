/** Signals that ask for an end, counted as a person means them. */

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/**
 * One Ctrl-C may arrive more than once: from the terminal, and from npm, npx or the launcher that hand it on. What
 * follows so quickly is the same wish.
 */
const SAME_WISH_MS = 400;

/** @param asked called with how often it was asked before @returns how to stop listening */
export function onInterrupt(asked: (signal: string, before: number) => void): () => void {
  let before = 0;
  let last = Number.NEGATIVE_INFINITY;
  const listener = (signal: string) => {
    const now = performance.now();
    if (now - last < SAME_WISH_MS) return;
    last = now;
    asked(signal, before++);
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return () => {
    for (const signal of SIGNALS) process.off(signal, listener);
  };
}
