/** `npm run test:gateway`: apart from `npm test`, because its first run builds Traefik. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'gateway',
    root: new URL('../..', import.meta.url).pathname,
    include: ['test/gateway/**/*.test.ts'],
    globalSetup: ['test/pack.ts', 'test/gateway/setup.ts'],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
