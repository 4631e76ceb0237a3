// What an import from latchkey adds to an application: bundled, minified and gzipped, against the bars of the project.

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { fromRoot, manifest } from './project.js'

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
  // With all that they stand on, the core included. Their bars (5000 and 3000) are meant without it.
  { name: 'local', code: `export * from '${manifest.name}/local'`, bar: 5000, aim: 5000, budget: 17_000 },
  { name: 'web', code: `export * from '${manifest.name}/web'`, bar: 3000, aim: 3000, budget: 9000 },
  { name: 'threads', code: `export * from '${manifest.name}/threads'`, bar: 2500, aim: 2500, budget: 10_000 },
  // What it adds to an application that has the core already, which is what its bar means.
  {
    name: 'threads, no core',
    code: `export * from '${manifest.name}/threads'`,
    external: ['../core/*'],
    bar: 2500,
    aim: 2500,
    budget: 5000
  }
]

/**
 * Measures the built package; run the build first.
 *
 * @returns {Promise<Array<{ name: string, bytes: number, bar: number, aim: number, budget: number }>>}
 */
export function measureBundles() {
  return Promise.all(
    bundles.map(async ({ name, code, external = [], ...limits }) => {
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
      const bytes = outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
      return { name, bytes, ...limits }
    })
  )
}

if (process.argv[1] === fromRoot('scripts/size.js')) {
  const rows = await measureBundles()
  for (const { name, bytes, bar, aim, budget } of rows) {
    const verdict = bytes > bar ? 'bar MISSED' : bytes > aim ? 'bar held' : 'bar held, aim reached'
    const growth = bytes > budget ? `   GREW over its budget of ${budget} B` : ''
    console.log(`${name.padEnd(20)} ${String(bytes).padStart(5)} B   bar ${bar}   aim ${aim}   ${verdict}${growth}`)
  }
  if (rows.some(({ bytes, budget }) => bytes > budget)) process.exitCode = 1
}
