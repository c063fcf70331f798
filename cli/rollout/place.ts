/** Flags that choose the place: a cluster, or a run on this machine. */
import { type Command, Option } from 'commander';
import type { ClusterFlags } from '../cluster/options.ts';

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
