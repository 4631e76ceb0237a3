// Builds dist/esm and dist/cjs with the compiler alone: what is published is the source without its types.

import { writeFileSync } from 'node:fs'
import './clean.js'
import { fromRoot, manifest, run } from './project.js'

run('tsc', '-p', 'tsconfig.esm.json')
run('tsc', '-p', 'tsconfig.cjs.json')

// This manifest makes the files under dist/cjs CommonJS. Being the nearest one, it is also where Node looks up the
// package's own name for them, so it repeats the entry points: an adapter that requires 'latchkey' gets this build.
const exports = Object.fromEntries(
  Object.entries(manifest.exports)
    .filter(([, target]) => typeof target !== 'string')
    .map(([entry, target]) => [entry, target.require.default.replace('./dist/cjs/', './')])
)
const { name, sideEffects } = manifest
writeFileSync(
  fromRoot('dist/cjs/package.json'),
  `${JSON.stringify({ name, type: 'commonjs', sideEffects, exports }, null, 2)}\n`
)
