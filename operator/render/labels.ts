/** Labels of what belongs to a ModelDeployment. Selectors stand on those under `modelship.dev/` alone. */

export const MODEL_LABEL = 'modelship.dev/model';
export const VERSION_LABEL = 'modelship.dev/version';

/** Annotations of a Deployment and its pods, for people and for tools that list what serves where. */
export const MODEL_URI_ANNOTATION = 'modelship.dev/model-uri';
export const MODEL_SHA256_ANNOTATION = 'modelship.dev/model-sha256';

/** Selects every pod of a model, or of one version of it. */
export function selector(model: string, version?: string): Record<string, string> {
  return { [MODEL_LABEL]: model, ...(version === undefined ? {} : { [VERSION_LABEL]: version }) };
}

/**
 * Labels of an object of a model, or of one version of it. `app.kubernetes.io/instance` is missing on purpose: Argo CD
 * tracks the objects of its applications by it, and would take ours for its own.
 */
export function labels(model: string, version?: string): Record<string, string> {
  return {
    'app.kubernetes.io/name': model,
    'app.kubernetes.io/component': 'model-server',
    'app.kubernetes.io/managed-by': 'modelship',
    ...(version === undefined ? {} : { 'app.kubernetes.io/version': version }),
    ...selector(model, version),
  };
}
