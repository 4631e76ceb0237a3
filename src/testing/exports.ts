// From what a module exports to a maker of fresh locks: a class is constructed, a factory called, and what is neither is
// the lock itself.

import { Mutex } from '../index.js'
import { noteMaps } from './gauges.js'
import { type Hints, UnrecognisedError } from './hints.js'
import { ACQUIRE, isCapacityName, normal, RELEASE, RUN, saysSemaphore, TRY } from './names.js'
import { Call, isObject, startWatchingMaps } from './probe.js'
import { constructorParametersOf } from './signature.js'

type Names = Readonly<Record<string, unknown>> & { readonly default?: unknown }

/** One fresh evaluation of the module: its exports, and the maps that it made while it was evaluated. */
export interface Loaded {
  readonly names: Names
  readonly maps: readonly Map<unknown, unknown>[]
}

export interface Found {
  /** How the locks are made, in words: `new Mutex()`. */
  readonly how: string
  readonly hints: Hints
  /** Makes a fresh lock. Absent where the module holds the one lock that there is, and must be loaded anew for another. */
  readonly create?: () => unknown
  /** Takes the lock out of a fresh evaluation of its module. */
  readonly pick: (loaded: Loaded) => unknown
}

type Callable = (...args: unknown[]) => unknown
type Class = new (...args: unknown[]) => unknown

/**
 * Finds the lock, or what makes locks, among the exports of a module.
 *
 * @param load evaluates the module anew: what is called to see what it gives may have taken a lock forever.
 * @param wanted the name of the export, where the user gave one.
 */
export async function findLock(
  load: () => Promise<Loaded>,
  wanted: string | undefined,
  hints: Hints = {}
): Promise<Found> {
  const { names } = await load()
  const name = choose(names, wanted)
  if (name === WHOLE)
    return { how: 'the module as a whole', hints, pick: ({ names, maps }) => withMaps({ ...names }, maps) }

  const pick = ({ names, maps }: Loaded) => withMaps(at(names, name), maps)
  const exported = at(names, name)
  const called = nameOf(exported, name)
  const named: Hints = { name: called, ...hints }
  if (typeof exported !== 'function') return ofInstance(exported, called, named, pick)

  const hasOwn = Object.getOwnPropertyNames(exported).some(name => isLockWord(normal(name)))
  if (isClass(exported as Callable) && !(hasOwn && !isLockLike((exported as Callable).prototype))) {
    const args = argumentsFor(exported as Callable, called, hints)
    const make = (args: readonly unknown[]) => () => new (exported as unknown as Class)(...args)
    const fits = [args, [2], [{}]].find((args, i) => (i === 0 || !hints.args) && !throws(make(args)))
    if (!fits) {
      const { outcome } = new Call(make(args))
      const why = 'reason' in outcome ? String(outcome.reason) : ''
      throw new UnrecognisedError(
        `${written(`new ${called}`, args)} throws: ${why}\nSay what it is constructed with by the hint \`args\`.`
      )
    }
    return { how: written(`new ${called}`, fits), hints: withCapacity(named, fits, called), create: make(fits), pick }
  }

  if (hasOwn) return { how: `${called} itself`, hints: named, pick }

  // A factory gives a lock at once. A lock that is a function gives a promise, or nothing, or throws for want of a task.
  const trials = hints.args ? [hints.args] : [[], [1]]
  for (const args of trials) {
    const { names } = await load()
    const call = new Call(() => (at(names, name) as Callable)(...args))
    const { outcome } = call
    if (outcome.state === 'pending' && /^(create|make|new|build)/i.test(called)) {
      const given = await call.settle()
      if (given.state === 'resolved' && isLockLike(given.value))
        throw new UnrecognisedError(
          `${called} gives a promise of a lock. Export a function that gives the lock at once.`
        )
    }
    if (outcome.state !== 'returned' || !isLockLike(outcome.value)) continue
    const create = () => (exported as Callable)(...args)
    const capacity = argumentsFor(exported as Callable, called, hints).length > 0 && !hints.args ? [2] : args
    const fits = saysSemaphore(called) && capacity.length > 0 ? capacity : args
    return {
      how: written(called, fits),
      hints: withCapacity(named, fits, called),
      create: fits === args ? create : () => (exported as Callable)(...fits),
      pick
    }
  }
  return { how: `${called} itself`, hints: named, pick }
}

const WHOLE = Symbol('the module as a whole')

/** Which export is meant: the one asked for, the default, the only one, or the only one that may be a lock. */
function choose(names: Names, wanted: string | undefined): string | typeof WHOLE {
  const known = [...new Set([...Object.keys(names), ...(isObject(names.default) ? Object.keys(names.default) : [])])]
  const list = known.filter(name => !name.startsWith('__') && name !== 'module.exports').join(', ') || 'nothing'
  if (wanted !== undefined) {
    if (at(names, wanted) !== undefined) return wanted
    throw new UnrecognisedError(`the module has no export ${wanted}; it has ${list}`)
  }
  const own = Object.keys(names).filter(name => name !== 'module.exports' && name !== '__esModule')
  if (own.length === 0) throw new UnrecognisedError('the module exports nothing')
  const given = names.default
  // What CommonJS exports is the default here, and a plain object of several classes is no lock.
  if (given !== undefined && (typeof given === 'function' || isLockLike(given))) return 'default'
  const all = isObject(given) ? given : names
  const possible = Object.keys(all).filter(name => {
    const value = all[name]
    return !/error|exception/i.test(name) && (typeof value === 'function' || isLockLike(value))
  })
  if (possible.length === 1) return possible[0]!
  const has = (words: readonly string[]) => possible.some(name => words.includes(normal(name)))
  if (has(ACQUIRE) && has(RELEASE)) return WHOLE
  const sounding = possible.filter(name => /mutex|lock|sema|exclusive|serial|critical/i.test(name))
  if (sounding.length === 1) return sounding[0]!
  throw new UnrecognisedError(
    `the module has several exports that may be a lock: ${(possible.length > 0 ? possible : own).join(', ')}.\n` +
      'Say which one is meant by its name behind the file: file#name'
  )
}

/** An export by its name; one of CommonJS may be found in the default only. */
const at = (names: Names, name: string): unknown => {
  if (name in names) return names[name]
  const given = names.default
  return isObject(given) || typeof given === 'function' ? (given as Record<string, unknown>)[name] : undefined
}

function ofInstance(lock: unknown, name: string, hints: Hints, pick: Found['pick']): Found {
  if (!isObject(lock)) throw new UnrecognisedError(`${name} is ${String(lock)}, which is no lock`)
  const Own = lock.constructor as Class | undefined
  if (typeof Own === 'function' && isClass(Own as unknown as Callable) && Own.name !== 'Object') {
    const args = argumentsFor(Own as unknown as Callable, Own.name, hints)
    const create = () => new Own(...args)
    if (!throws(create))
      return { how: written(`new ${Own.name}`, args), hints: withCapacity(hints, args, Own.name), create, pick }
  }
  return { how: `${name} itself`, hints, pick }
}

function isClass(callable: Callable): boolean {
  if (/^class\b/.test(Function.prototype.toString.call(callable))) return true
  const prototype: unknown = callable.prototype
  if (!isObject(prototype)) return false
  const hasMethods = Object.getOwnPropertyNames(prototype).some(name => name !== 'constructor')
  return hasMethods || Object.getPrototypeOf(prototype) !== Object.prototype // a subclass, compiled to a function
}

/** Nothing, or how many may hold at once where it asks for that. */
function argumentsFor(callable: Callable, name: string, hints: Hints): readonly unknown[] {
  if (hints.args) return hints.args
  const [first] = constructorParametersOf(callable)
  if (!first || first.fields.length > 0 || /^(options?|opts?|config)$/i.test(first.name)) return []
  const named = hints.kind === undefined && saysSemaphore(name) && !/mutex/i.test(name)
  const several = hints.kind === 'semaphore' || named
  return several || isCapacityName(first.name) ? [hints.capacity ?? (several ? 2 : 1)] : []
}

function withCapacity(hints: Hints, args: readonly unknown[], name: string): Hints {
  const [first] = args
  const isSemaphore = hints.kind === 'semaphore' || saysSemaphore(name)
  return isSemaphore && hints.capacity === undefined && typeof first === 'number'
    ? { ...hints, capacity: first }
    : hints
}

const KNOWN = new Set([...ACQUIRE, ...RUN, ...TRY])

/** A function, or an object with a member that a lock may have. */
function isLockLike(value: unknown): boolean {
  if (typeof value === 'function') return true
  for (let at = value; isObject(at) && at !== Object.prototype; at = Object.getPrototypeOf(at))
    if (Object.getOwnPropertyNames(at).some(name => isLockWord(normal(name)))) return true
  return false
}

const isLockWord = (name: string): boolean => KNOWN.has(name) || /acquire|lock|exclusive/.test(name)

const throws = (make: () => unknown): boolean => new Call(make).outcome.state === 'threw'

const nameOf = (exported: unknown, name: string): string =>
  name === 'default' ? (typeof exported === 'function' && exported.name) || 'the default export' : name

const written = (name: string, args: readonly unknown[]): string =>
  `${name}(${args.map(arg => JSON.stringify(arg) ?? String(arg)).join(', ')})`

function withMaps(lock: unknown, maps: readonly Map<unknown, unknown>[]): unknown {
  if ((isObject(lock) || typeof lock === 'function') && maps.length > 0) noteMaps(lock, maps)
  return lock
}

/** Module evaluations one at a time: the maps that are made meanwhile are those of the one. */
const loading = new Mutex()

/** Evaluates a module with `evaluate`, and notes the maps that it makes. */
export function loadWatched(evaluate: () => Promise<object>): Promise<Loaded> {
  return loading.runExclusive(async () => {
    const { made, maps, stop } = startWatchingMaps(evaluate)
    try {
      return { names: (await made) as Names, maps }
    } finally {
      stop()
    }
  })
}
