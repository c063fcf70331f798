/** Small texts that the commands on a cluster share. Pure. */
import type { Condition, Status } from '../../api/status.ts';
import { percentText } from '../numbers.ts';
import type { ModelDeploymentObject } from './objects.ts';

/** What is not known. */
export const NONE = '–';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** 90 s → `90s`, 5 min → `5m`, 26 h → `26h`, 3 days → `3d`: as kubectl tells an age. @param since RFC 3339 @param now ms since 1970 */
export function ageText(since: string | null | undefined, now: number): string {
  const at = Date.parse(since ?? '');
  if (Number.isNaN(at)) return NONE;
  // A cluster's clock may be a little ahead.
  const ms = Math.max(0, now - at);
  if (ms < 2 * MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < 2 * HOUR) return `${Math.floor(ms / MINUTE)}m`;
  if (ms < 2 * DAY) return `${Math.floor(ms / HOUR)}h`;
  if (ms < 730 * DAY) return `${Math.floor(ms / DAY)}d`;
  return `${Math.floor(ms / (365 * DAY))}y`;
}

/** The first 12 digits, as Git and registries show them. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12);
}

/** The last two parts of a model's path, since versions often differ in a folder: `…/2/model.onnx`. */
export function shortUri(uri: string): string {
  const parts = uri.replace(/^[a-z0-9+.-]+:\/\//, '').split('/');
  return parts.length > 2 ? `…/${parts.slice(-2).join('/')}` : parts.join('/');
}

/** `90%`; while it moves `90% (50% in force)`. @param wanted percent @param inForce percent, as the pods report it */
export function shareWords(wanted: number | undefined, inForce: number | undefined): string {
  if (wanted === undefined && inForce === undefined) return 'share not known';
  if (wanted === undefined || wanted === inForce) return percentText(inForce ?? 0);
  return `${percentText(wanted)} (${inForce === undefined ? 'not known to be' : percentText(inForce)} in force)`;
}

export function conditionOf(status: Status | undefined, type: Condition['type']): Condition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/** Whether the status speaks of the spec as it stands. */
export function isCurrent({ metadata, status }: ModelDeploymentObject): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
}

/** One line of what may have many. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
