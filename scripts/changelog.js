// CHANGELOG.md, entry by entry. `node scripts/changelog.js VERSION` prints one: the text of a release.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * What stands under the heading of a version, or `undefined` where there is none.
 *
 * @param {string} changelog
 * @param {string} version
 */
export function entryOf(changelog, version) {
  const [, ...entries] = changelog.split(/^## /m)
  const entry = entries.find(entry => entry.split('\n')[0]?.trim() === version)
  return entry?.slice(entry.indexOf('\n')).trim()
}

const file = fileURLToPath(import.meta.url)
if (process.argv[1] === file) {
  const [, , version = ''] = process.argv
  const entry = entryOf(readFileSync(new URL('../CHANGELOG.md', import.meta.url), 'utf8'), version)
  if (entry === undefined) throw new Error(`CHANGELOG.md has no entry for "${version}"`)
  console.log(entry)
}
