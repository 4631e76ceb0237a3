// What the constructors of this folder check, and in which words.

import { must, type Named } from '../core/errors.js'
import { LONGEST_TIMER } from '../core/waiter-queue.js'
import type { EngineOptions } from './contract.js'

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
  // No timer of the platform runs longer.
  const isLease = (value: unknown) => isWholeFrom(100)(value) && (value as number) <= LONGEST_TIMER
  mustBe(source, 'options.lease', `a whole number of ms from 100 to ${LONGEST_TIMER}`, lease, isLease)
  return { namespace, lease }
}

/** @internal */
export const isWholeFrom =
  (least: number) =>
  (value: unknown): boolean =>
    Number.isSafeInteger(value) && (value as number) >= least
