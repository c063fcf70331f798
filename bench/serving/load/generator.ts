/** The load generator as the benchmark sees it. */
import { once } from 'node:events';
import path from 'node:path';
import { type Placement, startNode } from '../processes.ts';
import type { Measured, Order, Reply } from './order.ts';

export interface Generator {
  /** @throws Error with the reason why there is nothing to measure */
  measure(order: Order): Promise<Measured>;
  close(): void;
}

const LOAD = path.resolve(import.meta.dirname, '../load.ts');
/** Requests of all kinds for one model, encoded. */
const HEAP_MIB = 4_096;

export function startGenerator({ generator }: Placement): Generator {
  const child = startNode([`--max-old-space-size=${HEAP_MIB}`, LOAD], { cores: generator, ipc: true });
  const ended = once(child, 'exit').then(() => [{ refused: 'the load generator ended' }]);
  return {
    async measure(order) {
      const waiting = new AbortController();
      child.send(order);
      const [reply] = (await Promise.race([once(child, 'message', { signal: waiting.signal }), ended]).finally(() =>
        waiting.abort(),
      )) as [Reply];
      if ('refused' in reply) throw new Error(reply.refused);
      return reply.measured;
    },
    close: () => child.disconnect(),
  };
}
