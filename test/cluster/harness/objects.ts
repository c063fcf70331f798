/** Objects put to the API server itself, past any client of ours: it is the judge. */
import { parse } from 'yaml';
import { type Access, type Answer, call } from '../../control-plane/access.ts';

/** As much of an object as its address takes. */
export interface Located {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string | undefined };
}

export interface ApplyOptions {
  /** Field manager. */
  manager: string;
  /** Of an object that names none. */
  namespace: string;
  dryRun?: boolean;
}

/**
 * Server-side apply, with unknown fields refused.
 * @param object as an object, or as the text of a YAML document, which the API server then reads by itself
 */
export async function apply(access: Access, object: Located | string, options: ApplyOptions): Promise<Answer> {
  const located = typeof object === 'string' ? (parse(object) as Located) : object;
  const dryRun = options.dryRun ? '&dryRun=All' : '';
  const query = `fieldManager=${options.manager}&fieldValidation=Strict${dryRun}`;
  const path = await pathOf(access, located, options.namespace);
  return call(access, 'PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
}

/** Like apply(), for an object that must be taken. @returns the object as it is stored */
export async function mustApply<T>(access: Access, object: Located, options: ApplyOptions): Promise<T> {
  const { status, text } = await apply(access, object, options);
  if (status > 299) throw new Error(`apply ${object.kind} ${object.metadata.name}: ${status} ${text}`);
  return JSON.parse(text) as T;
}

interface ServedKind {
  kind: string;
  name: string;
  namespaced: boolean;
}

const groupPath = (apiVersion: string): string => (apiVersion.includes('/') ? `/apis/${apiVersion}` : '/api/v1');

/** What the API server serves of a `group/version`; empty where it does not know it. */
export async function servedKinds(access: Access, apiVersion: string): Promise<ServedKind[]> {
  const { status, text } = await call(access, 'GET', groupPath(apiVersion));
  if (status === 404) return [];
  if (status !== 200) throw new Error(`discovery of ${apiVersion}: ${status} ${text}`);
  // A name with a slash is a subresource.
  return (JSON.parse(text) as { resources: ServedKind[] }).resources.filter(({ name }) => !name.includes('/'));
}

async function pathOf(access: Access, object: Located, namespace: string): Promise<string> {
  const { apiVersion, kind, metadata } = object;
  const served = (await servedKinds(access, apiVersion)).find((one) => one.kind === kind);
  if (!served) throw new Error(`the API server serves no ${kind} of ${apiVersion}`);
  const place = served.namespaced ? `/namespaces/${metadata.namespace ?? namespace}` : '';
  return `${groupPath(apiVersion)}${place}/${served.name}/${metadata.name}`;
}
