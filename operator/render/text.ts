/** Rendered objects as text that kubectl reads. */
import { stringify } from 'yaml';
import type { Scale } from './deployment.ts';
import { canonical, type KubeObject } from './objects.ts';

/**
 * Documents of one file. kubectl and its kin read YAML 1.1 with a little of 1.2: what either takes for a number or a
 * boolean (`on`, `1_0`, `0o7`) is quoted where it is text.
 */
export function asYaml(objects: readonly KubeObject[]): string {
  const options = { version: '1.1', compat: 'core', lineWidth: 0, aliasDuplicateObjects: false } as const;
  return objects.map((object) => stringify(object, options)).join('---\n');
}

/** One `List`, which kubectl applies like a file of documents. */
export function asJson(objects: readonly KubeObject[]): string {
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }, null, 2)}\n`;
}

/** Deployments with their sizes in them, for reading: in a cluster two field managers apply the two parts. */
export function withScales(objects: readonly KubeObject[], scales: readonly Scale[]): KubeObject[] {
  const sizes = new Map(scales.map(({ object }) => [object.metadata.name, object.spec as object]));
  return objects.map((object) => {
    const size = object.kind === 'Deployment' ? sizes.get(object.metadata.name) : undefined;
    return size ? canonical({ ...object, spec: { ...(object.spec as object), ...size } }) : object;
  });
}
