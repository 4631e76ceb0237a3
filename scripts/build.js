// Builds dist/esm and dist/cjs with the compiler alone: what is published is the source without its types.

import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import './clean.js'
import { makePortable } from './declarations.js'
import { fromRoot, manifest, run, stubs } from './project.js'

run('tsc', ['-p', 'tsconfig.esm.json'])
run('tsc', ['-p', 'tsconfig.cjs.json'])
for (const half of ['dist/esm', 'dist/cjs']) makePortable(fromRoot(half))

// The nearest manifest decides: with this one, the files under dist/cjs are CommonJS.
const { sideEffects } = manifest
writeFileSync(fromRoot('dist/cjs/package.json'), `${JSON.stringify({ type: 'commonjs', sideEffects })}\n`)

for (const { folder, target } of stubs) {
  const up = (/** @type {string} */ path) => path.replace('./', '../'.repeat(folder.split('/').length))
  const { types, default: main } = target.require
  const stub = { main: up(main), module: up(target.import.default), types: up(types), sideEffects }
  mkdirSync(fromRoot(folder), { recursive: true })
  writeFileSync(fromRoot(`${folder}/package.json`), `${JSON.stringify(stub, undefined, 2)}\n`)
}

// npm makes what it installs executable; in this repository, and where it is linked, the build has to.
for (const program of Object.values(manifest.bin)) chmodSync(fromRoot(program), 0o755)

// The adapters import the package by its own name. The nearest manifest is also where Node looks that name up, and the
// one above has none: a CommonJS file would find the package only by chance, as a folder called node_modules/latchkey
// above it, which a linked package or this repository is not. So in this half the name becomes a path.
const cjs = fromRoot('dist/cjs')
const ownName = new RegExp(
  `^(?!\\s*(?:/?\\*|//))(.*\\b(?:from |require\\(|import\\()['"])${manifest.name}((?:/[^'"]*)?)(?=['"])`,
  'gm'
)
for (const path of readdirSync(cjs, { recursive: true, encoding: 'utf8' }).filter(path => /\.(js|d\.ts)$/.test(path))) {
  const file = join(cjs, path)
  const code = readFileSync(file, 'utf8')
  const linked = code.replace(ownName, (_, before, entry) => before + pathOf(`.${entry}`, file))
  if (linked !== code) writeFileSync(file, linked)
}

/**
 * @param {string} entry as a key of "exports"
 * @param {string} file that imports it
 */
function pathOf(entry, file) {
  const path = relative(dirname(file), fromRoot(manifest.exports[entry].require.default)).replaceAll('\\', '/')
  return path.startsWith('.') ? path : `./${path}`
}
