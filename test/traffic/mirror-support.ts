/** Two versions of tiny models with a mirror between them: real runtimes, real sockets. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { VersionCounters } from '../../api/pod-report.ts';
import type { Observe, TrafficTable } from '../../api/traffic-table.ts';
import { ask, type Reply, type Running, run, type ServingChanges } from '../runtime/harness.ts';
import { onnx } from '../runtime/onnx-builder.ts';
import { MODEL, type TableParts, tableOf, temporaryFolder, until, writeTable } from './support.ts';

const single = (value: number) => Buffer.from(Float32Array.of(value).buffer);

/** Input `x` FP32 [n]. Outputs: `label` INT64, x + `label` rounded towards zero; `score` FP32, x + `score`. */
export function classifier({ label = 0, score = 0 } = {}): Buffer {
  return onnx({
    initializers: [
      { name: 'l', element: 'FP32', dims: [1], data: single(label) },
      { name: 's', element: 'FP32', dims: [1], data: single(score) },
    ],
    inputs: [{ name: 'x', element: 'FP32', shape: ['n'] }],
    outputs: [
      { name: 'label', element: 'INT64', shape: ['n'] },
      { name: 'score', element: 'FP32', shape: ['n'] },
    ],
    nodes: [
      { op: 'Add', inputs: ['x', 'l'], outputs: ['xl'] },
      { op: 'Cast', inputs: ['xl'], outputs: ['label'], ints: { to: 7 } },
      { op: 'Add', inputs: ['x', 's'], outputs: ['score'] },
    ],
  });
}

export const OBSERVE: Observe = { absolute: 1e-4, relative: 1e-3, keep: 0, distribution: false };

export interface MirroredTable extends Partial<TableParts> {
  /** Basis points by version. */
  shadow: Record<string, number>;
  observe?: Partial<Observe>;
}

export function mirroredTable({ shadow, observe, ...parts }: MirroredTable): TrafficTable {
  const table = tableOf({ shares: { v1: 10_000, v2: 0 }, ...parts });
  const versions = table.versions.map((version) => ({ ...version, shadow: shadow[version.name] ?? 0 }));
  return { ...table, ...(observe && { observe: { ...OBSERVE, ...observe } }), versions };
}

export interface Pair {
  v1: Running;
  v2: Running;
  file: string;
  /** As v1 sees v2. */
  seen(): VersionCounters;
}

export interface PairOptions extends Partial<MirroredTable> {
  models?: { v1?: Buffer; v2?: Buffer };
  serving?: ServingChanges;
  /** In place of that of v1. */
  v2Serving?: ServingChanges;
}

/** v1 answers, v2 gets a copy of each request. The harness draws the same number for all: what may be copied is. */
export async function pair(options: PairOptions = {}): Promise<Pair> {
  const { models = {}, serving = {}, v2Serving = serving, shadow = { v2: 10_000 }, ...parts } = options;
  const file = join(await temporaryFolder(), 'traffic.json');
  await writeFile(file, '');
  const grpc = { entryGrpc: '127.0.0.1:0', directGrpc: '127.0.0.1:0' };
  const launch = (version: string) => ({ version, model: MODEL, table: file, ...grpc });
  const protocols = { protocols: ['rest', 'grpc', 'tensorflow'] };
  const start = (version: 'v1' | 'v2', changes: ServingChanges) =>
    run({
      model: models[version] ?? classifier(),
      launch: launch(version),
      serving: { ...protocols, ...changes },
    });
  const v2 = await start('v2', v2Serving);
  const at = { v2: Number(new URL(v2.direct).port) };
  await writeTable(file, mirroredTable({ at, shadow, ...parts }));
  const v1 = await start('v1', serving);
  return { v1, v2, file, seen: () => v1.server.report().versions.v2 as VersionCounters };
}

export const X = (...data: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] });

export function infer(
  base: string,
  body: object = X(1, 2),
  init: RequestInit & { path?: string; query?: string } = {},
): Promise<Reply> {
  return ask(`${base}/v2/models/${MODEL}${init.path ?? ''}/infer${init.query ?? ''}`, body, init);
}

/** Waits until so many copies are done with, whatever came of them. */
export const settled = (pair: Pick<Pair, 'seen'>, count: number) =>
  until(() => pair.seen().mirrored + pair.seen().mirrorDropped >= count);
