/** What a request to an API server is about, read from its method, URL and content type. */

export type Verb =
  | 'get'
  | 'list'
  | 'watch'
  | 'create'
  | 'update'
  | 'apply'
  | 'patch'
  | 'delete'
  | 'deletecollection'
  | 'discover';

export interface ApiRequest {
  /** From 1, in the order of arrival. */
  number: number;
  verb: Verb;
  /** Plural, with its subresource: `deployments`, `modeldeployments/status`. Empty for discovery. */
  resource: string;
  namespace: string | undefined;
  name: string | undefined;
  /** Whether it may change what is stored. */
  write: boolean;
  /** Path and query, as sent. */
  url: string;
}

const WRITES: Record<string, Verb> = { POST: 'create', PUT: 'update', DELETE: 'delete' };

/** @param contentType of the body; tells server-side apply from other patches */
export function describeRequest(number: number, method: string, url: string, contentType = ''): ApiRequest {
  const { pathname, searchParams } = new URL(url, 'http://api');
  const place = placeOf(pathname);
  const write = method !== 'GET' && method !== 'HEAD' && !searchParams.has('dryRun');
  return { number, verb: verbOf(method, place, searchParams, contentType), ...place, write, url };
}

type Place = Pick<ApiRequest, 'resource' | 'namespace' | 'name'>;

/** `/api/VERSION/…` or `/apis/GROUP/VERSION/…`, then `[namespaces/NAMESPACE/]PLURAL[/NAME[/SUBRESOURCE]]`. */
function placeOf(pathname: string): Place {
  const parts = pathname.split('/').filter((part) => part !== '');
  const rest = parts.slice(parts[0] === 'apis' ? 3 : 2).map(decodeURIComponent);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2;
  const namespace = inNamespace ? rest[1] : undefined;
  const [plural = '', name, subresource] = inNamespace ? rest.slice(2) : rest;
  return { resource: subresource === undefined ? plural : `${plural}/${subresource}`, namespace, name };
}

function verbOf(method: string, { resource, name }: Place, query: URLSearchParams, contentType: string): Verb {
  if (method === 'PATCH') return contentType.includes('apply-patch') ? 'apply' : 'patch';
  if (method === 'DELETE' && name === undefined) return 'deletecollection';
  const write = WRITES[method];
  if (write) return write;
  if (resource === '') return 'discover';
  if (['1', 'true'].includes(query.get('watch') ?? '')) return 'watch';
  return name === undefined ? 'list' : 'get';
}
