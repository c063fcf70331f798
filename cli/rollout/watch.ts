/** Looks at a rollout until it ends, and shows each change. */
import { EXIT, type ExitCode } from '../exit-codes.ts';
import type { Hand } from './hand.ts';
import { type Pace, realPace } from './pace.ts';
import { endOf, type RolloutView } from './view.ts';

export interface WatchReporter {
  /** Called at each look. @param changed whether more than measured shares and the clock did @param trouble why the last look failed */
  show(view: RolloutView, changed: boolean, trouble: string | undefined): void;
  /** The last words. */
  close(view: RolloutView, why: string | undefined): void;
}

export interface WatchOptions {
  /** Ms; undefined: until it ends. */
  timeoutMs?: number | undefined;
  /** Whether to end where it waits for a person. */
  untilPause: boolean;
}

/** @returns how it ended, as an exit code @throws CliError when the first look fails or there is nothing to look at */
export async function watchRollout(
  hand: Hand,
  options: WatchOptions,
  reporter: WatchReporter,
  pace: Pace = realPace,
): Promise<ExitCode> {
  const until = pace.now() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
  let view = await hand.read();
  let told = '';
  let trouble: string | undefined;
  for (;;) {
    const news = newsOf(view);
    reporter.show(view, news !== told, trouble);
    told = news;
    const over = verdictOf(view, options);
    if (over) {
      reporter.close(view, over.why);
      return over.code;
    }
    if (pace.now() >= until) {
      reporter.close(view, 'the time that it was given ran out; it goes on');
      return EXIT.notOver;
    }
    await pace.wait(Math.min(hand.everyMs, until - pace.now()));
    try {
      view = await hand.read();
      trouble = undefined;
    } catch (error) {
      trouble = passing(error);
    }
  }
}

/** A cluster that cannot be reached for a while is no reason to look away. @throws what waiting does not mend */
function passing(error: unknown): string {
  if ((error as { transient?: boolean }).transient === true) return `${(error as Error).message}; trying again`;
  throw error;
}

/** All but what is measured and moves all the time. */
function newsOf({ rollout, versions, waiting }: RolloutView): string {
  return JSON.stringify([rollout, versions.map(({ seen: _, ...rest }) => rest), waiting]);
}

interface Over {
  code: ExitCode;
  why?: string;
}

/** Undefined while it goes on. A status of an earlier spec says nothing of this rollout. */
export function verdictOf({ rollout, stale, gone, spec }: RolloutView, { untilPause }: WatchOptions): Over | undefined {
  const end = rollout && endOf(rollout);
  if (end && !stale) return { code: end === 'Completed' ? EXIT.ok : EXIT.takenBack };
  if (gone !== undefined) return { code: EXIT.notOver, why: gone };
  if (!rollout && !spec && !stale)
    return { code: EXIT.failed, why: 'its spec has no rollout: a new split takes effect at once' };
  if (rollout?.phase === 'Paused' && untilPause && !stale) return { code: EXIT.notOver, why: 'it waits for a person' };
  return undefined;
}
