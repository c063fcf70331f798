/** The JSON Schema that editors complete and check a manifest with. */
import { KIND } from '../model-deployment.ts';
import { describe, modelDeploymentSchema, type SchemaNode } from './notes.ts';

/** Draft 7: the newest that the YAML language server of editors speaks in full. */
export function editorSchema(): SchemaNode {
  const { $schema, ...root } = modelDeploymentSchema('draft-7');
  const schema = forEditors(root);
  // Users do not write it, but a manifest read back from a cluster has it.
  if (schema.properties?.status) schema.properties.status = { type: 'object', description: 'Written by the operator.' };
  return { $schema, title: KIND, ...schema };
}

function forEditors(node: SchemaNode): SchemaNode {
  const kept = Object.entries(node).filter(
    ([keyword, value]) => !keyword.startsWith('x-') && Math.abs(Number(value)) !== Number.MAX_SAFE_INTEGER,
  );
  const out: SchemaNode = Object.fromEntries(kept.map(([keyword, value]) => [keyword, inside(keyword, value)]));
  const rules = (node['x-kubernetes-validations'] ?? []).map(({ message }) => `Rule: ${message}.`);
  const description = [describe(node), ...rules].filter(Boolean).join('\n');
  if (description) out.description = description;
  if (node['x-default'] !== undefined) out.default = node['x-default'];
  return out;
}

function inside(keyword: string, value: unknown): unknown {
  if (keyword === 'properties') {
    const entries = Object.entries(value as Record<string, SchemaNode>);
    return Object.fromEntries(entries.map(([name, node]) => [name, forEditors(node)]));
  }
  if (keyword === 'anyOf') return (value as SchemaNode[]).map(forEditors);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return forEditors(value as SchemaNode);
  return value;
}

export function editorSchemaText(): string {
  return `${JSON.stringify(editorSchema(), null, 2)}\n`;
}
