import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/order.ts';

/** `.ci/run` names a file here to read the counts from. */
const report = process.env.MODELSHIP_TEST_REPORT;

// For the hundreds of processes that tests start: Node's keep what they compiled; Go's collect garbage less often, and look
// for work on fewer cores, which many of them share.
process.env.NODE_COMPILE_CACHE ??= join(import.meta.dirname, 'node_modules/.cache/node');
process.env.GOGC ??= '800';
process.env.GOMAXPROCS ??= String(Math.ceil(availableParallelism() / 2));

export default defineConfig({
  test: {
    pool: 'forks',
    // What hundreds of files import is loaded once by each worker, and what one leaves behind meets the next.
    isolate: false,
    // Three for each core: most of them wait, for processes and for what an API server makes of things.
    maxWorkers: Math.min(3 * availableParallelism(), 12),
    sequence: { sequencer: LongestFirst },
    // All cores may be busy for seconds: what is polled for is a state, not a time.
    expect: { poll: { timeout: 20_000 } },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          globalSetup: 'test/pack.ts',
          exclude: ['test/cluster/**', 'test/clients/**', 'test/e2e/**', 'test/gateway/**'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'clients',
          include: ['test/clients/**/*.test.ts'],
          globalSetup: ['test/pack.ts', 'test/clients/setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts'],
          globalSetup: ['test/pack.ts', 'test/cluster/setup.ts'],
          setupFiles: 'test/cluster/harness/begin.ts',
          // These wait still more.
          maxWorkers: Math.min(5 * availableParallelism(), 20),
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // After the unit tests: what fails there shows first, and a busy control plane does not slow what they measure.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
