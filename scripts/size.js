// What an import from latchkey adds to an application: bundled, minified and gzipped, against the bars of the project.

import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { fromRoot, manifest } from './project.js'

/** Bytes: a bundle over its `bar` fails the check, its `aim` is where the limit may lie. */
export const bundles = [
  { name: 'Mutex', code: `export { Mutex } from '${manifest.name}'`, bar: 1500, aim: 1000 },
  { name: 'Mutex + KeyedMutex', code: `export { Mutex, KeyedMutex } from '${manifest.name}'`, bar: 2200, aim: 1500 },
  { name: 'everything', code: `export * from '${manifest.name}'`, bar: 7000, aim: 5000 }
]

/**
 * Measures the built package; run the build first.
 *
 * @returns {Promise<Array<{ name: string, bytes: number, bar: number, aim: number }>>}
 */
export function measureBundles() {
  return Promise.all(
    bundles.map(async ({ name, code, bar, aim }) => {
      const { outputFiles } = await build({
        stdin: { contents: code, resolveDir: fromRoot('.') },
        bundle: true,
        minify: true,
        format: 'esm',
        target: 'es2022',
        legalComments: 'none',
        write: false,
        logLevel: 'error'
      })
      const bytes = outputFiles.reduce((sum, file) => sum + gzipSync(file.contents, { level: 9 }).length, 0)
      return { name, bytes, bar, aim }
    })
  )
}

if (process.argv[1] === fromRoot('scripts/size.js')) {
  const rows = await measureBundles()
  for (const { name, bytes, bar, aim } of rows) {
    const verdict = bytes > bar ? 'OVER THE BAR' : bytes > aim ? 'ok' : 'ok, aim reached'
    console.log(`${name.padEnd(20)} ${String(bytes).padStart(5)} B   bar ${bar}   aim ${aim}   ${verdict}`)
  }
  if (rows.some(({ bytes, bar }) => bytes > bar)) process.exitCode = 1
}
