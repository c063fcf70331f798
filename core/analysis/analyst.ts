/** Gathers the evidence of the window that is open and judges it. In memory only: after a restart a window begins anew. */
import type { OpenWindow } from '../rollout/model.ts';
import type { EvidenceSample, Verdicts } from './model.ts';
import { AnalysisWindow, type EffectiveAnalysis } from './window.ts';

export type { EffectiveAnalysis } from './window.ts';

export class Analyst {
  #window: AnalysisWindow | undefined;
  /** What the window was opened with. */
  #opened = '';
  /** When the last sample was taken, whether or not a window was open. */
  #sampledAt = Number.NEGATIVE_INFINITY;

  /** The window that evidence is gathered for from now on. Another one than before forgets what was gathered. */
  open(window: OpenWindow | undefined, analysis: EffectiveAnalysis | undefined): void {
    if (!window || !analysis || window.canaries.length === 0) {
      this.#window = undefined;
      this.#opened = '';
      return;
    }
    const { id, step, window: index, since, stable, canaries } = window;
    const opened = JSON.stringify([id, step, index, since, stable, canaries, analysis]);
    if (opened === this.#opened) return;
    this.#opened = opened;
    this.#window = new AnalysisWindow(window, analysis);
  }

  /**
   * Evidence from before the window, and of its warm-up, counts for nothing: of `since` and the interval, 5 s at most,
   * after it. A sample counts where the sample before was taken after that, and all of it was counted after that. One that is
   * not newer than the one before is left out; the next one counts from there, in case the clock was set back.
   */
  add(sample: EvidenceSample): void {
    const began = Math.min(this.#sampledAt, sample.since ?? Number.POSITIVE_INFINITY);
    if (sample.at > this.#sampledAt) this.#window?.add(sample, began);
    this.#sampledAt = sample.at;
  }

  /** The verdicts of the last look; a new look where `interval` has passed since. @param now ms since 1970 */
  look(now: number): Verdicts | undefined {
    return this.#window?.look(now);
  }
}
