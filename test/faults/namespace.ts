/** A namespace for one history. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, pathOf } from './api.ts';

const POLL_MS = 50;
const LIMIT_MS = 30_000;

/** Returns when pods can be created in it. */
export async function makeNamespace(api: Api, name: string): Promise<void> {
  await api.must('POST', '/api/v1/namespaces', { metadata: { name } });
  const deadline = performance.now() + LIMIT_MS;
  while (!(await api.get(pathOf('serviceaccounts', name, 'default')))) {
    if (performance.now() > deadline) throw new Error(`namespace ${name} got no ServiceAccount in ${LIMIT_MS} ms`);
    await sleep(POLL_MS);
  }
}

/**
 * Begins to delete what costs others something: pods, and what looks after them. The rest stays until the control plane
 * goes, since deleting a namespace asks for every kind that there is.
 */
export async function emptyNamespace(api: Api, name: string): Promise<void> {
  for (const kind of ['horizontalpodautoscalers', 'deployments']) await api.request('DELETE', pathOf(kind, name));
}
