/** How a session is to be opened: plain data, so that it goes to a worker as it is. Pure. */
import type { RuntimeServing } from '../../api/launch.ts';
import { LoadError } from '../errors.ts';

export type SessionOptions = RuntimeServing['session'];
export type Provider = SessionOptions['executionProviders'][number];

export interface SessionPlan {
  path: string;
  session: SessionOptions;
  /** `path` is a graph that was optimised for these options before: it is opened as it stands. */
  optimized: boolean;
  /** Where ONNX Runtime leaves the graph that it optimised. */
  writeOptimized?: string | undefined;
  /** Weights in files beside the model stay mapped from there: one copy for all sessions, not packed for the CPU. */
  mapWeights: boolean;
}

export const isGpu = (provider: Provider): provider is Exclude<Provider, 'cpu'> => provider !== 'cpu';

/**
 * What ONNX Runtime's binding for Node can not carry out is refused, not left out.
 * @throws LoadError OPTION_UNSUPPORTED
 */
export function checkSession(session: SessionOptions): void {
  const gpu = session.executionProviders.find(isGpu);
  if (!gpu || session.gpuMemoryBytes === undefined) return;
  const why = `onnxruntime-node passes only the device's number to '${gpu}', no memory limit`;
  const mend = 'leave it out, and give the replica a GPU or a slice of one (MIG) of its own';
  throw new LoadError('OPTION_UNSUPPORTED', `serving.session.gpuMemory can't be kept: ${why}; ${mend}`);
}

/** Options as onnxruntime-node takes them. */
export function ortOptions(plan: SessionPlan, providers: readonly Provider[]) {
  const { session, optimized, writeOptimized, mapWeights } = plan;
  const extra = {
    // Threads of the pool that spin between runs take the core from the one that serves.
    ...(session.threads > 1 && { intra_op: { allow_spinning: '0' } }),
    ...(mapWeights && { disable_prepacking: '1' }),
  };
  return {
    executionProviders: providers.map((name) => (isGpu(name) ? { name, deviceId: session.device } : name)),
    intraOpNumThreads: session.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: optimized ? ('disabled' as const) : session.graphOptimization,
    enableCpuMemArena: session.arena,
    logSeverityLevel: 4 as const,
    ...(writeOptimized !== undefined && { optimizedModelFilePath: writeOptimized }),
    extra: { session: extra },
  };
}
