// What the constructors of this folder check, and in which words.

import { check, type Named } from '../core/arguments.js'
import { LONGEST_TIMER } from '../core/cancellation.js'
import { type DistributedOptions, type EngineOptions, LockEngineError, type LockMode, type Offers } from './contract.js'

/** What messages call a lock: its class, and its name if it has one. @internal */
export function sourceOf(kind: string, options: DistributedOptions | undefined): string {
  const name: unknown = options?.name
  return typeof name === 'string' ? `${kind} "${name}"` : kind
}

/** Refuses an option that is given and is not what it should be. @internal */
export function mustBe(
  source: Named,
  argument: string,
  expected: string,
  value: unknown,
  fits: (value: unknown) => boolean
): void {
  check(value === undefined || fits(value), source, argument, expected, value)
}

/** The options that PostgreSQL and Redis share, checked. @internal */
export function engineOptions(source: Named, options: EngineOptions = {}): { namespace: string; lease: number } {
  const { namespace = 'latchkey', lease = 10_000 } = options
  const isNamespace = (value: unknown) => typeof value === 'string' && !value.includes('\0')
  mustBe(source, 'options.namespace', 'a string without NUL', namespace, isNamespace)
  mustBeMs(source, 'options.lease', lease, 100)
  return { namespace, lease }
}

/** A whole number of ms that a timer of the platform can run. @internal */
export function mustBeMs(source: Named, argument: string, value: unknown, least: number): void {
  const fits = (value: unknown) => isWholeFrom(least)(value) && (value as number) <= LONGEST_TIMER
  mustBe(source, argument, `a whole number of ms from ${least} to ${LONGEST_TIMER}`, value, fits)
}

/** @internal */
export const isWholeFrom =
  (least: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= least

/** A key as messages show it: its beginning, if it is long. @internal */
export const showKey = (key: string): string =>
  key.length <= 100 ? JSON.stringify(key) : `${JSON.stringify(key.slice(0, 100))}… (${key.length} characters)`

/** What an engine says of itself when it is constructed. The rest of `Offers` shows in its methods. */
export type EngineAbilities = Pick<Offers, 'modes' | 'capacity'> & {
  /** Whether it can tell who holds a key, if that depends on its options. Default: if it has `inspectKey`. */
  readonly inspect?: boolean
}

/** What an engine can do that says nothing. @internal */
export const EXCLUSIVE_ONLY: EngineAbilities = { modes: ['exclusive'], capacity: false }

/** How many may hold one key, checked. @internal */
export function capacityOf(
  source: string,
  options: DistributedOptions | undefined,
  abilities: EngineAbilities
): number {
  const { capacity = 1, owner } = options ?? {}
  mustBe(source, 'options.capacity', 'a whole number >= 1', capacity, isWholeFrom(1))
  const isName = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0')
  mustBe(source, 'options.owner', 'a string that is not empty, without NUL', owner, isName)
  if (capacity > 1 && !abilities.capacity)
    throw unsupported(source, `options.capacity is ${capacity}, and this engine admits one holder of a key`)
  return capacity
}

/** How a call wants to hold its keys, checked. @internal */
export function modeOf(
  source: string,
  options: { mode?: unknown } | undefined,
  abilities: EngineAbilities,
  capacity: number
): LockMode {
  const mode = options?.mode
  if (mode === undefined || mode === 'exclusive') return 'exclusive'
  check(mode === 'shared', source, 'options.mode', "'exclusive' or 'shared'", mode)
  if (capacity > 1)
    throw new TypeError(
      `${source}: options.mode is 'shared', and the capacity of this lock is ${capacity}: it counts holders, so none shares a key. Take another lock, with a namespace of its own`
    )
  if (!abilities.modes.includes('shared'))
    throw unsupported(source, "options.mode is 'shared', and this engine cannot share a key")
  return 'shared'
}

/** @internal */
export const unsupported = (source: string, why: string): LockEngineError =>
  new LockEngineError('ERR_ENGINE_UNSUPPORTED', `${source}: ${why}`)
