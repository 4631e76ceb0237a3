/// <reference types="node" />
// Where the packages of the user's project are, as a module of that project would find them.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'

/** What `require` finds, seen from the file and from where the command was given. */
export function resolveFrom(file: string, name: string): string | undefined {
  for (const from of [file, join(process.cwd(), 'index.js')])
    try {
      return createRequire(pathToFileURL(from)).resolve(name)
    } catch {}
  return undefined
}

/** The file that a package starts with: the one to import, or else the one to require. */
export function entryOf(name: string): string | undefined {
  return entryOfModule(name) ?? resolveFrom(process.cwd(), name)
}

function entryOfModule(name: string): string | undefined {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const home = join(folder, 'node_modules', name)
    try {
      const { exports } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8'))
      const entry = importIn(exports?.['.'] ?? exports)
      if (entry !== undefined) return join(home, entry)
    } catch {}
    if (dirname(folder) === folder) return undefined
  }
}

/** What the conditions of a manifest give to an import on Node. */
function importIn(target: unknown): string | undefined {
  if (typeof target === 'string') return target
  if (typeof target !== 'object' || target === null) return undefined
  for (const [condition, inner] of Object.entries(target))
    if (['node', 'import', 'default'].includes(condition)) {
      const found = importIn(inner)
      if (found !== undefined) return found
    }
  return undefined
}
