/**
 * The versions that are there, as Triton's model repository extension lists them
 * (https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md). Pure.
 */
import type { TrafficTable } from '../../api/traffic-table.ts';
import { RequestError } from '../errors.ts';
import type { OwnVersion } from '../own-version.ts';
import { quoted } from './signature.ts';

export type RepositoryState = 'READY' | 'LOADING' | 'UNAVAILABLE' | 'UNKNOWN';

export interface RepositoryEntry {
  name: string;
  version: string;
  state: RepositoryState;
  /** Why it is not READY; empty where it is. */
  reason: string;
}

export interface RepositoryParts {
  own: Pick<OwnVersion, 'model' | 'version' | 'ready' | 'state' | 'failure' | 'refusal'>;
  split: { versions(): string[]; table(): TrafficTable | undefined };
}

/**
 * Every version, with what this process knows of it. Of other versions that is what the traffic table says: one with a
 * share is READY, since it gets none before it is; one without an address is UNAVAILABLE; of the rest nothing is known.
 * @param onlyReady leaves out all that are not READY
 */
export function repositoryIndex({ own, split }: RepositoryParts, onlyReady: boolean): RepositoryEntry[] {
  const table = split.table();
  const entries = split.versions().map((version) => ({
    name: own.model,
    version,
    ...(version === own.version ? ownState(own) : stateInTable(version, table)),
  }));
  return onlyReady ? entries.filter(({ state }) => state === 'READY') : entries;
}

type Standing = Pick<RepositoryEntry, 'state' | 'reason'>;

function ownState({ ready, state, failure, refusal }: RepositoryParts['own']): Standing {
  if (ready) return { state: 'READY', reason: '' };
  if (failure) return { state: 'UNAVAILABLE', reason: `${failure.code}: ${failure.message}` };
  if (refusal) return { state: 'UNAVAILABLE', reason: `${refusal.code}: ${refusal.message}` };
  if (state === 'Loaded') return { state: 'UNAVAILABLE', reason: 'it is shutting down' };
  return { state: 'LOADING', reason: `its model is ${state}` };
}

function stateInTable(name: string, table: TrafficTable | undefined): Standing {
  const version = table?.versions.find((entry) => entry.name === name);
  if (version?.address === undefined) return { state: 'UNAVAILABLE', reason: 'it has no address in the traffic table' };
  if (version.share > 0) return { state: 'READY', reason: '' };
  return { state: 'UNKNOWN', reason: 'it has no share of the traffic; ask for its readiness by its name' };
}

/** The refusal of a load or an unload. */
export function repositoryReadOnly(action: 'load' | 'unload', model: string): RequestError {
  const message = `models are not ${action}ed by request: add, change or remove the version in the ModelDeployment`;
  return new RequestError('REPOSITORY_READ_ONLY', `${message} that serves ${quoted(model)}`);
}
