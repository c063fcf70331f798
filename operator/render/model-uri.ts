/** Where a pod finds a model: a `pvc://` URI becomes a mounted volume and a path, other remote URIs stay as they are. */
import { posix } from 'node:path';
import { type PlannedVersion, pathOf, type RenderProblem } from './input.ts';
import { hash8 } from './names.ts';

/** Claims are mounted below this folder, each by its name. */
export const CLAIMS_FOLDER = '/mnt/claims';

export interface ModelLocation {
  /** For the runtime's command line: a URI, or an absolute path in the pod. */
  uri: string;
  /** Name of the PersistentVolumeClaim that holds it. */
  claim?: string;
}

export function locate(version: PlannedVersion): ModelLocation | RenderProblem {
  const { uri } = version.model;
  const path = pathOf(version.name, 'model.uri');
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(uri) || uri.startsWith('file://')) {
    return {
      severity: 'error',
      reason: 'LocalModel',
      message:
        `${version.name}: '${uri}' is a file of a laptop, which no pod can read: put it where the cluster can ` +
        'reach it, and name it by pvc://CLAIM/PATH, s3://BUCKET/KEY or https://HOST/PATH',
      path,
    };
  }
  if (!uri.startsWith('pvc://')) return { uri };
  const [, claim = '', inside = ''] = /^pvc:\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  const root = posix.join(CLAIMS_FOLDER, claim);
  const file = posix.join(root, inside);
  if (claim === '' || claim === '.' || claim === '..' || !file.startsWith(`${root}/`)) {
    return {
      severity: 'error',
      reason: 'InvalidModelUri',
      message: `${version.name}: '${uri}' does not name a file inside a volume claim: expected pvc://CLAIM/PATH`,
      path,
    };
  }
  return { uri: file, claim };
}

/** The volume of a claim. It is called by a hash: a claim's name may be longer than a volume's, and hold dots. */
export function claimVolume(claim: string): object {
  // Read-only by its mount, not here: `readOnly` of the source makes some drivers attach it read-only, which fails
  // while another pod of the node has it attached for writing.
  return { name: volumeName(claim), persistentVolumeClaim: { claimName: claim } };
}

export function claimMount(claim: string): object {
  return { name: volumeName(claim), mountPath: posix.join(CLAIMS_FOLDER, claim), readOnly: true };
}

function volumeName(claim: string): string {
  return `modelship-claim-${hash8(claim)}`;
}

/** The URI without what may be secret in it: user, password and query (a signed URL carries its key there). */
export function publicUri(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/, '$1');
}
