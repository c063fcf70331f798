/** Where an API server serves what. */
import { KubeError } from './error.ts';
import { keyText, type ObjectKey, type Resource } from './object.ts';

/** What goes behind the `?`; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** `/api/v1`, `/apis/GROUP/VERSION`. */
export function apiPath(apiVersion: string): string {
  const parts = apiVersion.split('/').map(encodeURIComponent);
  return `/${parts.length === 1 ? 'api' : 'apis'}/${parts.join('/')}`;
}

/** All objects of a kind, in one namespace or in all. */
export function collectionPath({ apiVersion, plural, namespaced }: Resource, namespace?: string | undefined): string {
  const place = namespaced && namespace ? `/namespaces/${segment(namespace)}` : '';
  return `${apiPath(apiVersion)}${place}/${plural}`;
}

/** Where objects are made. @param what for the message @throws KubeError Invalid when the namespace is missing */
export function creationPath(what: string, resource: Resource, namespace: string | undefined): string {
  if (resource.namespaced && !namespace) throw new KubeError('Invalid', `${what}: it has no namespace; name one`);
  return collectionPath(resource, namespace);
}

/** @throws KubeError Invalid without a name: the address would be that of all objects, also for a delete */
export function objectPath(what: string, resource: Resource, { namespace, name }: ObjectKey): string {
  if (!name || name === '.' || name === '..') {
    throw new KubeError('Invalid', `${what}: "${name ?? ''}" cannot be the name of an object`);
  }
  return `${creationPath(what, resource, namespace)}/${segment(name)}`;
}

export function withQuery(path: string, query: Query): string {
  const parts: string[] = [];
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parts.push(`${name}=${encodeURIComponent(value)}`);
  }
  return parts.length === 0 ? path : `${path}?${parts.join('&')}`;
}

/** What an error is about: `get Deployment models/digits`. */
export function subject(verb: string, { kind }: Resource, key?: Partial<ObjectKey>): string {
  if (key?.name !== undefined) return `${verb} ${kind} ${keyText({ namespace: key.namespace, name: key.name })}`;
  return key?.namespace ? `${verb} ${kind} in ${key.namespace}` : `${verb} ${kind}`;
}

function segment(text: string): string {
  return encodeURIComponent(text);
}
