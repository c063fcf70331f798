/** A model opened by the runtime itself, in a process of its own, and asked over its direct port. No cluster is needed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ComparedTensor } from '../../api/compare.ts';
import type { Launch } from '../../api/launch.ts';
import type { PodReport } from '../../api/pod-report.ts';
import { realClock } from '../../local/clock.ts';
import { ChildRuntime, type End } from '../../local/process.ts';
import { readReport } from '../../local/report-reader.ts';
import { comparable, type OutputTensor } from './answers.ts';
import { parseExact } from './exact.ts';

const SCRIPT = fileURLToPath(new URL('../../runtime/main.ts', import.meta.url));

export interface Opened {
  report: PodReport;
  /** Ms from the start of the process until it was ready. */
  readyMs: number;
  /** @param body a request of the Open Inference Protocol @returns its outputs, or the words of a refusal */
  ask(body: string): Promise<ComparedTensor[] | { refused: string }>;
  /** Resolves once the process has ended. */
  close(): Promise<void>;
}

export interface NotOpened {
  /** The runtime's own (docs/errors.md), or LOAD_TIMEOUT. */
  code: string;
  message: string;
}

/**
 * The launch with what a check needs: on the CPU, in one process, nothing kept.
 * A GPU may round otherwise; what it takes and gives is the same.
 */
export function forCheck(launch: Launch): Launch {
  const { table: _table, entryGrpc: _entryGrpc, directGrpc: _directGrpc, cacheDir: _cacheDir, ...rest } = launch;
  const { session, cache: _cache, warmupRequests, ...serving } = launch.serving;
  const { gpuMemoryBytes: _memory, ...cpu } = session;
  return {
    ...rest,
    serving: {
      ...serving,
      warmupRequests: Math.min(warmupRequests, 1),
      session: { ...cpu, executionProviders: ['cpu'], device: 0, keepOptimized: false },
      execution: { cores: 1, processes: 1, workers: 0 },
    },
    entry: 'none',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    logLevel: 'warn',
  };
}

/** Of what is open: how to end it at once, and leave no file. */
const leftovers = new Set<() => void>();
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** While `work` goes on, a signal to this process leaves nothing of what it opened: runtimes are not in its process group. */
export async function tidiedOnSignal<T>(work: () => Promise<T>): Promise<T> {
  const end = (signal: NodeJS.Signals) => {
    for (const remove of leftovers) remove();
    forget();
    process.kill(process.pid, signal);
  };
  const forget = () => {
    for (const signal of SIGNALS) process.off(signal, end);
  };
  for (const signal of SIGNALS) process.on(signal, end);
  try {
    return await work();
  } finally {
    forget();
  }
}

/**
 * Opens the model, and replays its golden requests if the version has such.
 * @param timeoutMs limit of the time to be ready
 */
export async function open(launch: Launch, timeoutMs: number): Promise<Opened | NotOpened> {
  const folder = mkdtempSync(join(tmpdir(), 'modelship-validate-'));
  const changed = { tell: () => {} };
  const started = Date.now();
  const runtime = new ChildRuntime({
    launch: { ...launch, terminationLog: join(folder, 'last-words') },
    script: SCRIPT,
    logFile: join(folder, 'log'),
    // The environment of a pipeline may say where its own traces go.
    env: { OTEL_SDK_DISABLED: 'true' },
    clock: realClock,
    readReport,
    onChange: () => changed.tell(),
  });
  const remove = () => {
    runtime.kill();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  leftovers.add(remove);
  const close = async () => {
    runtime.kill();
    await runtime.ended;
    leftovers.delete(remove);
    remove();
  };
  const ready = new Promise<'ready'>((resolve) => {
    changed.tell = () => runtime.state === 'ready' && resolve('ready');
  });
  const cancel = { late: () => {} };
  const late = new Promise<'late'>((resolve) => {
    cancel.late = realClock.after(timeoutMs, () => resolve('late'));
  });
  const first = await Promise.race([ready, runtime.ended, late]);
  cancel.late();
  const readyMs = Date.now() - started;
  if (first !== 'ready' || !(await runtime.poll()) || runtime.report === undefined) {
    await close();
    if (first === 'late') return { code: 'LOAD_TIMEOUT', message: `not ready within ${timeoutMs / 1_000} s` };
    return first === 'ready' ? { code: 'INTERNAL', message: 'it gave no report' } : endOf(first);
  }
  const url = `http://127.0.0.1:${runtime.directPort}/v2/models/${launch.model}/infer`;
  return { report: runtime.report, readyMs, ask: (body) => ask(url, body), close };
}

function endOf({ code = 'INTERNAL', cause }: End): NotOpened {
  return { code, message: cause.startsWith(`${code}: `) ? cause.slice(code.length + 2) : cause };
}

async function ask(url: string, body: string): ReturnType<Opened['ask']> {
  const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { outputs, error } = parseExact(await answer.text()) as { outputs?: OutputTensor[]; error?: string };
  return outputs?.map(comparable) ?? { refused: error ?? `status ${answer.status}` };
}
