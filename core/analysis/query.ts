/** What is put into a `prometheus:` query of a check. */
import type { OpenWindow } from '../rollout/model.ts';

/** What a query may name in double braces. */
export interface QueryPlace {
  /** Empty on a laptop. */
  namespace: string;
  model: string;
  window: Pick<OpenWindow, 'stable' | 'canaries' | 'since'>;
  /** ms since 1970 */
  now: number;
}

/** Shorter ones catch no two scrapes. */
const LEAST_SECONDS = 60;

/**
 * `{{namespace}}`, `{{model}}`, `{{stable}}`, `{{canary}}` and `{{window}}` filled in. With several canaries `{{canary}}`
 * is `v2|v3`, for `=~`. `{{window}}` is how long the step has been in force, such as `95s`, and 60s at least.
 */
export function promqlOf(query: string, { namespace, model, window, now }: QueryPlace): string {
  const seconds = Math.max(LEAST_SECONDS, Math.ceil((now - window.since) / 1_000));
  const values: Readonly<Record<string, string>> = {
    namespace,
    model,
    stable: window.stable,
    canary: window.canaries.join('|'),
    window: `${seconds}s`,
  };
  return query.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => values[name] ?? whole);
}
