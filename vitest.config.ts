import { defineConfig } from 'vitest/config';

/** `.ci/run` names a file here to read the counts from. */
const report = process.env.MODELSHIP_TEST_REPORT;

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    // Both cores may be busy for seconds: what is polled for is a state, not a time.
    expect: { poll: { timeout: 20_000 } },
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
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
          globalSetup: 'test/clients/setup.ts',
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
          globalSetup: 'test/cluster/setup.ts',
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // After the unit tests: what fails there shows first, and a busy control plane does not slow what they measure.
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
