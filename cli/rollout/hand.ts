/** Where a rollout runs: a cluster or this machine. One port, so that every command speaks to both. */
import type { RolloutView } from './view.ts';

export interface Hand {
  /** Flags that name the place, to be repeated in lines to paste, such as ` --namespace models`. */
  readonly where: string;
  /** Who has to be there for a command to be honoured, in words. */
  readonly honours: string;
  /** How often it is worth looking, ms. */
  readonly everyMs: number;
  /** @throws CliError when there is no such ModelDeployment */
  read(): Promise<RolloutView>;
  /** Leaves a command where the one who walks finds it. @param text as of `rolloutCommandText` */
  send(text: string): Promise<void>;
}
