import { mustCall } from '../../control-plane/access.ts';
import { eventually, useCluster } from './cluster.ts';

const ACCESS_MODES = ['ReadOnlyMany'];
const SIZE = { storage: '1Gi' };

/**
 * Makes a bound PersistentVolumeClaim, empty: a pod with a `pvc://` model is not scheduled without it.
 * @param name as in the URI; that of the digits example by default
 */
export async function modelsClaim(namespace: string, name = 'models'): Promise<void> {
  const access = useCluster();
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  const volume = `${namespace}-${name}`;
  const both = { accessModes: ACCESS_MODES, storageClassName: '' };
  await mustCall(access, 'POST', '/api/v1/persistentvolumes', {
    metadata: { name: volume },
    spec: { ...both, capacity: SIZE, hostPath: { path: '/models' }, claimRef: { namespace, name } },
  });
  await mustCall(access, 'POST', claims, {
    metadata: { name },
    spec: { ...both, volumeName: volume, resources: { requests: SIZE } },
  });
  await eventually(`claim ${name} is bound`, async () => {
    const { status } = (await mustCall(access, 'GET', `${claims}/${name}`)) as { status: { phase?: string } };
    return status.phase === 'Bound';
  });
}
