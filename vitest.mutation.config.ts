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
    // `TESTS` names the files, with spaces between them, for a part of a folder.
    include: process.env.TESTS?.split(' ') ?? folders.map(folder => `test/${folder}/**/*.test.ts`),
    // Real servers, processes and a browser, and 10^6 waiters: minutes for each mutant. And what shows that the properties fail,
    // which a mutant cannot.
    exclude: [
      '**/*postgres*',
      '**/engines/**/{browser,clients,conformance,fencing,processes,redis*,subclass}.test.ts',
      '**/scale.test.ts',
      '**/linear.test.ts',
      '**/broken-primitives.test.ts'
    ],
    setupFiles: ['test/fixtures/expose-gc.ts']
  }
})
