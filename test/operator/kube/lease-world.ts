/** One Lease on a server in memory, and clients whose network a test commands. */
import type { KubeClient } from '../../../operator/kube/client.ts';
import type { Clock } from '../../../operator/kube/clock.ts';
import { KubeError } from '../../../operator/kube/error.ts';
import type { StoredObject } from '../../../operator/kube/object.ts';

/** What the server does: exclusive creation, and resourceVersions as preconditions. */
export class LeaseServer {
  stored: StoredObject | undefined;
  /** Every change of the Lease, in order. */
  readonly history: StoredObject[] = [];
  #version = 100;

  get spec(): Record<string, unknown> {
    return (this.stored?.spec ?? {}) as Record<string, unknown>;
  }

  create(object: { [field: string]: unknown }): StoredObject {
    if (this.stored) throw new KubeError('AlreadyExists', 'leases "modelship" already exists');
    return this.#store(object.spec as object);
  }

  patch(body: { metadata?: { resourceVersion?: string }; spec?: object }): StoredObject {
    if (!this.stored) throw new KubeError('NotFound', 'leases "modelship" not found');
    const wanted = body.metadata?.resourceVersion;
    if (wanted !== undefined && wanted !== this.stored.metadata.resourceVersion) {
      throw new KubeError('Conflict', 'the object has been modified');
    }
    return this.#store({ ...this.spec, ...body.spec });
  }

  remove(): void {
    this.stored = undefined;
  }

  #store(spec: object): StoredObject {
    const metadata = {
      name: 'modelship',
      namespace: 'system',
      uid: 'lease-uid',
      resourceVersion: String(++this.#version),
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    this.stored = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec };
    this.history.push(this.stored);
    return this.stored;
  }
}

/** What becomes of one request. Milliseconds; Infinity for what never arrives. */
export interface Fate {
  there: number;
  back: number;
}

export interface ClientOptions {
  clock: Clock;
  timeoutMs: number;
  /** The time on the way there; `clock` when left out. */
  wire?: Clock;
  fate(request: { verb: 'get' | 'create' | 'patch' | 'apply' }): Fate;
  /** An `apply` was handed to the client, and arrived. */
  onWrite?: (what: 'sent' | 'arrived') => void;
}

/** Sends what it is given at once, and gives up after `timeoutMs`; what it gave up may still arrive. */
export function leaseClient(server: LeaseServer, options: ClientOptions): KubeClient {
  const { clock, timeoutMs, fate, onWrite, wire = clock } = options;
  const request = <T>(verb: 'get' | 'create' | 'patch' | 'apply', serve: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      const { there, back } = fate({ verb });
      const cancel = clock.after(timeoutMs, () => reject(new KubeError('Timeout', `${verb}: no answer in time`)));
      if (there === Number.POSITIVE_INFINITY) return;
      wire.after(there, () => {
        let answer: () => void;
        try {
          const result = serve();
          answer = () => resolve(result);
        } catch (error) {
          answer = () => reject(error);
        }
        if (back === Number.POSITIVE_INFINITY) return;
        clock.after(back, () => {
          cancel();
          answer();
        });
      });
    });
  const never = (): never => {
    throw new Error('not for an election');
  };
  return {
    get: () => request('get', () => server.stored),
    create: (_resource, object) => request('create', () => server.create(object)),
    patch: (_resource, _key, body) => request('patch', () => server.patch(body)),
    apply: (_resource, object) => {
      onWrite?.('sent');
      return request('apply', () => {
        onWrite?.('arrived');
        return object as StoredObject;
      });
    },
    list: never,
    watch: never,
    applyStatus: never,
    delete: never,
    kinds: never,
  };
}
