/** ModelDeployments whose simulated pods report the digests that their specs state. */
import type { ModelDeploymentSpec, Version } from '../../../api/model-deployment.ts';
import { digestOf } from '../../faults/reports.ts';
import { type DigitsOverrides, digits, type ModelDeploymentManifest } from './manifests.ts';

/** A version with its share in percent. */
export function version(name: string, traffic: number, more: Partial<Version> = {}): Version {
  return { name, model: { uri: `pvc://models/digits/${name}.onnx`, sha256: digestOf(name) }, traffic, ...more };
}

/** The digits example with these versions. */
export function digitsOf(
  versions: ModelDeploymentSpec['versions'],
  spec: Partial<ModelDeploymentSpec> = {},
  more: Omit<DigitsOverrides, 'spec'> = {},
): ModelDeploymentManifest {
  return digits({ ...more, spec: { ...spec, versions } });
}
