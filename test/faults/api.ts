/** Straight talk with an API server, past every proxy: what a test does and sees beside the operator. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StoredObject } from '../../operator/kube/object.ts';
import { type Access, agentFor } from '../control-plane/access.ts';

export interface ApiAnswer {
  /** HTTP status. */
  status: number;
  text: string;
}

export interface ApiEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: StoredObject;
}

export interface ListAnswer {
  resourceVersion: string;
  items: StoredObject[];
}

const APPLY = 'application/apply-patch+yaml';
const REWATCH_MS = 100;

/** `close()` ends what is asked, and every watch. */
export class Api {
  readonly access: Access;
  readonly #ending = new AbortController();

  constructor(access: Access) {
    this.access = access;
  }

  close(): void {
    this.#ending.abort();
  }

  async request(method: string, path: string, body?: unknown, contentType = 'application/json'): Promise<ApiAnswer> {
    const incoming = await this.#send(method, path, body, contentType);
    let text = '';
    incoming.setEncoding('utf8');
    for await (const part of incoming) text += part;
    return { status: incoming.statusCode ?? 0, text };
  }

  /** Like request(), for an answer that must be a success. */
  async must(method: string, path: string, body?: unknown, contentType?: string): Promise<unknown> {
    const { status, text } = await this.request(method, path, body, contentType);
    if (status < 200 || status > 299) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text);
  }

  /** Undefined where there is none. */
  async get(path: string): Promise<StoredObject | undefined> {
    const { status, text } = await this.request('GET', path);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`GET ${path}: ${status} ${text}`);
    return JSON.parse(text) as StoredObject;
  }

  async list(path: string): Promise<ListAnswer> {
    const body = (await this.must('GET', path)) as { metadata: { resourceVersion: string }; items: StoredObject[] };
    return { resourceVersion: body.metadata.resourceVersion, items: body.items };
  }

  /** Server-side apply, by force. */
  async apply(path: string, object: object, manager: string): Promise<StoredObject> {
    const query = `fieldManager=${manager}&force=true&fieldValidation=Strict`;
    return (await this.must('PATCH', `${path}?${query}`, object, APPLY)) as StoredObject;
  }

  /**
   * Every object of a list, as ADDED, then every event, in order and none left out: a watch that ends is taken up where
   * it was. Returns when the first list is told; the rest goes on until the signal or `close()`.
   * @param onLost called when the API server no longer knows what happened in between
   */
  async follow(path: string, onEvent: (event: ApiEvent) => void, onLost: (why: string) => void): Promise<void> {
    const { resourceVersion, items } = await this.list(path);
    for (const object of items) onEvent({ type: 'ADDED', object });
    void this.#watchOn(path, resourceVersion, onEvent).catch((error: unknown) => {
      if (!this.#ending.signal.aborted) onLost(`${path}: ${error instanceof Error ? error.message : error}`);
    });
  }

  async #watchOn(path: string, from: string, onEvent: (event: ApiEvent) => void): Promise<void> {
    let at = from;
    while (!this.#ending.signal.aborted) {
      const join = path.includes('?') ? '&' : '?';
      const query = `${join}watch=true&allowWatchBookmarks=true&timeoutSeconds=600&resourceVersion=${at}`;
      const incoming = await this.#send('GET', path + query);
      incoming.setEncoding('utf8');
      let rest = '';
      try {
        for await (const part of incoming) {
          const lines = (rest + part).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) {
            const { type, object } = JSON.parse(line) as { type: string; object: StoredObject };
            if (type === 'ERROR') throw new Gone(line);
            at = object.metadata.resourceVersion;
            if (type === 'ADDED' || type === 'MODIFIED' || type === 'DELETED') onEvent({ type, object });
          }
        }
      } catch (error) {
        if (error instanceof Gone) throw error;
      }
      if (!this.#ending.signal.aborted) await sleep(REWATCH_MS);
    }
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.access.token}`, 'content-type': contentType };
    const url = new URL(path, this.access.url);
    const outgoing = request(url, { method, headers, agent: agentFor(this.access.ca), signal: this.#ending.signal });
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return incoming;
  }
}

class Gone extends Error {}

const paths: Record<string, string> = {
  modeldeployments: '/apis/modelship.dev/v1alpha1',
  deployments: '/apis/apps/v1',
  controllerrevisions: '/apis/apps/v1',
  horizontalpodautoscalers: '/apis/autoscaling/v2',
  poddisruptionbudgets: '/apis/policy/v1',
  networkpolicies: '/apis/networking.k8s.io/v1',
  leases: '/apis/coordination.k8s.io/v1',
  resourceclaimtemplates: '/apis/resource.k8s.io/v1',
};

/** Where the API server has a resource of a namespace, or of all; one object of it when `name` is given. */
export function pathOf(plural: string, namespace?: string, name?: string): string {
  const group = paths[plural] ?? '/api/v1';
  const place = namespace === undefined ? '' : `/namespaces/${namespace}`;
  return `${group}${place}/${plural}${name === undefined ? '' : `/${name}`}`;
}
