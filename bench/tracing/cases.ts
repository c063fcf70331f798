/** How a runtime is set up to trace, and what its callers say. */

export type CaseId = 'off' | 'tenth' | 'all' | 'unsampled';

export interface Case {
  id: CaseId;
  title: string;
  /** @param url where its spans are taken */
  env(url: string): Record<string, string>;
  /** Of each request. */
  headers?: Readonly<Record<string, string>>;
}

/** A run sends full batches only, as under a load that goes on: what a timer sent between two windows would not be counted. */
const NEVER_MS = '600000';

const on = (sampler: Record<string, string>) => (url: string) => ({
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: url,
  OTEL_BSP_SCHEDULE_DELAY: NEVER_MS,
  ...sampler,
});
const all = on({ OTEL_TRACES_SAMPLER: 'parentbased_always_on' });

/** The first is what the others are compared with. */
export const CASES: readonly Case[] = [
  { id: 'off', title: 'off', env: () => ({}) },
  {
    id: 'tenth',
    title: '1 in 10 is kept',
    env: on({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.1' }),
  },
  { id: 'all', title: 'all are kept', env: all },
  {
    id: 'unsampled',
    title: 'the caller does not keep it',
    env: all,
    headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00' },
  },
];
