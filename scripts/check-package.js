// Checks the package as a user gets it: packed, linted, its types resolved in every mode, installed, loaded, compiled.
//
// Usage: node scripts/check-package.js [--all] [TARBALL]   TARBALL: check this one, instead of one that is made now

import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { checkTypes } from './check-types.js'
import { checkDefinitions } from './definitions.js'
import { entryPoints, manifest, run } from './project.js'

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-package-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

const given = process.argv.slice(2).find(argument => argument.endsWith('.tgz'))
if (given === undefined) {
  run('npm', ['run', 'build'], { quiet: true })
  run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], { quiet: true })
}
const tarball = given ? resolve(given) : join(scratch, readdirSync(scratch).find(file => file.endsWith('.tgz')) ?? '')

/** In bytes: what an installation downloads. With a little room, so that it grows only on purpose. */
const TARBALL = 880_000
const { size } = statSync(tarball)
step(`the tarball: ${size} B of ${TARBALL}`)
if (size > TARBALL) {
  console.error('It outgrew its budget: see what is new in `npm pack --dry-run`, or raise the budget on purpose.')
  process.exit(1)
}

step('publint --strict')
run('publint', ['run', tarball, '--strict'])

step('are the types wrong: every entry point, every resolution mode, no rule ignored')
run('attw', [tarball, '--no-definitely-typed', '--no-emoji', '--no-color'])

step('installed in an empty project: every entry point imported and required')
const user = join(scratch, 'user')
mkdirSync(user)
writeFileSync(join(user, 'package.json'), JSON.stringify({ name: 'user', private: true }))
run('npm', ['install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', tarball], { cwd: user, quiet: true })

const loaders = {
  'imported.mjs': name => `import * as names from '${name}'`,
  'required.cjs': name => `const names = require('${name}')`
}
for (const { name } of entryPoints) {
  for (const [file, load] of Object.entries(loaders)) {
    const complaint = `'nothing is exported from ${name}'`
    writeFileSync(
      join(user, file),
      `${load(name)}\nif (Object.keys(names).length === 0) throw new Error(${complaint})\n`
    )
    run('node', [file], { cwd: user })
  }
}

step('go to definition: every declared name leads to a published source')
const { checked, stray } = checkDefinitions(join(user, 'node_modules', manifest.name))
for (const line of stray) console.error(line)
if (stray.length > 0 || checked === 0) process.exit(1)
console.log(`${checked} names, each leads to its place`)

step('compiled against, with the compilers and settings that people have (all of their combinations with --all)')
const names = entryPoints.map(({ name }) => name)
if (!(await checkTypes(names, user, process.argv.includes('--all')))) process.exit(1)
console.log(`\n${manifest.name} is fit to publish.`)

/** @param {string} title */
function step(title) {
  console.log(`\n== ${title}`)
}
