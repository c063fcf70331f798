/** The admin port of a replica with several processes: the one port that the head serves by itself. */
import type { Logger } from 'pino';
import type { Launch } from '../../api/launch.ts';
import type { Clock } from '../clock.ts';
import { RequestError } from '../errors.ts';
import { Door } from '../http1/door.ts';
import { registerAdmin } from '../routes/admin.ts';
import { createApp } from '../routes/app.ts';
import type { Numbers } from './numbers.ts';

export interface AdminOptions {
  launch: Launch;
  numbers: Numbers;
  clock: Clock;
  logger: Logger;
}

const REQUEST_TIMEOUT_MS = 30_000;

/** A door whose app is ready; nobody listens yet. */
export async function createAdmin({ launch, numbers, clock, logger }: AdminOptions): Promise<Door> {
  const { model, version } = launch;
  const unforeseen = (error: unknown) => logger.error({ err: error }, 'unforeseen failure');
  const app = createApp({ name: 'admin', version, bodyBytes: 1_024, unforeseen, logger });
  const of = `version '${version}' of model '${model}'`;
  const soon = { 'retry-after': '1' };
  registerAdmin(app.fastify, {
    ...numbers,
    async requireReady() {
      const { ready, load } = await numbers.report();
      if (ready) return;
      if (load.failure?.code === 'DIGEST_CHANGED') throw new RequestError('DIGEST_CHANGED', load.failure.message, soon);
      throw new RequestError('NOT_READY', `${of} is not ready: its model is ${load.state}`, soon);
    },
    async requireLive() {
      if (await numbers.live()) return;
      throw new RequestError('NOT_READY', `a process that serves ${of} does not answer`, soon);
    },
  });
  const warn = (message: string) => logger.warn(message);
  const door = new Door({ clock, requestTimeoutMs: REQUEST_TIMEOUT_MS, warn });
  door.handler = await app.start();
  return door;
}
