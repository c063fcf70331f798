/** ModelDeployments for tests, from files that users read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { ModelDeploymentSpec } from '../../../api/model-deployment.ts';

const DIGITS = join(import.meta.dirname, '../../../examples/digits/modeldeployment.yaml');

/** A ModelDeployment as it is sent. */
export interface ModelDeploymentManifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string>; labels?: Record<string, string> };
  spec: ModelDeploymentSpec;
}

export interface DigitsOverrides {
  name?: string;
  namespace?: string;
  annotations?: Record<string, string>;
  /** Field by field of `spec`: `{versions: […]}` replaces the list, `{rollout: …}` adds one. */
  spec?: Partial<ModelDeploymentSpec>;
}

/** The digits example as its file says it: v1 with 90 percent, v2 with 10, one replica each; changed where asked. */
export function digits({ name, spec, ...metadata }: DigitsOverrides = {}): ModelDeploymentManifest {
  const read = parse(readFileSync(DIGITS, 'utf8')) as ModelDeploymentManifest;
  return {
    ...read,
    metadata: { ...read.metadata, ...metadata, name: name ?? read.metadata.name },
    spec: { ...read.spec, ...spec },
  };
}
