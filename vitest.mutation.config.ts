// The tests that mutants meet: those of the folders that are changed, with fewer runs of each property, since one failing run
// is enough to kill. Stryker runs them in threads, where Node takes no flags.

import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

process.env.PROPERTY_RUNS ??= '0.05'
const folders = process.env.MUTATE?.split(',') ?? ['core', 'primitives', 'properties']

export default defineConfig({
  ...base,
  test: {
    ...base.test,
    pool: 'threads',
    execArgv: [],
    include: folders.map(folder => `test/${folder}/**/*.test.ts`),
    // A real server, and 10^6 waiters: minutes for each mutant. And what shows that the properties fail, which a mutant cannot.
    exclude: ['**/*postgres*', '**/scale.test.ts', '**/linear.test.ts', '**/broken-primitives.test.ts'],
    setupFiles: ['test/fixtures/expose-gc.ts']
  }
})
