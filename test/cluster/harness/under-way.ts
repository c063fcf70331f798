import type { KubeClient } from '../../../operator/kube/client.ts';

/** How many requests of a client wait for their answer; watches aside. */
export class UnderWay {
  count = 0;

  /** The same client, counted. */
  of(client: KubeClient): KubeClient {
    return new Proxy(client, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name, target);
        if (typeof method !== 'function') return method;
        if (name === 'watch') return method.bind(target);
        return async (...args: unknown[]) => {
          this.count++;
          try {
            return await method.apply(target, args);
          } finally {
            this.count--;
          }
        };
      },
    });
  }
}
