/** The cluster that all tests here share, with the chart installed and a store that serves models; gone after the last. */
import type { TestProject } from 'vitest/node';
import { type Cluster, useCluster } from './cluster.ts';
import { installChart } from './harness/chart.ts';
import { startStore } from './harness/store.ts';

export type Told = Omit<Cluster, typeof Symbol.asyncDispose>;

declare module 'vitest' {
  interface ProvidedContext {
    e2e: Told;
  }
}

const started = performance.now();
const log = (line: string): void =>
  void process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}\n`);

/** @returns what vitest calls at the end */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const cluster = await start();
  const { kubeconfig, door, operator, runtime } = cluster;
  project.provide('e2e', { kubeconfig, door, operator, runtime });
  return async () => cluster[Symbol.asyncDispose]();
}

async function start(): Promise<Cluster> {
  const cluster = await useCluster(log);
  try {
    await installChart(cluster);
    log('the chart is installed');
    await startStore(cluster);
    log('the store serves models');
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}
