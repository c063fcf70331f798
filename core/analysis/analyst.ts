/** Gathers the evidence of the window that is open and judges it. In memory only: after a restart a window begins anew. */
import type { EffectiveRollout } from '../../api/effective.ts';
import type { OpenWindow } from '../rollout/model.ts';
import type { EvidenceSample, Verdicts } from './model.ts';

export type EffectiveAnalysis = NonNullable<EffectiveRollout['analysis']>;

export class Analyst {
  /** The window that evidence is gathered for from now on. Another one than before forgets what was gathered. */
  open(_window: OpenWindow | undefined, _analysis: EffectiveAnalysis | undefined): void {}

  /** Evidence from before the window, and of its warm-up, counts for nothing. */
  add(_sample: EvidenceSample): void {}

  /** The verdicts of the last look; a new look where `interval` has passed since. @param now ms since 1970 */
  look(_now: number): Verdicts | undefined {
    return undefined;
  }
}
