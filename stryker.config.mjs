// Mutation testing: see docs/mutation-testing.md. `MUTATE=monitor,context npx stryker run` tries other folders of src, whose tests
// are in the folders of the same names.

const USUAL = ['core', 'primitives']
const folders = process.env.MUTATE?.split(',') ?? USUAL

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts', related: false },
  mutate: folders.map(folder => `src/${folder}/**/*.ts`),
  coverageAnalysis: 'perTest',
  ignoreStatic: false,
  incremental: true,
  incrementalFile: `reports/mutation/incremental-${folders.join('-')}.json`,
  tempDirName: 'node_modules/.cache/stryker',
  reporters: ['progress', 'html', 'json'],
  concurrency: 2,
  timeoutMS: 10_000,
  // Only what has been brought this far is held to it.
  thresholds: { high: 98, low: 95, break: folders.every(folder => USUAL.includes(folder)) ? 95 : null }
}
