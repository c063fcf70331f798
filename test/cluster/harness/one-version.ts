/** Models of one version, and what is asked of their status. */
import type { Serving } from '../../../api/serving.ts';
import type { Status } from '../../../api/status.ts';
import { digits, type ModelDeploymentManifest } from './manifests.ts';
import { conditionOf, type World } from './operator.ts';

/** v1 alone, a model of the web: a pod of it needs no volume. */
export function one(
  name: string,
  serving: Serving = {},
  model: { sha256?: string; uri?: string } = {},
): ModelDeploymentManifest {
  const uri = `https://models.example.com/${name}.onnx`;
  return digits({ name, spec: { versions: [{ name: 'v1', model: { uri, ...model } }], serving } });
}

/** Of v1. */
export function failureOf(status: Status) {
  return status.versions?.find(({ name }) => name === 'v1')?.failure;
}

export function untilStuck(world: World, name: string): Promise<Status> {
  return world.until(`${name} is stuck`, (status) => conditionOf(status, 'Stalled')?.status === 'True', { name });
}
