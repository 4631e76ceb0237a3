// Checks of what users pass, and the one place where options are read.
//
// A wrong argument throws at the call, before anything is taken or queued; the text names the argument and shows the
// value. Every option is read exactly once: a getter may answer differently the second time, or use the lock.

import type { AcquireOptions, LockOptions } from './lock.js'
import { $label, $settings } from './members.js'

/** What messages call the primitive or the function that is being used. */
export type Named = string | { readonly [$label]: string }

/** What is kept of the options of a constructor. */
export interface Settings extends LockOptions {
  /** How a call waits that does not say how. */
  readonly wait?: AcquireOptions | undefined
}

export const NO_SETTINGS: Settings = Object.freeze({})

export const inspect = Symbol.for('nodejs.util.inspect.custom')

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

/** A value as a message shows it: strings in quotes, objects by their kind, never a call to user code that may throw. */
export function show(value: unknown): string {
  // The message stays readable, whatever the length of a key.
  if (typeof value === 'string') return JSON.stringify(value.length > 100 ? `${value.slice(0, 99)}…` : value)
  if (typeof value === 'function') return 'a function'
  return isObject(value) ? 'an object' : String(value)
}

/** Throws unless `ok`: a `RangeError` for a number out of range, a `TypeError` for anything else. */
export function check(ok: boolean, source: Named, argument: string, expected: string, value: unknown): asserts ok {
  if (ok) return
  const ErrorClass = typeof value === 'number' && expected.includes('number') ? RangeError : TypeError
  throw new ErrorClass(
    `${typeof source === 'string' ? source : source[$label]}: ${argument} must be ${expected}, got ${show(value)}`
  )
}

export function checkFunction(source: Named, argument: string, value: unknown): void {
  check(typeof value === 'function', source, argument, 'a function', value)
}

export function checkObject(source: Named, argument: string, value: unknown): asserts value is object {
  check(isObject(value), source, argument, 'an object', value)
}

/** A whole number from `least` to `most`, if that is given. `Infinity` is one only as `most`. */
export function checkWhole(source: Named, argument: string, value: unknown, least: number, most?: number): number {
  const isWhole = Number.isInteger(value) && (value as number) >= least && (value as number) <= (most ?? Infinity)
  const range = most === undefined || most === Infinity ? `>= ${least}` : `from ${least} to ${most}`
  const expected = `a whole number ${range}${most === Infinity ? ' or Infinity' : ''}`
  check(isWhole || (value === Infinity && most === Infinity), source, argument, expected, value)
  return value as number
}

/** The same for an option, which may be left out. */
function checkOption(ok: boolean, source: Named, name: string, expected: string, value: unknown): void {
  check(ok || value === undefined, source, `options.${name}`, expected, value)
}

/** An option that is a time, and may be left out. */
export function checkMs(source: Named, name: string, value: unknown): void {
  checkOption(typeof value === 'number' && value >= 0, source, name, 'a number of ms >= 0', value)
}

/** By shape, not by class: a signal of another realm or of a polyfill is as good. */
const isSignal = (value: unknown): value is AbortSignal =>
  isObject(value) &&
  typeof (value as AbortSignal).aborted === 'boolean' &&
  typeof (value as AbortSignal).addEventListener === 'function' &&
  typeof (value as AbortSignal).removeEventListener === 'function'

/**
 * Reads how a call waits. `undefined`: until it is served.
 *
 * @param defaults what counts where the call says nothing
 */
export function readAcquireOptions(
  source: Named,
  options: unknown,
  defaults: AcquireOptions | undefined
): AcquireOptions | undefined {
  if (options === undefined) return defaults
  checkObject(source, 'options', options)
  const { signal, timeout, priority } = options as AcquireOptions
  if (signal !== undefined) checkOption(isSignal(signal), source, 'signal', 'an AbortSignal', signal)
  checkMs(source, 'timeout', timeout)
  checkOption(Number.isFinite(priority), source, 'priority', 'a finite number', priority)
  if (signal === undefined && timeout === undefined && !priority) return defaults
  return { signal, timeout: timeout ?? defaults?.timeout, priority }
}

const LOCK_OPTIONS = ['name', 'maxWaiting', 'timeout', 'observer']

/** How many pairs of letters of `name` are in `other`. */
const likeness = (name: string, other: string): number =>
  [...name].filter((_, i) => other.toLowerCase().includes(name.slice(i, i + 2).toLowerCase())).length

/** Refuses what is no options object, and names that we do not know: they were meant to have an effect. */
export function checkNames(source: Named, options: unknown, known: readonly string[]): void {
  checkObject(source, 'options', options)
  // Errors, arrays and locks are objects as well, and nothing that one would mean by options.
  const isPlain = {}.toString.call(options) === '[object Object]' && !(inspect in options)
  check(isPlain, source, 'options', 'a plain object', options)
  for (const name in options) {
    if (known.includes(name)) continue
    const nearest = known.reduce((best, other) => (likeness(name, other) > likeness(name, best) ? other : best))
    const label = typeof source === 'string' ? source : source[$label]
    throw new TypeError(`${label}: options.${name} does not exist; the nearest is ${nearest} (of ${known.join(', ')})`)
  }
}

/** A primitive that is being made. */
interface Configurable {
  readonly [$label]: string
  [$settings]: Settings
}

/**
 * Copies the options of a constructor into the settings of `source`.
 *
 * @param more the names of those that only this primitive has, which it checks itself
 */
export function readOptions(source: Configurable, options: unknown, more: readonly string[] = []): void {
  if (options === undefined) return
  const known = [...LOCK_OPTIONS, ...more]
  checkNames(source, options, known)
  const settings = Object.fromEntries(known.map(name => [name, (options as Record<string, unknown>)[name]]))
  source[$settings] = settings // first: the messages below call `source` by its name
  const { name, maxWaiting, timeout, observer } = settings as LockOptions
  const isLimit = Number.isInteger(maxWaiting) || maxWaiting === Infinity
  checkOption(typeof name === 'string', source, 'name', 'a string', name)
  checkOption(
    isLimit && (maxWaiting as number) >= 0,
    source,
    'maxWaiting',
    'a whole number >= 0 or Infinity',
    maxWaiting
  )
  checkMs(source, 'timeout', timeout)
  if (timeout !== undefined) Object.assign(settings, { wait: { timeout } })
  checkOption(isObject(observer), source, 'observer', 'an object', observer)
  for (const event of ['queued', 'granted', 'released', 'abandoned'] as const) {
    const listener = observer?.[event]
    checkOption(typeof listener === 'function', source, `observer.${event}`, 'a function', listener)
  }
}
