/** ResourceQuotas that hold when they are there. */
import { type Access, call, mustCall } from '../../control-plane/access.ts';
import { eventually } from './eventually.ts';

/** Of these there are to be none, by which it is seen that the quota holds; nobody makes any. */
const PROBE = 'count/podtemplates';

/**
 * Makes a ResourceQuota, and waits until the API server refuses by it: admission looks into a cache of its own, and what
 * is made before that has heard of the quota is let in. One of a namespace at a time.
 */
export async function quota(
  access: Access,
  namespace: string,
  name: string,
  hard: Record<string, string>,
): Promise<void> {
  const place = `/api/v1/namespaces/${namespace}`;
  const spec = { hard: { ...hard, [PROBE]: '0' } };
  await mustCall(access, 'POST', `${place}/resourcequotas`, { metadata: { name }, spec });
  const template = { metadata: { name: 'probe' }, template: { spec: { containers: [{ name: 'p', image: 'p' }] } } };
  await eventually(`the quota ${name} holds`, async () => {
    const { text } = await call(access, 'POST', `${place}/podtemplates?dryRun=All`, template);
    if (!text.includes(`exceeded quota: ${name},`)) throw new Error(text);
    return true;
  });
}
