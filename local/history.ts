/** The accepted changes of a ModelDeployment on a laptop, newest first: what ControllerRevisions are in a cluster. */
import type { ModelDeploymentSpec } from '../api/model-deployment.ts';
import { sameJson } from '../core/equal.ts';
import { readJson, writeJson } from './json-file.ts';

/** File of the state folder of a ModelDeployment. */
export const HISTORY_FILE = 'history.json';

/** Changes that are kept, as the operator keeps ControllerRevisions. */
const KEPT = 10;

export interface AcceptedSpec {
  /** Grows with every change. */
  revision: number;
  /** RFC 3339. */
  acceptedAt: string;
  spec: ModelDeploymentSpec;
}

export class SpecHistory {
  readonly #file: string;
  readonly #now: () => number;
  #kept: AcceptedSpec[];

  /** @param now ms since 1970 */
  constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
    this.#kept = readHistory(file);
  }

  /** Written when it is not the newest. A disk that is full must not end what is served: then it is kept in memory. */
  accepted(spec: ModelDeploymentSpec): void {
    const [newest] = this.#kept;
    if (newest && sameJson(newest.spec, spec)) return;
    const acceptedAt = new Date(this.#now()).toISOString();
    const next = { revision: (newest?.revision ?? 0) + 1, acceptedAt, spec };
    this.#kept = [next, ...this.#kept].slice(0, KEPT);
    try {
      writeJson(this.#file, this.#kept);
    } catch {
      // The next change may fit.
    }
  }
}

/** Newest first; empty where there is none or where it is not what was written there: nothing that is served needs it. */
export function readHistory(file: string): AcceptedSpec[] {
  try {
    const read = readJson(file);
    return Array.isArray(read) ? (read as AcceptedSpec[]).filter((each) => Array.isArray(each?.spec?.versions)) : [];
  } catch {
    return [];
  }
}
