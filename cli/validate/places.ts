/** Where the fields of ModelDeployments stand in their files. */
import { KIND } from '../../api/model-deployment.ts';
import { pathText } from '../../api/problems.ts';
import { readYaml } from '../../api/yaml-source.ts';
import type { NamedText } from '../files.ts';

export interface Place {
  file: string;
  line: number;
  column: number;
  /** The field, such as `spec.versions[0].model`; empty for a file as a whole. */
  path: string;
}

export type PlaceOf = (path: readonly PropertyKey[]) => Place;

/** @returns by `NAMESPACE/NAME`, without a namespace `/NAME` */
export function placesIn({ name: file, text }: NamedText): Map<string, PlaceOf> {
  const places = new Map<string, PlaceOf>();
  for (const document of readYaml(text)) {
    for (const { value, prefix } of objectsOf(document.value)) {
      const { kind, metadata } = fieldsOf(value);
      const { name, namespace } = fieldsOf(metadata);
      if (kind !== KIND || typeof name !== 'string') continue;
      places.set(keyOf({ name, ...(typeof namespace === 'string' && { namespace }) }), (path) => {
        const whole = [...prefix, ...path];
        return { file, ...document.positionOf(whole), path: pathText(whole) };
      });
    }
  }
  return places;
}

export function keyOf({ name, namespace = '' }: { name: string; namespace?: string | undefined }): string {
  return `${namespace}/${name}`;
}

function objectsOf(value: unknown): { value: unknown; prefix: PropertyKey[] }[] {
  const { items } = fieldsOf(value);
  if (!Array.isArray(items)) return [{ value, prefix: [] }];
  return items.map((item: unknown, at) => ({ value: item, prefix: ['items', at] }));
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
