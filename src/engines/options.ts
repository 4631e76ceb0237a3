// What the constructors of this folder check, and in which words.

import { must, type Named } from '../core/errors.js'
import { LONGEST_TIMER, labelOf } from '../core/waiter-queue.js'
import type { DistributedOptions, EngineOptions } from './contract.js'

/** What messages call a lock: its class, and its name if it has one. @internal */
export const sourceOf = (kind: string, options: DistributedOptions | undefined): Named => ({
  label: labelOf(kind, options as { name?: string } | undefined)
})

/** Refuses an option that is given and is not what it should be. @internal */
export function mustBe(
  source: Named,
  argument: string,
  expected: string,
  value: unknown,
  fits: (value: unknown) => boolean
): void {
  must(value === undefined || fits(value), source, argument, expected, value)
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
