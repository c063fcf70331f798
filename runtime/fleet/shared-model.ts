/** The model of a replica: fetched and verified once, for all of its processes. */
import type { Launch } from '../../api/launch.ts';
import type { Clock } from '../clock.ts';
import type { GivenModel } from '../load.ts';
import type { ModelFile } from '../models/model-file.ts';
import { fetchModel } from '../models/source.ts';

export interface SharedModelDeps {
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  warn(message: string): void;
}

export class SharedModel {
  readonly #launch: Pick<Launch, 'uri' | 'sha256'>;
  readonly #deps: SharedModelDeps;
  #fetched: Promise<ModelFile & GivenModel> | undefined;
  #digest: string | undefined;
  readonly #breakOff = new AbortController();

  constructor(launch: Pick<Launch, 'uri' | 'sha256'>, deps: SharedModelDeps) {
    this.#launch = launch;
    this.#deps = deps;
  }

  /** The file; once it was let go it is fetched again, and must be the one that it was. @throws LoadError */
  get(): Promise<GivenModel> {
    const fetching = this.#fetched ?? this.#fetch();
    this.#fetched = fetching;
    // What failed may go better the next time.
    fetching.catch(() => {
      if (this.#fetched === fetching) this.#fetched = undefined;
    });
    return fetching;
  }

  /** To be called when no process opens the file any more. */
  async letGo(): Promise<void> {
    const fetched = this.#fetched;
    this.#fetched = undefined;
    await fetched?.then(
      (file) => file.dispose(),
      // It was told to who waited for it.
      () => {},
    );
  }

  /** Nobody wants it any more, whether it is there or on its way. */
  async abandon(): Promise<void> {
    this.#breakOff.abort();
    await this.letGo();
  }

  async #fetch(): Promise<ModelFile & GivenModel> {
    const { uri, sha256 } = this.#launch;
    const { clock, random, warn } = this.#deps;
    const phases: Record<string, number> = {};
    const onPhase = (phase: string, ms: number) => {
      phases[phase] = ms;
    };
    const download = { clock, random, warn, signal: this.#breakOff.signal };
    const file = await fetchModel(uri, { sha256: this.#digest ?? sha256, download, onPhase });
    this.#digest = file.digest;
    return { ...file, phases };
  }
}
