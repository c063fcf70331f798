/** Builders for tests of the local run. */

import { stringify } from 'yaml';
import { SketchRecorder } from '../../api/latency-sketch.ts';
import type { Launch } from '../../api/launch.ts';
import type { ModelDeployment } from '../../api/model-deployment.ts';
import { parseModelDeployments } from '../../api/parse.ts';
import { type PodReport, podReport } from '../../api/pod-report.ts';

export function launch(version = 'v1', more: Partial<Launch> = {}): Launch {
  return {
    model: 'digits',
    version,
    uri: `/models/${version}.onnx`,
    serving: {
      batching: { maxBatchSize: 32, maxDelayMs: 0 },
      warmupRequests: 1,
      session: {
        threads: 1,
        graphOptimization: 'all',
        executionProviders: ['cpu'],
        arena: true,
        device: 0,
        keepOptimized: false,
      },
      execution: { cores: 1 },
      limits: { bodyBytes: 1_000_000, queue: 10, timeoutMs: 1_000 },
      protocols: ['rest'],
    },
    entry: 'none',
    direct: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    drainDelayMs: 0,
    logLevel: 'warn',
    ...more,
  };
}

/** YAML of a ModelDeployment with these shares, in percent. */
export function manifest(traffic: Record<string, number>, spec: object = {}, name = 'digits'): string {
  const versions = Object.entries(traffic).map(([version, share]) => ({
    name: version,
    model: { uri: `models/${version}.onnx` },
    traffic: share,
  }));
  return stringify({
    apiVersion: 'modelship.dev/v1alpha1',
    kind: 'ModelDeployment',
    metadata: { name },
    spec: { versions, ...spec },
  });
}

export function document(traffic: Record<string, number>, spec: object = {}): ModelDeployment {
  const { documents, problems } = parseModelDeployments(manifest(traffic, spec), 'test.yaml');
  if (!documents[0]) throw new Error(JSON.stringify(problems));
  return documents[0];
}

export interface Counted {
  answered?: number;
  errors?: number;
  failed?: number;
  shielded?: number;
}

/** A report of a process of `version` that counted this. @param seconds latencies of its answers */
export function report(
  version: string,
  versions: Record<string, Counted>,
  seconds: number[] = [],
  digest?: string,
): PodReport {
  const sketch = new SketchRecorder();
  for (const each of seconds) sketch.observe(each);
  const none = { errors: 0, refused: 0, routed: 0, forwarded: 0, failed: 0, answered: 0, mirrored: 0 };
  const counters = Object.entries(versions).map(([name, { shielded = 0, ...counted }]) => [
    name,
    { ...none, ...counted, shielded: { unreachable: shielded, timeout: 0, error: 0, open: 0 } },
  ]);
  return podReport.parse({
    model: 'digits',
    version,
    startedAt: '2026-01-01T00:00:00Z',
    ready: true,
    load: { state: 'Loaded', digest },
    inFlight: 0,
    versions: Object.fromEntries(counters),
    latency: sketch.snapshot(),
  });
}
