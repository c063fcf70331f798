/** Writes go out only while this process leads. */
import type { KubeClient, RequestSeen } from './client.ts';
import { KubeError } from './error.ts';

/**
 * A client whose writes are refused with a KubeError of code `NotLeader` while `mayWriteFor()` is 0 or less. Reads pass.
 *
 * The invariant, with LeaderElection's `mayWriteFor`: no write of this process is under way when another may start.
 * - The last write is handed to `client` before renewDeadlineMs after the last renewal was sent.
 * - `client` gives it up within writeTimeoutMs of that moment. So this must be the client's time-out of a request,
 *   counted from the call: time that it waits for a connection or a token is in it, and it must not send again after it.
 * - Others wait for leaseMs from when they saw that renewal, which was not before it was sent.
 * - renewDeadlineMs + writeTimeoutMs < leaseMs; what is left bears clocks that run at different speeds.
 * What no client can prevent: a process that is stopped between its look at the clock and the system call that sends, and
 * a request that an API server has already read and executes late. Preconditions (uid, resourceVersion) are there for
 * that, and the next leader, which applies what is wanted whatever it finds.
 */
export function fenced(client: KubeClient, mayWriteFor: () => number): KubeClient {
  // The check and the call happen in one turn of the event loop: nothing may be awaited in between.
  const pass = (verb: RequestSeen['verb'], plural: string, name: unknown): void => {
    if (mayWriteFor() > 0) return;
    const what = `${verb} ${plural} ${String(name ?? '')}`.trimEnd();
    throw new KubeError('NotLeader', `${what}: not sent, because this process does not lead now; the leader does it`);
  };
  return {
    get: (...args) => client.get(...args),
    list: (...args) => client.list(...args),
    watch: (...args) => client.watch(...args),
    kinds: (...args) => client.kinds(...args),
    async apply(resource, object, options) {
      pass('apply', resource.plural, object.metadata.name);
      return client.apply(resource, object, options);
    },
    async applyStatus(resource, object, options) {
      pass('apply-status', resource.plural, object.metadata.name);
      return client.applyStatus(resource, object, options);
    },
    async create(resource, object) {
      const { name, generateName } = object.metadata as { name?: string; generateName?: string };
      pass('create', resource.plural, name ?? generateName);
      return client.create(resource, object);
    },
    async patch(resource, key, ...rest) {
      pass('patch', resource.plural, key.name);
      return client.patch(resource, key, ...rest);
    },
    async delete(resource, key, ...rest) {
      pass('delete', resource.plural, key.name);
      return client.delete(resource, key, ...rest);
    },
  };
}
