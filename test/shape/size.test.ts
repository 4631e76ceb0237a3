// What an import costs a user's application. The bars of the project are reported by `npm run size` and by the benchmark; what
// fails here is growth that nobody decided on.

import { expect, test } from 'vitest'
import { budgets, measureBundles, measureEntryPoints } from '../../scripts/size.js'

test('no bundle outgrows its budget', async () => {
  const bundles = await measureBundles()
  expect(bundles.map(({ name }) => name)).toEqual([
    ...['Mutex', 'Mutex + KeyedMutex', 'everything', 'local', 'web'],
    ...['threads', 'threads, no core']
  ])
  for (const { name, bytes, budget } of bundles) {
    expect(bytes, `${name}, minified and gzipped: ${bytes} B (scripts/size.js holds the budget)`).toBeLessThanOrEqual(
      budget
    )
    expect(bytes, `${name}: an empty bundle measures nothing`).toBeGreaterThan(1000)
  }
})

test('no entry point outgrows its budget, and each has one', async () => {
  const entries = await measureEntryPoints()
  expect(entries.map(({ name }) => name).sort()).toEqual(Object.keys(budgets).sort())
  for (const { name, bytes, budget } of entries) {
    expect(bytes, `${name}, minified and gzipped: ${bytes} B (scripts/size.js holds the budget)`).toBeLessThanOrEqual(
      budget ?? 0
    )
    expect(bytes, `${name}: an empty bundle measures nothing`).toBeGreaterThan(1000)
  }
})
