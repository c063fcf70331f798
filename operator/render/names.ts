/** What the objects of a ModelDeployment are called. */
import { createHash } from 'node:crypto';

/** A Service's name is a DNS label. */
const LONGEST = 63;

/** The first 8 hexadecimal digits of a SHA-256. */
export function hash8(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/**
 * NAME-VERSION-HASH8, for everything that there is one of per version. Without the hash, version `v2` of `digits` and a
 * version of `digits-v2` could be called alike; `/` occurs in neither name, so what is hashed is unambiguous. The CRD
 * keeps both names short enough to stand whole; a longer one would be cut, never refused.
 */
export function versionName(model: string, version: string): string {
  const hash = hash8(`${model}/${version}`);
  const readable = `${model}-${version}`.slice(0, LONGEST - hash.length - 1).replace(/-+$/, '');
  return `${readable}-${hash}`;
}

/** The ConfigMap of the traffic table. */
export function tableName(model: string): string {
  return `${model}-traffic`;
}

/**
 * The ResourceClaimTemplate of a version. The spec of a template is immutable: another claim is another template.
 */
export function claimTemplateName(model: string, version: string, claimSpec: unknown): string {
  return `${versionName(model, version)}-${hash8(JSON.stringify(claimSpec))}`;
}
