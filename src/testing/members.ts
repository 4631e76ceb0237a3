// What can be called on a lock, by name.

import { UnrecognisedError } from './hints.js'
import { FOR_KEY, normal } from './names.js'
import { Call, isObject, isReference } from './probe.js'
import { type Parameter, parametersOf } from './signature.js'

export type Callable = (...args: unknown[]) => unknown

export interface Member {
  readonly name: string
  /** It is the lock that is called. */
  readonly isItself: boolean
  readonly parameters: readonly Parameter[]
  /** Its source, with that of what it belongs to. */
  readonly source: string
  /** Whether it has no parameters and looks at what it is given all the same. */
  readonly readsArguments: boolean
  /** The function itself. */
  readonly callable: Callable
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

export function membersOf(lock: unknown, internal: readonly string[] = []): Members {
  const members = new Map<string, Member>()
  if (typeof lock === 'function') {
    const parameters = parametersOf(lock as Callable)
    const name = /lock|mutex|excl|acquire|serial|queue/i.test(lock.name) ? lock.name : 'lock'
    members.set(ITSELF, {
      name,
      isItself: true,
      parameters,
      of: lock => lock as Callable,
      ...describe(lock as Callable, lock)
    })
  }
  for (let at: unknown = lock; isReference(at); at = Object.getPrototypeOf(at)) {
    if (at !== lock && PLATFORM.test((at as { constructor?: { name?: string } }).constructor?.name ?? 'Object')) break
    if (at === Function.prototype || at === Object.prototype) break
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (
        typeof value !== 'function' ||
        name === 'constructor' ||
        /^_|^#/.test(name) ||
        internal.includes(name) ||
        members.has(normal(name))
      )
        continue
      members.set(normal(name), {
        name,
        isItself: false,
        parameters: parametersOf(value as Callable),
        of:
          lock =>
          (...args) =>
            (lock as Record<string, Callable>)[name]!(...args),
        ...describe(value as Callable, lock)
      })
    }
  }
  return members
}

/** What the source of a member tells. */
function describe(
  callable: Callable,
  owner: unknown
): Pick<Member, 'source' | 'readsArguments' | 'callable' | 'asksFor'> {
  const own = Function.prototype.toString.call(callable)
  const made = isObject(owner) && typeof owner.constructor === 'function' ? owner.constructor : undefined
  const whole = made && !PLATFORM.test(made.name) ? Function.prototype.toString.call(made) : ''
  return {
    callable,
    source: `${own}\n${whole}`,
    readsArguments: callable.length === 0 && /\barguments\b/.test(own),
    asksFor: askingOf(callable)
  }
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
