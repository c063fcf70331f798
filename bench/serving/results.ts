/** All that a run leaves behind: what `--output json` prints and `--from` reads. */
import type { Role } from './contenders.ts';
import type { Liveness } from './live.ts';
import type { Machine } from './machine.ts';
import type { ModelId } from './models/catalogue.ts';
import type { Outcome } from './rounds.ts';
import type { SplitCost } from './split.ts';
import { type Group, summarise } from './summary.ts';
import type { WireId } from './wires/wires.ts';

export interface Described {
  id: string;
  title: string;
  role: Role;
  wire: WireId | 'none';
  settings: string;
}

export interface Results extends Outcome {
  machine: Machine;
  /** As typed. */
  command: string;
  /** Where servers and load generator ran. */
  placement: string;
  rounds: number;
  seconds: number;
  models: { id: ModelId; title: string; rows: string }[];
  contenders: Described[];
  /** Of `--only split` and `--only live`: there are no samples then. */
  split?: SplitCost;
  live?: Liveness;
}

export const groupsOf = ({ samples, absences, contenders }: Results): Group[] =>
  summarise(
    samples,
    absences,
    contenders.map(({ id }) => id),
  );

export const titlesOf = ({ contenders }: Results): Map<string, string> =>
  new Map(contenders.map(({ id, title }) => [id, title]));
