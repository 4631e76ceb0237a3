// `npm run version`: the changesets become a version in package.json and an entry in CHANGELOG.md.
//
// An entry that stands there already was written by hand, as that of the first release is. It is kept, and what would have been
// generated is not added.
//
// Usage: node scripts/version.js [FOLDER]   FOLDER: a copy of the repository, instead of this one

import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { entryOf } from './changelog.js'
import { fromRoot, run } from './project.js'

const root = resolve(process.argv[2] ?? fromRoot('.'))
const changelog = join(root, 'CHANGELOG.md')
const before = readFileSync(changelog, 'utf8')

run('changeset', ['version'], { cwd: root })

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
if (entryOf(before, version) !== undefined) writeFileSync(changelog, before)
else if (entryOf(readFileSync(changelog, 'utf8'), version) === undefined)
  throw new Error(`CHANGELOG.md has no entry for ${version}`)
console.log(`version ${version}`)
