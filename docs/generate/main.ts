/** Writes the pages of `docs/` that speak of several rooms of the house at once: errors and metrics. `--check` compares only. */
import { type Generated, generate } from '../../api/generate/generated.ts';
import { errorsPage } from './errors.ts';
import { metricsPage } from './metrics.ts';

export const generatedFiles = (): Generated => ({
  'docs/errors.md': errorsPage(),
  'docs/reference/metrics.md': metricsPage(),
});

if (import.meta.main) await generate(generatedFiles());
