import { defineConfig } from 'vitest/config'

/** Suites that start servers, schedulers or processes wait for their signals a little longer. */
const SLOW_MS = 60_000

const suite = (name: string, include: string[], timeoutMs = 20_000) => ({
  extends: true as const,
  test: { name, include, testTimeout: timeoutMs, hookTimeout: timeoutMs },
})

export default defineConfig({
  test: {
    environment: 'node',
    pool: 'forks',
    maxWorkers: 2,
    // Concurrent cases are processes of their own: more at once only make each other late.
    maxConcurrency: 2,
    globals: false,
    globalSetup: ['test/support/leave-nothing.ts'],
    projects: [
      suite('unit', ['test/unit/**/*.test.ts', 'test/practice/**/*.test.ts']),
      suite('store', ['test/store/**/*.test.ts']),
      suite('flow', ['test/flow/**/*.test.ts'], SLOW_MS),
      suite('contract', ['test/contract/**/*.test.ts']),
      suite('host', ['test/host/**/*.test.ts'], SLOW_MS),
      suite('crash', ['test/crash/**/*.test.ts'], SLOW_MS),
      suite('proof', ['test/proof/**/*.test.ts'], 120_000),
      suite('fuzz', ['test/fuzz/**/*.test.ts'], 120_000),
      suite('e2e', ['test/e2e/**/*.test.ts'], SLOW_MS),
    ],
  },
})
