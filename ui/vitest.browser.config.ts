import { defineConfig } from 'vitest/config';
import { Totals } from './tests/browser/totals.ts';

// One Chromium and one server for all; the files run one after the other, so that what is measured is measured alone.
export default defineConfig({
  test: {
    include: ['tests/browser/**/*.test.ts'],
    environment: 'node',
    globalSetup: 'tests/browser/setup.ts',
    fileParallelism: false,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    reporters: ['default', new Totals()],
  },
});
