/** Reads lists page by page, and finds one ModelDeployment by its name. */
import { API_VERSION, KIND } from '../../api/model-deployment.ts';
import { nearest } from '../../api/suggest.ts';
import type { KubeClient, ListOptions } from '../../operator/kube/client.ts';
import { KubeError } from '../../operator/kube/error.ts';
import type { Resource, StoredObject } from '../../operator/kube/object.ts';
import { MODEL_DEPLOYMENTS } from '../../operator/reconcile/resources.ts';
import { CliError, EXIT } from '../exit-codes.ts';
import { type ModelDeploymentObject, tidy } from './objects.ts';

/** Objects in a page: what kubectl asks for. */
const PAGE = 500;

export interface Keep<T> {
  /** What is kept of an object; undefined: nothing. */
  pick: (object: StoredObject) => T | undefined;
  /** Most that are kept, and in which order they count: the first ones stay. */
  most?: number;
  order?: (a: T, b: T) => number;
}

type Selection = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector'>;

/** All pages. A list that outlives its page token is read once more from the start. */
export async function listAll<T>(
  client: KubeClient,
  resource: Resource,
  selection: Selection,
  keep: Keep<T>,
): Promise<T[]> {
  try {
    return await readPages(client, resource, selection, keep);
  } catch (error) {
    if (!(error instanceof KubeError && error.code === 'Expired')) throw error;
    return readPages(client, resource, selection, keep);
  }
}

async function readPages<T>(
  client: KubeClient,
  resource: Resource,
  selection: Selection,
  { pick, most = Number.POSITIVE_INFINITY, order }: Keep<T>,
): Promise<T[]> {
  let kept: T[] = [];
  let next: string | undefined;
  do {
    const page = await client.list(resource, { ...selection, limit: PAGE, continue: next });
    for (const object of page.items) {
      // Lists of built-in kinds leave out of each item what it is.
      const picked = pick({ ...object, apiVersion: resource.apiVersion, kind: resource.kind });
      if (picked !== undefined) kept.push(picked);
    }
    if (kept.length > most) kept = (order ? kept.sort(order) : kept).slice(0, most);
    next = page.continue || undefined;
  } while (next);
  return order ? kept.sort(order) : kept;
}

/** Without a namespace: of all. */
export async function listModelDeployments(
  client: KubeClient,
  namespace: string | undefined,
  name?: string,
): Promise<ModelDeploymentObject[]> {
  const selection = { namespace, ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }) };
  try {
    const pick = (object: StoredObject) => tidy(object) as ModelDeploymentObject;
    return await listAll(client, MODEL_DEPLOYMENTS, selection, { pick });
  } catch (error) {
    if (error instanceof KubeError && error.code === 'NotFound') throw notInstalled();
    throw error;
  }
}

/** @throws CliError when there is none, with the names that may have been meant */
export async function findModelDeployment(
  client: KubeClient,
  namespace: string,
  name: string,
): Promise<ModelDeploymentObject> {
  const found = await client.get(MODEL_DEPLOYMENTS, { namespace, name });
  if (found) return tidy(found) as ModelDeploymentObject;
  if (!(await client.kinds(API_VERSION)).has(KIND)) throw notInstalled();
  throw await notFound(client, namespace, name);
}

function notInstalled(): CliError {
  return new CliError(
    "this cluster doesn't know ModelDeployments: install the chart of Modelship, or run `kubectl apply -f crds/`",
    EXIT.failed,
    'CrdMissing',
  );
}

async function notFound(client: KubeClient, namespace: string, name: string): Promise<CliError> {
  // To guess is a courtesy: who may not list is told no more than that it is not there.
  const places = (selection: Selection) =>
    client.list(MODEL_DEPLOYMENTS, { ...selection, limit: PAGE }).then(
      ({ items }) => items.map(({ metadata }) => metadata),
      () => undefined,
    );
  const fieldSelector = `metadata.name=${name}`;
  const [here, elsewhere] = await Promise.all([places({ namespace }), places({ fieldSelector })]);
  const guess = hint(
    name,
    here?.map((place) => place.name),
    elsewhere?.[0]?.namespace,
  );
  const message = `there is no ModelDeployment ${name} in the namespace ${namespace}${guess}`;
  return new CliError(message, EXIT.failed, 'NotFound');
}

/** How many names are said before the rest is counted. */
const NAMED = 5;

function hint(name: string, here: readonly string[] | undefined, elsewhere: string | undefined): string {
  if (elsewhere) return `; there is one in the namespace ${elsewhere}: add --namespace ${elsewhere}`;
  if (!here) return '';
  const meant = nearest(name, here);
  if (meant) return `; did you mean ${meant}?`;
  if (here.length === 0) return ', and no other; `modelship get -A` shows all';
  const more = here.length > NAMED ? `, and ${here.length - NAMED} more` : '';
  return `; there are ${here.slice(0, NAMED).join(', ')}${more}`;
}
