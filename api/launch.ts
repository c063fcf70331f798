/**
 * How a runtime process is told what to serve: its command line, the same in a pod and on a laptop. Written by the
 * operator and the supervisor, read by `runtime/main.ts`.
 */
import { z } from 'zod';

/** The part of the effective `serving` that the runtime itself acts on, in plain numbers. */
export const runtimeServing = z.strictObject({
  batching: z.strictObject({ maxBatchSize: z.int().min(1), maxDelayMs: z.number().min(0) }),
  warmupRequests: z.int().min(0),
  session: z.strictObject({
    threads: z.int().min(1),
    graphOptimization: z.enum(['disabled', 'basic', 'extended', 'all']),
    executionProviders: z.array(z.enum(['cpu', 'cuda', 'tensorrt'])).min(1),
    arena: z.boolean(),
    /** GPU of the providers that use one. */
    device: z.int().min(0),
    gpuMemoryBytes: z.int().min(1).optional(),
    /** Keeps the optimised graph in the cache folder, if there is one. */
    keepOptimized: z.boolean(),
  }),
  execution: z.strictObject({
    /** Whole cores that the replica may count on. */
    cores: z.int().min(1),
    /** Left out: chosen by measuring. */
    processes: z.int().min(1).optional(),
    workers: z.int().min(0).optional(),
  }),
  /** Answers kept by content. Left out: none. */
  cache: z.strictObject({ sizeBytes: z.int().min(1), ttlMs: z.number().min(1) }).optional(),
  limits: z.strictObject({ bodyBytes: z.int().min(1), queue: z.int().min(1), timeoutMs: z.number().min(1) }),
  protocols: z.array(z.string()).min(1),
});
export type RuntimeServing = z.output<typeof runtimeServing>;

/** `HOST:PORT`; port 0 asks for a free one. */
const address = z.string().regex(/^.+:\d{1,5}$/, 'expected HOST:PORT');

export const launch = z.strictObject({
  model: z.string().min(1).max(63),
  version: z.string().min(1).max(63),
  uri: z.string().min(1),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .optional(),
  serving: runtimeServing,
  /** Requests with the answers they must get before the version is ready. The URI as `uri`; tolerance as in the spec. */
  golden: z.strictObject({ uri: z.string().min(1), tolerance: z.number().min(0) }).optional(),
  /** The traffic table's file. Without it the process answers everything itself. */
  table: z.string().optional(),
  /** Entry address. `none`: the public socket is handed over by a supervisor. */
  entry: z.union([z.literal('none'), address]),
  /** `none`, as `admin`: a head deals out the connections, fetches the model and asks for reports (`runtime/fleet/`). */
  direct: z.union([z.literal('none'), address]),
  admin: z.union([z.literal('none'), address]),
  /** As `entry` and `direct`, for gRPC. Left out: no gRPC. */
  entryGrpc: z.union([z.literal('none'), address]).optional(),
  directGrpc: z.union([z.literal('none'), address]).optional(),
  /** Scratch folder that outlives the process, for optimised graphs. */
  cacheDir: z.string().optional(),
  /** Where the last words of a failed start go. */
  terminationLog: z.string().optional(),
  /** After SIGTERM: ms of going on as before while endpoints forget this process. */
  drainDelayMs: z.int().min(0),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']),
});
export type Launch = z.output<typeof launch>;

/** The command line for a launch: `--model digits --version v1 … --serving {json}`. */
export function launchArgs(to: Launch): string[] {
  const args = ['--model', to.model, '--version', to.version, '--uri', to.uri, '--serving', JSON.stringify(to.serving)];
  if (to.sha256) args.push('--sha256', to.sha256);
  if (to.golden) args.push('--golden', to.golden.uri, '--golden-tolerance', String(to.golden.tolerance));
  if (to.table) args.push('--table', to.table);
  args.push('--entry', to.entry, '--direct', to.direct, '--admin', to.admin);
  if (to.entryGrpc) args.push('--entry-grpc', to.entryGrpc);
  if (to.directGrpc) args.push('--direct-grpc', to.directGrpc);
  if (to.cacheDir) args.push('--cache-dir', to.cacheDir);
  if (to.terminationLog) args.push('--termination-log', to.terminationLog);
  args.push('--drain-delay', String(to.drainDelayMs), '--log-level', to.logLevel);
  return args;
}
