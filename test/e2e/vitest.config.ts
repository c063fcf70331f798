/** `npm run test:e2e`: what users of a cluster see, on real nodes. */
import { defineConfig } from 'vitest/config';
import { Order } from './order.ts';

const report = process.env.MODELSHIP_E2E_REPORT;

export default defineConfig({
  test: {
    name: 'e2e',
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/e2e/**/*.test.ts'],
    globalSetup: ['test/pack.ts', 'test/e2e/setup.ts'],
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    pool: 'forks',
    // One after the other: each measures what users lose, and the machine is small.
    fileParallelism: false,
    sequence: { sequencer: Order },
    testTimeout: 240_000,
    hookTimeout: 120_000,
  },
});
