/** The file that the demo edits, as a person would. */
import { stringify } from 'yaml';
import type { Rollout } from '../../api/rollout.ts';

/** Short, so that all of it can be watched: a real one holds for minutes. */
const ROLLOUT: Rollout = {
  steps: [
    { traffic: 5, hold: '2s' },
    { traffic: 25, hold: '2s' },
    { traffic: 50, hold: '2s' },
  ],
  analysis: {
    interval: '1s',
    minSamples: 60,
    deadline: '60s',
    mirror: 50,
    checks: [
      { metric: 'error-rate', max: 0.05 },
      { metric: 'latency-p95', max: 0.25 },
      { metric: 'disagreement', max: 0.12 },
    ],
  },
};

/** A ModelDeployment that serves one version of digits, and walks to it from the one that was served before. */
export function manifestOf(version: string): string {
  return stringify({
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name: 'digits' },
    spec: {
      versions: [{ name: version, model: { uri: `pvc://models/digits/models/${version.slice(1)}/model.onnx` } }],
      rollout: ROLLOUT,
      retireAfter: '1s',
    },
  });
}
