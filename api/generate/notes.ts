/** Reads what the schemas of `api/` say for generators: description, unit, default. */
import { z } from 'zod';
import { modelDeployment } from '../model-deployment.ts';

/** JSON Schema as zod writes it, with our `x-` notes and Kubernetes' own. */
export interface SchemaNode {
  type?: string;
  description?: string;
  properties?: Record<string, SchemaNode>;
  required?: string[];
  items?: SchemaNode;
  additionalProperties?: boolean | SchemaNode;
  anyOf?: SchemaNode[];
  enum?: unknown[];
  'x-kubernetes-validations'?: { rule: string; message: string; messageExpression?: string }[];
  'x-unit'?: string;
  'x-default'?: unknown;
  'x-absent'?: string;
  'x-format'?: string;
  'x-range'?: string;
  [keyword: string]: unknown;
}

/** Our own notes: no tool but ours knows them. */
export const NOTES = ['x-unit', 'x-default', 'x-absent', 'x-format', 'x-range'] as const;

export function modelDeploymentSchema(target: 'openapi-3.0' | 'draft-7'): SchemaNode {
  return z.toJSONSchema(modelDeployment, { target, io: 'input' }) as SchemaNode;
}

/** A value as it stands in YAML on one line. */
export function inline(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Description with default and unit in words, for places that have no columns for them. */
export function describe(node: SchemaNode): string {
  const sentences = [node.description ?? ''];
  if (node['x-default'] !== undefined) sentences.push(`Default: ${inline(node['x-default'])}.`);
  if (node['x-absent'] !== undefined) sentences.push(`When left out: ${node['x-absent']}.`);
  if (node['x-unit'] !== undefined) sentences.push(`Unit: ${node['x-unit']}.`);
  if (node['x-range'] !== undefined) sentences.push(`A ${node['x-format']}, ${node['x-range']}.`);
  return sentences.filter(Boolean).join(' ');
}

/** What a type the reader knows by its written form is like. */
export const FORMATS: Record<string, string> = {
  duration: 'a number with a unit, or several: `250ms`, `30s`, `5m`, `1h30m`',
  quantity: 'a Kubernetes quantity: `1`, `500m`, `128Mi`, `40Gi`',
  size: 'a Kubernetes quantity of at least one byte: `512Ki`, `16Mi`, `1.5Gi`',
};
