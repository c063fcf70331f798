/** `npm run test:e2e`: what users of a cluster see, on real nodes. */
import { defineConfig } from 'vitest/config';

/** It takes the chart out of the cluster. */
const LAST = 'test/e2e/platform/uninstall.test.ts';
const report = process.env.MODELSHIP_E2E_REPORT;

export default defineConfig({
  test: {
    root: new URL('../..', import.meta.url).pathname,
    globalSetup: 'test/e2e/setup.ts',
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    pool: 'forks',
    // One after the other: each measures what users lose, and the machine is small.
    fileParallelism: false,
    testTimeout: 240_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'models', include: ['test/e2e/models/**/*.test.ts'], sequence: { groupOrder: 0 } },
      },
      // What moves the operator and the nodes under everybody's feet comes last.
      {
        extends: true,
        test: {
          name: 'platform',
          include: ['test/e2e/platform/**/*.test.ts'],
          exclude: [LAST],
          sequence: { groupOrder: 1 },
        },
      },
      { extends: true, test: { name: 'last', include: [LAST], sequence: { groupOrder: 2 } } },
    ],
  },
});
