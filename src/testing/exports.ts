// From what a module exports to a maker of fresh locks: a class is constructed, a factory called, and what is neither is
// the lock itself.

import { Mutex } from '../index.js'
import { noteMaps } from './gauges.js'
import { type Hints, UnrecognisedError } from './hints.js'
import { ACQUIRE, isCapacityName, normal, RELEASE, RUN, roleOf, saysSemaphore, TRY } from './names.js'
import { missingIn } from './needs.js'
import { Call, isObject, startWatchingMaps, TaskSpy } from './probe.js'
import { constructorParametersOf, parametersOf } from './signature.js'
import { textOf } from './wording.js'

type Names = Readonly<Record<string, unknown>> & { readonly default?: unknown }

/** One fresh evaluation of the module: its exports, and the maps that it made while it was evaluated. */
export interface Loaded {
  readonly names: Names
  readonly maps: readonly Map<unknown, unknown>[]
}

export interface Found {
  /** The name of the export; `*` for the module as a whole. */
  readonly exported: string
  /** How the locks are made, in words: `new Mutex()`. */
  readonly how: string
  readonly hints: Hints
  /** Makes a fresh lock. Absent where the module holds the one lock that there is, and must be loaded anew for another. */
  readonly create?: () => unknown
  /** Takes the lock out of a fresh evaluation of its module. */
  readonly pick: (loaded: Loaded) => unknown
  /** Makes the lock in a fresh evaluation of its module, where what is made shares the state of the module. */
  readonly makeIn?: (loaded: Loaded) => unknown
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
    return {
      exported: '*',
      how: 'the module as a whole',
      hints,
      pick: ({ names, maps }) => withMaps({ ...names }, maps)
    }

  const pick = ({ names, maps }: Loaded) => withMaps(at(names, name), maps)
  const exported = at(names, name)
  const called = nameOf(exported, name)
  const named: Hints = { name: called, ...hints }
  if (typeof exported !== 'function') return { exported: name, ...ofInstance(exported, called, named, pick) }

  const hasOwn = Object.getOwnPropertyNames(exported).some(name => isLockWord(normal(name)))
  if (isClass(exported as Callable) && !(hasOwn && !isLockLike((exported as Callable).prototype))) {
    const args = argumentsFor(exported as Callable, called, hints)
    const make = (args: readonly unknown[]) => () => new (exported as unknown as Class)(...args)
    const fits = [args, [], [2], [{}]].find((args, i) => (i === 0 || !hints.args) && !throws(make(args)))
    if (!fits) {
      const { outcome } = new Call(make(args))
      const why = 'reason' in outcome ? textOf(outcome.reason) : ''
      throw new UnrecognisedError(
        `${written(`new ${called}`, args)} throws: ${why}\nSay what it is constructed with by the hint \`args\`. ` +
          'If that is no JSON, check a file of these lines instead:\n' +
          `  import { ${called} } from './FILE'\n  export const createLock = () => new ${called}(/* what it needs */)`
      )
    }
    return {
      exported: name,
      how: written(`new ${called}`, fits),
      hints: hintsFor(exported as Callable, named, fits, called),
      create: make(fits),
      pick,
      makeIn: ({ names, maps }) => withMaps(new (at(names, name) as Class)(...fits), maps)
    }
  }

  if (hasOwn) return { exported: name, how: `${called} itself`, hints: named, pick }

  const decorated = await decoratorOf(load, name, called)
  if (decorated) return { exported: name, hints: named, pick, ...decorated }

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
    const several = argumentsFor(exported as Callable, called, hints)
    const fits = several.length > 0 ? several : args
    return {
      exported: name,
      how: written(called, fits),
      hints: hintsFor(exported as Callable, named, fits, called),
      create: fits === args ? create : () => (exported as Callable)(...fits),
      pick,
      makeIn: ({ names, maps }) => withMaps((at(names, name) as Callable)(...fits), maps)
    }
  }
  return { exported: name, hints: named, pick, how: `${called} itself` }
}

/** A function that makes of a function one whose calls wait for each other: each such function is a lock. */
async function decoratorOf(
  load: () => Promise<Loaded>,
  name: string,
  called: string
): Promise<Pick<Found, 'how' | 'create'> | undefined> {
  const exported = at((await load()).names, name) as Callable
  const [first, ...others] = parametersOf(exported)
  if (!first || roleOf(first.name) !== 'task' || others.some(({ name }) => !/option|opts|ms|config/i.test(name)))
    return undefined
  // Two of them, with a task each: if the second waits for the first, they share one lock, and this is how it is used.
  const { outcome } = new Call(() => exported((task: Callable) => task()))
  if (outcome.state !== 'returned' || typeof outcome.value !== 'function') return undefined
  const make = () => exported((task: Callable) => task()) as Callable
  const stay = new TaskSpy(true)
  const other = new TaskSpy()
  new Call(() => make()(stay.task))
  await stay.start()
  new Call(() => make()(other.task))
  const areApart = await other.start()
  stay.end()
  if (!areApart) return undefined
  return {
    how: `${called}(task => task())`,
    create: () => {
      const lock = make()
      return (task: Callable) => lock(task)
    }
  }
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
  // What CommonJS exports is the default here, and an object of several classes is no lock.
  if (typeof given === 'function' || (given !== undefined && isLockLike(given) && !holdsClasses(given)))
    return 'default'
  const all = isObject(given) && Object.keys(given).length > 0 ? given : names
  const named = Object.keys(all).filter(name => {
    const value = all[name]
    return !/error|exception|^__esModule$|^default$/i.test(name) && (typeof value === 'function' || isLockLike(value))
  })
  const has = (words: readonly string[]) => named.some(name => words.includes(normal(name)))
  const possible = withoutTwins(all, named)
  if (possible.length === 1) return possible[0]!
  if (has(ACQUIRE) && has(RELEASE)) return WHOLE
  // Functions beside the one class mostly hand out locks of it, or use one.
  const classes = possible.filter(name => isLockClass(all[name]))
  if (classes.length === 1 && possible.every(name => name === classes[0] || !isLockWordAlone(name))) return classes[0]!
  const sounding = possible.filter(name => /mutex|lock|sema|exclusive|serial|critical/i.test(name))
  if (sounding.length === 1) return sounding[0]!
  const candidates = possible.length > 0 ? possible : own
  throw new UnrecognisedError(
    `the module has several exports that may be a lock: ${candidates.join(', ')}.\n` +
      `Say which one is meant by its name behind the file:\n${candidates.map(name => `  FILE#${name}`).join('\n')}`
  )
}

const holdsClasses = (value: unknown): boolean =>
  isObject(value) && Object.values(value).some(member => typeof member === 'function' && isClass(member as Callable))

/** Without second names of one thing, the instance of a class that is there as well, and what others are derived from. */
function withoutTwins(all: Readonly<Record<string, unknown>>, names: readonly string[]): string[] {
  const values = names.map(name => all[name])
  return names.filter((name, i) => {
    const value = all[name]
    if (values.indexOf(value) < i) return false
    if (isObject(value) && values.includes(value.constructor)) return false
    return !values.some(other => {
      if (typeof value !== 'function' || typeof other !== 'function' || other === value) return false
      return (
        isObject(value.prototype) && Object.prototype.isPrototypeOf.call(value.prototype, other.prototype as object)
      )
    })
  })
}

/** An export by its name; one of CommonJS may be found in the default only. */
const at = (names: Names, name: string): unknown => {
  if (name in names) return names[name]
  const given = names.default
  return isObject(given) || typeof given === 'function' ? (given as Record<string, unknown>)[name] : undefined
}

function ofInstance(lock: unknown, name: string, hints: Hints, pick: Found['pick']): Omit<Found, 'exported'> {
  if (!isObject(lock)) throw new UnrecognisedError(`${name} is ${textOf(lock)}, which is no lock`)
  const Own = lock.constructor as Class | undefined
  if (typeof Own === 'function' && isClass(Own as unknown as Callable) && Own.name !== 'Object') {
    const args = argumentsFor(Own as unknown as Callable, Own.name, hints)
    const create = () => new Own(...args)
    if (!throws(create))
      return {
        how: written(`new ${Own.name}`, args),
        hints: hintsFor(Own as unknown as Callable, hints, args, Own.name),
        create,
        pick
      }
  }
  return { how: `${name} itself`, hints, pick }
}

/** The body of a function without those of the functions in it. */
function outermost(source: string): string {
  let body = source.slice(source.indexOf('{') + 1, source.lastIndexOf('}'))
  for (let before = ''; before !== body; ) {
    before = body
    body = body.replace(/\{[^{}]*\}/g, '')
  }
  return body
}

function isClass(callable: Callable): boolean {
  const source = Function.prototype.toString.call(callable)
  // One of the old kind puts its members on `this`, and gives nothing.
  const own = /^function\b/.test(source) && /\bthis\.[\w$]+\s*=[^=]/.test(source)
  if (own && !/\breturn\b/.test(outermost(source))) return true
  if (/^class\b/.test(source)) return true
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

/** With what is known of the arguments that it is made with. */
function hintsFor(make: Callable, hints: Hints, args: readonly unknown[], name: string): Hints {
  const [first] = constructorParametersOf(make)
  const isNamed = first !== undefined && isCapacityName(first.name) && typeof args[0] === 'number'
  const sure = hints.capacity !== undefined || isNamed
  return { ...withCapacity(hints, args, name), missing: missingIn(make, args.length), isCapacitySure: sure }
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
    if (hasLockWords(Object.getOwnPropertyNames(at).map(normal))) return true
  return false
}

/** Reading and writing are two words of a lock, where both are there. */
const hasLockWords = (names: readonly string[]): boolean =>
  names.some(isLockWord) ||
  [/^(with|run|in|do)?read$/, /^(with|run|in|do)?write$/].every(mode => names.some(name => mode.test(name)))

const isLockWord = (name: string): boolean => KNOWN.has(name) || /acquire|lock|exclusive/.test(name)

const isLockWordAlone = (name: string): boolean => KNOWN.has(normal(name))

const isLockClass = (value: unknown): boolean =>
  typeof value === 'function' && isClass(value as Callable) && isLockLike((value as Callable).prototype)

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
