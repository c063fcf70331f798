/** What a client asked of the API server, from the API server's own audit log. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';

interface AuditEvent {
  stage: string;
  verb: string;
  userAgent?: string;
  requestURI: string;
  objectRef?: { resource?: string; subresource?: string; namespace?: string; name?: string };
  responseStatus?: { code?: number };
}

const WRITES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

/** Requests of one client in one stretch of time. */
export class Requests {
  readonly #counts = new Map<string, number>();
  readonly #byObject = new Map<string, Map<string, number>>();

  /**
   * @param kind `patch deployments`, `patch modeldeployments/status`, `get leases`
   * @param object `NAMESPACE/NAME`
   */
  add(kind: string, object: string): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    const objects = this.#byObject.get(kind) ?? new Map<string, number>();
    this.#byObject.set(kind, objects.set(object, (objects.get(object) ?? 0) + 1));
  }

  /** Of how many objects each number of requests was: `{1: 80, 2: 20}`. */
  spread(kind: string): Record<number, number> {
    const spread: Record<number, number> = {};
    for (const times of this.#byObject.get(kind)?.values() ?? []) spread[times] = (spread[times] ?? 0) + 1;
    return spread;
  }

  /** How many, by `VERB RESOURCE`; the most frequent first. */
  get counts(): [string, number][] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }

  /** What was written, as in `counts`. Leases apart: they count time, not objects. */
  get written(): [string, number][] {
    return this.counts.filter(([kind]) => {
      const [verb = '', resource] = kind.split(' ');
      return WRITES.includes(verb) && resource !== 'leases';
    });
  }

  get writes(): number {
    return this.written.reduce((sum, [, count]) => sum + count, 0);
  }

  get reads(): number {
    return this.sum((verb, resource) => ['get', 'list'].includes(verb) && resource !== 'leases');
  }

  sum(counts: (verb: string, resource: string) => boolean): number {
    return this.counts.reduce((sum, [kind, count]) => {
      const [verb = '', resource = ''] = kind.split(' ');
      return counts(verb, resource) ? sum + count : sum;
    }, 0);
  }
}

export class AuditLog {
  readonly #path: string;
  readonly #client: string;
  #offset = 0;

  /** @param client how its User-Agent begins */
  constructor(path: string, client: string) {
    this.#path = path;
    this.#client = client;
  }

  /** What was asked since the last call; the log is written before each answer, so it is all there. */
  async since(): Promise<Requests> {
    const requests = new Requests();
    const { size } = await stat(this.#path);
    if (size <= this.#offset) return requests;
    const stream = createReadStream(this.#path, { start: this.#offset, end: size - 1, encoding: 'utf8' });
    this.#offset = size;
    for await (const line of createInterface({ input: stream })) {
      const event = parsed(line);
      if (event?.userAgent?.startsWith(this.#client) && isCounted(event)) {
        requests.add(kindOf(event), `${event.objectRef?.namespace}/${event.objectRef?.name}`);
      }
    }
    return requests;
  }
}

/** A watch has a line when it begins and one when it ends; everything else one. */
function isCounted({ stage, verb }: AuditEvent): boolean {
  return stage === (verb === 'watch' ? 'ResponseStarted' : 'ResponseComplete');
}

function kindOf({ verb, objectRef, requestURI }: AuditEvent): string {
  if (!objectRef?.resource) return `${verb} ${requestURI.split('?')[0]}`;
  const { resource, subresource } = objectRef;
  const dry = requestURI.includes('dryRun=') ? ' (dry run)' : '';
  return `${verb} ${resource}${subresource ? `/${subresource}` : ''}${dry}`;
}

/** The line at the end may be half written. */
function parsed(line: string): AuditEvent | undefined {
  try {
    return JSON.parse(line) as AuditEvent;
  } catch {
    return undefined;
  }
}
