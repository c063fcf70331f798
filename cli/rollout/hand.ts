/** Where a rollout runs: a cluster or this machine. One port, so that every command speaks to both. */
import { type Command, Option } from 'commander';
import { type ClusterFlags, onCluster } from '../cluster/options.ts';
import { ClusterHand } from './cluster-hand.ts';
import { LaptopHand } from './laptop-hand.ts';
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

export interface PlaceFlags extends ClusterFlags {
  stateDir?: string;
}

/** Adds the flags that choose cluster or laptop. */
export function placeOptions(command: Command): Command {
  const laptop = new Option(
    '--state-dir <dir>',
    'look at a `modelship run --state-dir DIR` on this machine, not at a cluster',
  ).conflicts(['namespace', 'kubeconfig', 'context']);
  return command
    .addOption(laptop)
    .option('-n, --namespace <name>', 'namespace to look at (default: what the context says)')
    .option('--kubeconfig <file>', 'how to reach the cluster (default: as kubectl finds it)')
    .option('--context <name>', 'context of the kubeconfig (default: its current one)');
}

export function outputOption(command: Command, choices: readonly string[] = ['table', 'json']): Command {
  return command.addOption(
    new Option('-o, --output <format>', 'how to print').choices(choices).default(choices[0] as string),
  );
}

/** Connects, acts, and lets go. */
export function withHand<T>(name: string, flags: PlaceFlags, act: (hand: Hand) => Promise<T>): Promise<T> {
  if (flags.stateDir !== undefined) return act(new LaptopHand(flags.stateDir, name));
  return onCluster(flags, (cluster) => act(new ClusterHand(cluster, name, flags)));
}
