// What can be called on a lock, by name.

import { UnrecognisedError } from './hints.js'
import { FOR_KEY, normal } from './names.js'
import { Call, isObject, isReference, isThenable } from './probe.js'
import { type Parameter, parametersOf } from './signature.js'

export type Callable = (...args: unknown[]) => unknown

export interface Member {
  readonly name: string
  readonly parameters: readonly Parameter[]
  of(lock: unknown): Callable
  /** Whether its source looks at what it was given for this parameter before it uses it. */
  asksFor(parameter: string): boolean
}
export type Members = ReadonlyMap<string, Member>

/** The lock itself, where it can be called. */
export const ITSELF = '()'
/** Not to be called in order to see what happens. */
export const LEAVE_ALONE =
  /^(is|has|get|on|off|emit|add|remove|cancel|clear|close|destroy|reset|dispose|wake)|unlock|release|free|signal|count|size|length/
const PLATFORM = /^(EventEmitter|EventTarget|Object|Function|AsyncFunction|Promise|Map|Set|Array)$/

export function membersOf(lock: unknown): Members {
  const members = new Map<string, Member>()
  if (typeof lock === 'function') {
    const parameters = parametersOf(lock as Callable)
    const name = /lock|mutex|excl|acquire|serial|queue/i.test(lock.name) ? lock.name : 'lock'
    members.set(ITSELF, { name, parameters, of: lock => lock as Callable, asksFor: askingOf(lock as Callable) })
  }
  for (let at: unknown = lock; isReference(at); at = Object.getPrototypeOf(at)) {
    if (at !== lock && PLATFORM.test((at as { constructor?: { name?: string } }).constructor?.name ?? 'Object')) break
    if (at === Function.prototype || at === Object.prototype) break
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value !== 'function' || name === 'constructor' || name.startsWith('_') || members.has(normal(name)))
        continue
      members.set(normal(name), {
        name,
        parameters: parametersOf(value as Callable),
        of:
          lock =>
          (...args) =>
            (lock as Record<string, Callable>)[name]!(...args),
        asksFor: askingOf(value as Callable)
      })
    }
  }
  return members
}

const askingOf =
  (callable: Callable) =>
  (parameter: string): boolean => {
    const name = parameter.replace(/\$/g, '\\$&')
    const asks = new RegExp(`typeof ${name}\\b|!${name}\\b|if \\(${name}\\)|\\b${name} (\\?|[!=]==?|&&)`)
    return parameter !== '' && asks.test(Function.prototype.toString.call(callable))
  }

/** The members of the locks that it keeps one for each key of, as members that take the key first. */
export function perKey(lock: object, members: Members): Members {
  for (const via of pick(FOR_KEY, members)) {
    if (via.parameters.length !== 1) continue
    const { outcome } = new Call(() => via.of(lock)('a'))
    if (outcome.state !== 'returned' || !isReference(outcome.value) || outcome.value === lock) continue
    const key: Parameter = { name: 'key', fields: [], rest: false }
    return new Map(
      [...membersOf(outcome.value)].map(([name, member]): [string, Member] => [
        name,
        {
          ...member,
          name: `${via.name}(key).${member.name}`,
          parameters: [key, ...member.parameters],
          of:
            lock =>
            (at, ...args) =>
              member.of(via.of(lock)(at))(...args)
        }
      ])
    )
  }
  return new Map()
}

export const READ = /^(read|shared|reader)$|read(?!y)|shared/i
const WRITE = /^(writer?|exclusive)$|write/i

/** The words of a name without those that tell the mode: `acquireRead` is `acquire`, `readUnlock` is `unlock`. */
export const withoutMode = (name: string): string => normal(name).replace(/reader|read|writer|write|shared/, '')

/** The members for reading and those for writing, by what they do; nothing where there are not both. */
export function modesOf(lock: object, members: Members): { read: Members; write: Members } | undefined {
  const nested = (mode: RegExp): Members | undefined => {
    for (const [name, value] of Object.entries(lock))
      if (
        mode.test(name) &&
        isObject(value) &&
        !Array.isArray(value) &&
        !(value instanceof Map) &&
        !isThenable(value)
      ) {
        const inner = [...membersOf(value)].map(([key, member]): [string, Member] => [
          key,
          { ...member, name: `${name}.${member.name}`, of: lock => member.of((lock as Record<string, unknown>)[name]) }
        ])
        if (inner.length > 0) return new Map(inner)
      }
    return undefined
  }
  const flat = (mode: RegExp, other: RegExp): Members =>
    new Map(
      [...members]
        .filter(([name, member]) => name !== ITSELF && mode.test(member.name) && !other.test(member.name))
        .map(([, member]) => [withoutMode(member.name) || 'run', member])
    )
  const read = nested(READ) ?? flat(READ, WRITE)
  const write = nested(WRITE) ?? flat(WRITE, READ)
  return read.size > 0 && write.size > 0 ? { read, write } : undefined
}

export function pick(known: readonly string[], members: Members, hint?: string): readonly Member[] {
  if (hint !== undefined) {
    const member = members.get(normal(hint)) ?? [...members.values()].find(({ name }) => name === hint)
    if (!member) {
      const names = [...members.values()].map(({ name }) => name).join(', ') || 'no members'
      throw new UnrecognisedError(`the lock has no member ${hint}; it has ${names}`)
    }
    return [member]
  }
  return [...new Set(known.flatMap(name => members.get(name) ?? []))]
}
