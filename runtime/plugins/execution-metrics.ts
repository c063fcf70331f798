/** Metrics of where and how the model runs: place, batches, cache, weights, GPU. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { GpuMonitor, type GpuOptions, type GpuReading } from '../models/gpu.ts';
import type { Done } from '../models/runner.ts';
import { isGpu } from '../models/session-plan.ts';
import type { OwnVersion } from '../own-version.ts';
import { HotHistogram } from './hot-histogram.ts';

export interface ExecutionSources extends GpuOptions {
  own: OwnVersion;
}

const ITEMS = [1, 2, 4, 8, 16, 32, 64, 128, 256];

/** @returns to be told of each answer, and whether it was no user's but a mirror's copy */
export function registerExecution(
  registry: Registry,
  sources: ExecutionSources,
): (done: Done, copied: boolean) => void {
  const { own } = sources;
  const registers = [registry];
  registerPlace(registry, own);
  registerQueue(registry, own);
  registerGpus(registry, sources);
  const labels = { model: own.model, version: own.version };
  const labelNames = ['model', 'version'] as const;
  const items = new HotHistogram({
    name: 'modelship_batch_items',
    help: 'Items (rows of the first dimension) of a run of the model.',
    labels,
    buckets: ITEMS,
  }).registerIn(registry);
  const from = { run: 0, cache: 0, joined: 0 };
  new Counter({
    name: 'modelship_answers_total',
    help: 'Answers by where they come from: a run, the cache, or the run of an identical request (joined).',
    labelNames: [...labelNames, 'from'],
    registers,
    collect() {
      this.reset();
      for (const [place, count] of Object.entries(from)) this.inc({ ...labels, from: place }, count);
    },
  });
  return (done, copied) => {
    if (!copied) from[done.from]++;
    if (done.first) items.observe(done.batch);
  };
}

function registerPlace(registry: Registry, own: OwnVersion): void {
  const registers = [registry];
  new Gauge({
    name: 'modelship_execution_info',
    help: 'Always 1; the labels say where the model runs and by which execution providers.',
    labelNames: ['place', 'providers', 'threads', 'device', 'optimized'],
    registers,
    collect() {
      this.reset();
      const execution = own.loaded?.execution;
      if (!execution) return;
      const { place, providers, threads, device, optimized } = execution;
      const gpu = providers.some(isGpu) ? String(device) : '';
      this.set({ place, providers: providers.join(), threads: String(threads), device: gpu, optimized }, 1);
    },
  });
  new Gauge({
    name: 'modelship_execution_workers',
    help: 'Threads beside the one that serves that run the model; 0 if that one runs it.',
    registers,
    collect() {
      this.set(own.loaded?.execution.workers ?? 0);
    },
  });
  new Gauge({
    name: 'modelship_model_weights_shared',
    help: 'Whether the weights are in the memory of this process once: 0 if each of several workers has a copy.',
    registers,
    collect() {
      this.reset();
      if (own.loaded) this.set(own.loaded.execution.weightsShared ? 1 : 0);
    },
  });
}

function registerQueue(registry: Registry, own: OwnVersion): void {
  const gauge = (name: string, help: string, read: () => number | undefined) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        const value = read();
        if (value === undefined) this.remove();
        else this.set(value);
      },
    });
  const batching = () => own.loaded?.batching();
  const cache = () => own.loaded?.cache?.();
  gauge('modelship_queue_requests', 'Requests that wait for a run.', () => batching()?.waiting ?? 0);
  gauge('modelship_queue_bytes', 'Bytes of the bodies of requests that wait.', () => batching()?.waitingBytes ?? 0);
  gauge('modelship_cache_entries', 'Answers that are kept.', () => cache()?.entries);
  gauge('modelship_cache_bytes', 'Bytes of the answers that are kept.', () => cache()?.bytes);
  new Counter({
    name: 'modelship_cache_evictions_total',
    help: 'Answers that had to go for others before their time.',
    registers: [registry],
    collect() {
      this.reset();
      this.inc(cache()?.evictions ?? 0);
    },
  });
}

/** All read from one answer of the driver, and absent where there is none. */
function registerGpus(registry: Registry, { own, clock, warn }: ExecutionSources): void {
  const monitor = new GpuMonitor({ clock, warn });
  const gauge = (name: string, help: string, read: (gpu: GpuReading) => number | undefined) =>
    new Gauge({
      name,
      help,
      labelNames: ['gpu', 'uuid'],
      registers: [registry],
      async collect() {
        const runs = own.loaded?.execution.providers.some(isGpu) ?? false;
        const readings = runs ? await monitor.read() : [];
        this.reset();
        for (const reading of readings) {
          const value = read(reading);
          if (value !== undefined) this.set({ gpu: reading.index, uuid: reading.uuid }, value);
        }
      },
    });
  const memory = 'modelship_gpu_memory';
  gauge('modelship_gpu_utilization_ratio', 'Share of time that the GPU was busy, 0 to 1.', (gpu) => gpu.utilization);
  gauge(`${memory}_used_bytes`, 'Memory of the GPU in use, by whomever.', (gpu) => gpu.memoryUsedBytes);
  gauge(`${memory}_total_bytes`, 'Memory of the GPU.', (gpu) => gpu.memoryTotalBytes);
}
