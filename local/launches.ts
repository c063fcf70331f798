/** How the versions of one ModelDeployment are started: those that its file lists, and those that only the state folder knows. */
import type { Launch } from '../api/launch.ts';
import type { ModelDeployment } from '../api/model-deployment.ts';
import { reusedVersions } from '../core/reuse.ts';
import { type LaunchSettings, launchesOf } from './accept.ts';
import { LocalError } from './errors.ts';
import { type DeploymentState, keptVersions } from './state.ts';

export class Launches {
  readonly #settings: LaunchSettings;
  readonly #state: DeploymentState;
  #model = '';
  #known: ReadonlyMap<string, Launch> = new Map();

  constructor(settings: Omit<LaunchSettings, 'table'>, state: DeploymentState) {
    this.#settings = { ...settings, table: state.tableFile };
    this.#state = state;
  }

  /**
   * Takes a document, or leaves everything as it is.
   * @throws LocalError when a model cannot be placed, or VERSION_REUSED
   */
  accept(document: ModelDeployment): void {
    const { name } = document.metadata;
    const { accepted, heldByRollout } = this.#state;
    const reused = reusedVersions(accepted, document.spec.versions);
    if (reused.length > 0) {
      throw new LocalError('VERSION_REUSED', reused.map(({ message }) => `${name}: ${message}`).join('\n'));
    }
    const listed = keptVersions(document);
    const held = accepted.filter(
      (version) => heldByRollout.includes(version.name) && !listed.some((each) => each.name === version.name),
    );
    this.#known = launchesOf(name, [...listed, ...held], this.#settings);
    this.#model = name;
  }

  get known(): ReadonlyMap<string, Launch> {
    return this.#known;
  }

  /** A version may be wanted again though the file has dropped it: a rollout goes back. */
  of(name: string): Launch | undefined {
    const kept = () => this.#state.accepted.filter((version) => version.name === name);
    return this.#known.get(name) ?? launchesOf(this.#model, kept(), this.#settings).get(name);
  }
}
