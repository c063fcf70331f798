/**
 * Where a pod finds a model and its golden requests: a `pvc://` or `configmap://` URI becomes a mounted volume and a path,
 * other remote URIs stay as they are.
 */
import { posix } from 'node:path';
import { type PlannedVersion, pathOf, type RenderProblem } from './input.ts';
import { hash8 } from './names.ts';

/** Claims and ConfigMaps are mounted below these folders, each by its name. */
export const CLAIMS_FOLDER = '/mnt/claims';
export const CONFIG_MAPS_FOLDER = '/mnt/configmaps';

export interface FileLocation {
  /** For the runtime's command line: a URI, or an absolute path in the pod. */
  uri: string;
  /** Name of the PersistentVolumeClaim that holds it. */
  claim?: string;
  /** Name of the ConfigMap that holds it. */
  configMap?: string;
}

export interface ModelLocation extends FileLocation {
  /** Of the version's golden requests. */
  golden?: FileLocation;
}

export function locate({ name, model, golden }: PlannedVersion): ModelLocation | RenderProblem {
  const place = locateFile(model.uri, name, 'model.uri');
  if (!golden || 'severity' in place) return place;
  const other = locateFile(golden.uri, name, 'golden.uri');
  return 'severity' in other ? other : { ...place, golden: other };
}

function locateFile(uri: string, version: string, field: string): FileLocation | RenderProblem {
  const path = pathOf(version, field);
  if (!/^[a-z][a-z0-9+.-]*:\/\//.test(uri) || uri.startsWith('file://')) {
    return {
      severity: 'error',
      reason: 'LocalModel',
      message:
        `${version}: '${uri}' is a file of a laptop, which no pod can read: put it where the cluster can ` +
        'reach it, and name it by pvc://CLAIM/PATH or https://HOST/PATH',
      path,
    };
  }
  const [, scheme, holder = '', inside = ''] = /^(pvc|configmap):\/\/([^/]+)\/(.+)$/.exec(uri) ?? [];
  if (!/^(pvc|configmap):/.test(uri)) return { uri };
  const root = posix.join(scheme === 'pvc' ? CLAIMS_FOLDER : CONFIG_MAPS_FOLDER, holder);
  const file = posix.join(root, inside);
  if (holder === '' || holder === '.' || holder === '..' || !file.startsWith(`${root}/`)) {
    const expected = uri.startsWith('pvc:')
      ? 'inside a volume claim: expected pvc://CLAIM/PATH'
      : 'of a ConfigMap: expected configmap://NAME/KEY';
    const message = `${version}: '${uri}' does not name a file ${expected}`;
    return { severity: 'error', reason: 'InvalidModelUri', message, path };
  }
  return scheme === 'pvc' ? { uri: file, claim: holder } : { uri: file, configMap: holder };
}

/** The volumes that hold them, each once. They are called by a hash: a claim's name may be longer than a volume's, and hold dots. */
export function volumesOf(location: ModelLocation): object[] {
  // Read-only by its mount, not here: `readOnly` of the source makes some drivers attach it read-only, which fails
  // while another pod of the node has it attached for writing.
  const claims = held(location, 'claim').map((claim) => ({
    name: volumeName('claim', claim),
    persistentVolumeClaim: { claimName: claim },
  }));
  // Optional: without it the pod would wait in silence, with it the runtime says GOLDEN_NOT_THERE.
  const configMaps = held(location, 'configMap').map((name) => ({
    name: volumeName('configmap', name),
    configMap: { name, optional: true },
  }));
  return [...claims, ...configMaps];
}

export function mountsOf(location: ModelLocation): object[] {
  const mount = (name: string, mountPath: string) => ({ name, mountPath, readOnly: true });
  return [
    ...held(location, 'claim').map((claim) => mount(volumeName('claim', claim), posix.join(CLAIMS_FOLDER, claim))),
    ...held(location, 'configMap').map((name) =>
      mount(volumeName('configmap', name), posix.join(CONFIG_MAPS_FOLDER, name)),
    ),
  ];
}

/** A pod can mount the same claim only once: the golden requests may lie beside the model. */
function held(location: ModelLocation, kind: 'claim' | 'configMap'): string[] {
  const names = [location[kind], location.golden?.[kind]].filter((name) => name !== undefined);
  return [...new Set(names)];
}

function volumeName(kind: 'claim' | 'configmap', name: string): string {
  return `modelship-${kind}-${hash8(name)}`;
}

/** The URI without what may be secret in it: user, password and query (a signed URL carries its key there). */
export function publicUri(uri: string): string {
  return uri.replace(/[?#].*$/s, '').replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/, '$1');
}
