// Read-write locks: which members are for reading, and which for writing.

import { ITSELF, type Member, type Members, membersOf } from './members.js'
import { normal } from './names.js'
import { isObject, isThenable } from './probe.js'

/** The members for reading and those for writing, by what they do. */
export interface Modes {
  readonly read: Members
  readonly write: Members
  /** They are members of objects inside of the lock, beside which it has members of its own. */
  readonly inner: boolean
}

const wordsOf = (name: string): string[] =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^a-z0-9]+/)

const READ = /^(read|reads|reader|readers|shared|ro|reading)$/
const WRITE = /^(write|writes|writer|writers|exclusive|rw|writing)$/
/** As in Go: `rlock` beside `lock`. */
const GO = /^(r|w)(un)?(lock|acquire|release)$/

/** The words of a name without those that tell the mode: `acquireRead` is `acquire`, `readUnlock` is `unlock`. */
export const withoutMode = (name: string): string =>
  GO.test(normal(name))
    ? normal(name).slice(1)
    : wordsOf(name)
        .filter(word => !READ.test(word) && !WRITE.test(word) && word !== 'for')
        .join('')

/** Nothing where there are not both. */
export function modesOf(lock: object, members: Members): Modes | undefined {
  const flat = flatModes(members)
  if (flat) return { ...flat, inner: false }
  const read = nested(lock, READ)
  const write = nested(lock, WRITE)
  if (!read || !write) return undefined
  const hasOwn = [...members.values()].some(({ name }) =>
    wordsOf(name).some(word => READ.test(word) || WRITE.test(word))
  )
  return { read, write, inner: hasOwn }
}

function flatModes(members: Members): { read: Members; write: Members } | undefined {
  const callable = [...members].filter(([name]) => name !== ITSELF)
  const isGo = callable.some(([name]) => /^r(lock|acquire)$/.test(name))
  const of = (is: (name: string) => boolean): Members =>
    new Map(
      callable
        .filter(([, member]) => is(member.name))
        .map(([, member]): [string, Member] => [withoutMode(member.name) || 'run', member])
    )
  const says = (mode: RegExp, other: RegExp) => (name: string) => {
    const words = wordsOf(name)
    return words.some(word => mode.test(word)) && !words.some(word => other.test(word))
  }
  const plain = /^(un)?(lock|acquire|release)$/
  const read = of(name => (isGo ? /^r/.test(normal(name)) && GO.test(normal(name)) : says(READ, WRITE)(name)))
  const write = of(name => {
    const known = normal(name)
    if (!isGo) return says(WRITE, READ)(name)
    return (known.startsWith('w') && GO.test(known)) || plain.test(known)
  })
  return read.size > 0 && write.size > 0 ? { read, write } : undefined
}

function nested(lock: object, mode: RegExp): Members | undefined {
  for (const [name, value] of Object.entries(lock)) {
    if (!wordsOf(name).some(word => mode.test(word))) continue
    if (!isObject(value) || Array.isArray(value) || value instanceof Map || isThenable(value)) continue
    const inner = [...membersOf(value)].map(([key, member]): [string, Member] => [
      key,
      { ...member, name: `${name}.${member.name}`, of: lock => member.of((lock as Record<string, unknown>)[name]) }
    ])
    if (inner.length > 0) return new Map(inner)
  }
  return undefined
}
