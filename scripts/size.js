// What an import from latchkey adds to an application: bundled, minified and gzipped, against the bars of the project.

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { entryPoints, fromRoot, manifest } from './project.js'

/**
 * @typedef {{ name: string, code: string, external?: string[], bar: number, aim: number, budget: number }} Bundle
 */

/**
 * In bytes. `bar` is what the project wants and `aim` where the limit may lie; both are reported as they are, held or not
 * (docs/performance.md says which are not, and why). `budget` is what fails the check: the size that the package has now, with
 * a little room, so that it grows only on purpose.
 *
 * @type {Bundle[]}
 */
export const bundles = [
  { name: 'Mutex', code: `export { Mutex } from '${manifest.name}'`, bar: 3700, aim: 3300, budget: 5000 },
  {
    name: 'Mutex + KeyedMutex',
    code: `export { Mutex, KeyedMutex } from '${manifest.name}'`,
    bar: 4700,
    aim: 4200,
    budget: 6100
  },
  { name: 'everything', code: `export * from '${manifest.name}'`, bar: 9000, aim: 8300, budget: 11_300 },
  // With all that they stand on, the core included. Their bars (5000 and 3000) are meant without it, and without what all engines
  // have had since: shared holds, capacity, many keys, inspection.
  { name: 'local', code: `export * from '${manifest.name}/local'`, bar: 5000, aim: 5000, budget: 22_000 },
  { name: 'web', code: `export * from '${manifest.name}/web'`, bar: 3000, aim: 3000, budget: 12_500 },
  { name: 'threads', code: `export * from '${manifest.name}/threads'`, bar: 2500, aim: 2500, budget: 8400 },
  // What it adds to an application that has the core already, which is what its bar means.
  {
    name: 'threads, no core',
    code: `export * from '${manifest.name}/threads'`,
    external: ['../core/*'],
    bar: 2500,
    aim: 2500,
    budget: 3900
  }
]

/**
 * What each entry point may weigh with all that it stands on, the core included: an import of everything in it. In bytes, the size
 * that it has now with a little room, so that it grows only on purpose. An entry point without a budget fails the check.
 *
 * @type {Record<string, number | undefined>}
 */
export const budgets = {
  latchkey: 11_600,
  'latchkey/distributed': 19_000,
  'latchkey/postgres': 21_500,
  'latchkey/redis': 21_000,
  'latchkey/local': 22_000,
  'latchkey/web': 12_500,
  'latchkey/adapters/hub': 12_500,
  'latchkey/adapters/session-manager': 10_000,
  'latchkey/compat/async-mutex': 5000,
  'latchkey/testing': 34_500,
  'latchkey/monitor': 11_500,
  'latchkey/context': 10_000,
  'latchkey/threads': 8400
}

/**
 * Minified and gzipped, in bytes.
 *
 * @param {string} code
 * @param {string[]} [external] what is not counted
 */
async function weigh(code, external = []) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: fromRoot('.') },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'es2022',
    legalComments: 'none',
    write: false,
    external,
    logLevel: 'error'
  })
  return outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
}

/**
 * Measures the built package; run the build first.
 *
 * @returns {Promise<Array<{ name: string, bytes: number, bar: number, aim: number, budget: number }>>}
 */
export function measureBundles() {
  return Promise.all(
    bundles.map(async ({ code, external, ...bundle }) => ({ ...bundle, bytes: await weigh(code, external) }))
  )
}

/**
 * The same for each entry point as a whole.
 *
 * @returns {Promise<Array<{ name: string, bytes: number, budget: number | undefined }>>}
 */
export function measureEntryPoints() {
  return Promise.all(
    entryPoints.map(async ({ name }) => ({
      name,
      bytes: await weigh(`export * from '${name}'`),
      budget: budgets[name]
    }))
  )
}

if (process.argv[1] === fromRoot('scripts/size.js')) {
  const over = (/** @type {number} */ bytes, /** @type {number | undefined} */ budget) => !(bytes <= (budget ?? 0))
  const growth = (/** @type {number} */ bytes, /** @type {number | undefined} */ budget) =>
    over(bytes, budget) ? `   GREW over its budget of ${budget} B` : ''
  const rows = await measureBundles()
  for (const { name, bytes, bar, aim, budget } of rows) {
    const verdict = bytes > bar ? 'bar MISSED' : bytes > aim ? 'bar held' : 'bar held, aim reached'
    console.log(
      `${name.padEnd(35)} ${String(bytes).padStart(5)} B   bar ${bar}   aim ${aim}   ${verdict}${growth(bytes, budget)}`
    )
  }
  console.log('\nEach entry point as a whole:')
  const entries = await measureEntryPoints()
  for (const { name, bytes, budget } of entries)
    console.log(`${name.padEnd(35)} ${String(bytes).padStart(5)} B   budget ${budget}${growth(bytes, budget)}`)
  if ([...rows, ...entries].some(({ bytes, budget }) => over(bytes, budget))) process.exitCode = 1
}
