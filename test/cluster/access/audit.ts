/** What a user asked of an API server, by its audit log. */
import { readFile } from 'node:fs/promises';

interface AuditEvent {
  stage: string;
  verb: string;
  user: { username: string };
  requestURI: string;
  objectRef?: { resource: string; subresource?: string; apiGroup?: string; namespace?: string; name?: string };
  responseStatus?: { code: number; message?: string };
}

export interface Asked {
  /** How often by right: `GROUP/RESOURCE VERB`, `/pods list`. */
  used: ReadonlyMap<string, number>;
  /** Answers of 403, in words, each once. */
  refused: readonly string[];
  /** What is no resource, such as the discovery of an API. Everybody who has logged in may ask for it. */
  other: ReadonlySet<string>;
}

export const right = (group: string, resource: string, verb: string): string => `${group}/${resource} ${verb}`;

/** @param user such as `system:serviceaccount:NAMESPACE:NAME` */
export async function askedBy(user: string, logPath: string): Promise<Asked> {
  const used = new Map<string, number>();
  const refused = new Set<string>();
  const other = new Set<string>();
  const use = (key: string): void => void used.set(key, (used.get(key) ?? 0) + 1);
  for (const line of (await readFile(logPath, 'utf8')).split('\n')) {
    // The last one may be half written.
    if (!line.endsWith('}')) continue;
    const event = JSON.parse(line) as AuditEvent;
    if (event.user.username !== user) continue;
    const { objectRef, verb, responseStatus } = event;
    if (responseStatus?.code === 403) {
      refused.add(`${verb} ${event.requestURI.split('?')[0]}: ${responseStatus.message ?? ''}`);
      continue;
    }
    if (!objectRef) {
      other.add(`${verb} ${event.requestURI.split('?')[0]}`);
      continue;
    }
    const { apiGroup = '', subresource } = objectRef;
    const resource = subresource === undefined ? objectRef.resource : `${objectRef.resource}/${subresource}`;
    use(right(apiGroup, resource, verb));
    // Server-side apply of what was not there: it has asked for `create` as well, and the log does not say so.
    if (verb === 'patch' && responseStatus?.code === 201) use(right(apiGroup, resource, 'create'));
  }
  return { used, refused: [...refused], other };
}
