/**
 * Where a model and its golden requests are on this machine: `pvc://CLAIM/PATH` and `configmap://NAME/KEY` in the folder
 * that stands in for the claim or the ConfigMap, paths beside the file.
 */
import { isAbsolute, join, normalize, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalError } from './errors.ts';

export interface Places {
  /** Absolute folder by the name of the claim, or of the ConfigMap. */
  volumes: Readonly<Record<string, string>>;
  /** Folder of the YAML file. */
  base: string;
}

/**
 * The URI that a runtime process is told: an absolute path, or `http(s)://` as it is.
 * @throws LocalError VOLUME_MISSING, PATH_ESCAPES, URI_UNSUPPORTED
 */
export function localUri(uri: string, places: Places): string {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(uri)?.[1]?.toLowerCase();
  switch (scheme) {
    case undefined:
      return isAbsolute(uri) ? uri : resolve(places.base, uri);
    case 'file':
      return fromFileUrl(uri, places.base);
    case 'http':
    case 'https':
      return uri;
    case 'pvc':
      return inVolume(uri, places.volumes, 'claim');
    case 'configmap':
      return inVolume(uri, places.volumes, 'ConfigMap');
    default: {
      const message = `${uri}: ${scheme}:// is not read by a local run yet; use a path, file://, pvc:// or https://`;
      throw new LocalError('URI_UNSUPPORTED', message);
    }
  }
}

/** `file:///absolute` as it is; `file://relative/path`, which is no valid URL, from the folder of the YAML file. */
function fromFileUrl(uri: string, base: string): string {
  if (!uri.startsWith('file:///')) return resolve(base, uri.slice('file://'.length));
  try {
    return fileURLToPath(uri);
  } catch (error) {
    throw new LocalError('URI_UNSUPPORTED', `${uri} is no file URI: ${(error as Error).message}`);
  }
}

function inVolume(uri: string, volumes: Places['volumes'], kind: 'claim' | 'ConfigMap'): string {
  const [claim = '', ...rest] = uri.slice(uri.indexOf('://') + '://'.length).split('/');
  const path = rest.join('/');
  const folder = Object.hasOwn(volumes, claim) ? volumes[claim] : undefined;
  if (folder === undefined) {
    const given = Object.keys(volumes);
    const seen = given.length > 0 ? ` (given: ${given.join(', ')})` : '';
    const message = `${uri}: no folder stands in for the ${kind} ${claim}${seen}; add --volume ${claim}=DIR`;
    throw new LocalError('VOLUME_MISSING', message);
  }
  const inside = normalize(path);
  if (path === '' || isAbsolute(path) || inside === '..' || inside.startsWith(`..${sep}`)) {
    throw new LocalError('PATH_ESCAPES', `${uri}: the path must name a file inside the ${kind} ${claim}`);
  }
  return join(folder, inside);
}
