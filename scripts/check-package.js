// Checks the package as a user gets it: packed, linted, its types resolved in every mode, installed, loaded, compiled.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { entryPoints, fromRoot, manifest, run } from './project.js'

const scratch = mkdtempSync(join(tmpdir(), 'latchkey-package-'))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }))

run('npm', ['run', 'build'], { quiet: true })
run('npm', ['pack', '--ignore-scripts', '--pack-destination', scratch], { quiet: true })
const tarball = join(scratch, readdirSync(scratch).find(file => file.endsWith('.tgz')) ?? '')

step('publint --strict')
run('publint', ['run', tarball, '--strict'])

step('are the types wrong: every entry point, every resolution mode, no rule ignored')
run('attw', [tarball, '--no-definitely-typed', '--no-emoji', '--no-color'])

step('installed in an empty project: every entry point imported, required and compiled against')
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

// The declarations are checked too (skipLibCheck is off): none may name something that stripInternal took away or that
// only our own compiler options know.
const imports = entryPoints.map(({ name }, i) => `import * as entry${i} from '${name}'\nvoid entry${i}\n`).join('')
writeFileSync(join(user, 'module.mts'), imports)
writeFileSync(join(user, 'commonjs.cts'), imports)
const platforms = {
  'a browser': { lib: ['ES2022', 'DOM'], types: [] },
  Node: { lib: ['ES2022'], types: ['node'], typeRoots: [fromRoot('node_modules/@types')] }
}
for (const [platform, libraries] of Object.entries(platforms)) {
  const compilerOptions = { module: 'NodeNext', target: 'ES2022', strict: true, noEmit: true, ...libraries }
  writeFileSync(join(user, 'tsconfig.json'), JSON.stringify({ compilerOptions }))
  console.log(`types for ${platform}: lib ${libraries.lib.join(', ')}`)
  run('tsc', ['-p', 'tsconfig.json'], { cwd: user })
}
console.log(`\n${manifest.name} is fit to publish.`)

/** @param {string} title */
function step(title) {
  console.log(`\n== ${title}`)
}
