// Checks the package as a user gets it: packed, linted, its types resolved in every mode, installed, loaded, compiled.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkTypes } from './check-types.js'
import { entryPoints, manifest, run } from './project.js'

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-package-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

run('npm', ['run', 'build'], { quiet: true })
run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], { quiet: true })
const tarball = join(scratch, readdirSync(scratch).find(file => file.endsWith('.tgz')) ?? '')

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

step('compiled against, with the compilers and settings that people have (all of their combinations with --all)')
const names = entryPoints.map(({ name }) => name)
if (!(await checkTypes(names, user, process.argv.includes('--all')))) process.exit(1)
console.log(`\n${manifest.name} is fit to publish.`)

/** @param {string} title */
function step(title) {
  console.log(`\n== ${title}`)
}
