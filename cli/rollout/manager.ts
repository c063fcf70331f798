/** Who wrote a ModelDeployment's spec, and whether that is a tool that would write it again. Pure. */
import type { StoredMetadata } from '../../operator/kube/object.ts';

interface ManagedFields {
  manager?: string;
  operation?: 'Apply' | 'Update';
  subresource?: string;
  fieldsV1?: Record<string, unknown>;
}

export interface SpecOwner {
  manager: string;
  /** `Apply`: server-side apply. `Update`: all other writes. */
  operation: 'Apply' | 'Update';
  /** Keys of labels and annotations that it holds. */
  labels: string[];
  annotations: string[];
}

const MANAGERS: readonly [RegExp, string][] = [
  [/^argocd/, 'Argo CD'],
  [/^(kustomize-controller|helm-controller|flux)/, 'Flux'],
];
const KEYS: readonly [RegExp, string][] = [
  [/^argocd\.argoproj\.io\//, 'Argo CD'],
  [/^(kustomize|helm)\.toolkit\.fluxcd\.io\//, 'Flux'],
];

/** The GitOps tool that manages the object; undefined where there is none to be seen. */
export function gitOpsTool(metadata: StoredMetadata): string | undefined {
  const managers = managedFields(metadata)
    .filter(ownsSpec)
    .map(({ manager = '' }) => manager);
  const keys = Object.keys({ ...metadata.labels, ...metadata.annotations });
  const find = (rules: typeof KEYS, texts: readonly string[]) =>
    rules.find(([pattern]) => texts.some((text) => pattern.test(text)))?.[1];
  return find(MANAGERS, managers) ?? find(KEYS, keys);
}

/** The manager that holds most of the spec; undefined where nobody does. */
export function specOwner(metadata: StoredMetadata): SpecOwner | undefined {
  const owners = managedFields(metadata)
    .filter(ownsSpec)
    .map((entry) => ({ entry, size: JSON.stringify(entry.fieldsV1?.['f:spec']).length }))
    .sort((a, b) => b.size - a.size);
  const entry = owners[0]?.entry;
  if (!entry?.manager) return undefined;
  const own = (entry.fieldsV1?.['f:metadata'] ?? {}) as Record<string, object | undefined>;
  return {
    manager: entry.manager,
    operation: entry.operation ?? 'Update',
    labels: fieldsOf(own['f:labels']),
    annotations: fieldsOf(own['f:annotations']),
  };
}

function managedFields({ managedFields: fields }: StoredMetadata): ManagedFields[] {
  return Array.isArray(fields) ? (fields as ManagedFields[]) : [];
}

function ownsSpec({ subresource, fieldsV1 }: ManagedFields): boolean {
  return !subresource && fieldsV1?.['f:spec'] !== undefined;
}

function fieldsOf(fields: object | undefined): string[] {
  return Object.keys(fields ?? {})
    .filter((key) => key.startsWith('f:'))
    .map((key) => key.slice(2));
}
