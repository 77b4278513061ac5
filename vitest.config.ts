import { defineConfig } from 'vitest/config';
import { ClosingLines } from './test/reporter.ts';

export default defineConfig({
  test: {
    reporters: ['default', new ClosingLines()],
    // Most of the tests on the control plane wait for it; three files at a time keep two cores busy.
    maxWorkers: 3,
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'], testTimeout: 20_000 } },
      {
        test: {
          name: 'control-plane',
          include: ['test/**/*.test.ts'],
          globalSetup: ['test/control-plane/global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
