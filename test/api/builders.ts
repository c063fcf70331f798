/** Manifests for tests: a right one, and ways to change it. */

export type Fields = Record<string, unknown>;

export const version = (name: string, more: Fields = {}): Fields => ({
  name,
  model: { uri: `s3://models/${name}/model.onnx` },
  ...more,
});

/** A manifest as a user would write it; `spec` replaces what is there field by field. */
export const manifest = (spec: Fields = {}, name = 'digits'): Fields => ({
  apiVersion: 'modelship.dev/v1alpha1',
  kind: 'ModelDeployment',
  metadata: { name },
  spec: { versions: [version('v1')], ...spec },
});

export const withVersions = (...versions: Fields[]): Fields => manifest({ versions });

/** One version whose model has these fields. */
export const withModel = (model: Fields): Fields => withVersions({ name: 'v1', model });

export const withServing = (serving: Fields): Fields => manifest({ serving });

export const withGpu = (gpu: Fields): Fields => withServing({ gpu });

export const withMetric = (metric: Fields): Fields =>
  withServing({ autoscaling: { min: 1, max: 2, metrics: [metric] } });

export const withPod = (pod: Fields): Fields => withServing({ pod });

export const withSteps = (...steps: Fields[]): Fields => manifest({ rollout: { steps } });

/** A rollout with an analysis; one check that is right unless given. */
export const withAnalysis = (analysis: Fields): Fields =>
  manifest({
    rollout: { steps: [{ traffic: 10 }], analysis: { checks: [{ metric: 'error-rate', max: 0.01 }], ...analysis } },
  });

export const withCheck = (check: Fields, analysis: Fields = {}): Fields =>
  withAnalysis({ ...analysis, checks: [check] });
