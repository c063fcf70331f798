/** Whether this process traces, by its environment: OpenTelemetry's packages are loaded only if it does. */
import type { Clock } from '../clock.ts';
import { type Env, tracingSettings } from './settings.ts';
import type { Tracing } from './trace.ts';

export interface TracedProcess {
  model: string;
  version: string;
  runtimeVersion: string;
  clock: Pick<Clock, 'now'>;
  logger: { info(details: object, message: string): void; warn(details: object, message: string): void };
}

/** @returns undefined where tracing is off */
export async function startTracing(env: Env, of: TracedProcess): Promise<Tracing | undefined> {
  const settings = tracingSettings(env, ({ code, message }) => of.logger.warn({ code }, message));
  if (!settings) return undefined;
  const { createTracing } = await import('./provider.ts');
  return createTracing(settings, of);
}
