// What is wrong for any primitive of this folder, as tables, and the check that it fails loudly (G11).

import { inspect } from 'node:util'
import { expect } from 'vitest'
import { thrownBy } from '../fixtures/thrown.js'

/** An argument as the text should name it, what is wrong with it, and what that should throw. */
export type Wrong = [argument: string, value: unknown, ErrorClass: typeof TypeError | typeof RangeError]

/** Wrong for a whole number >= `least`. */
export const noWholeNumber = (argument: string, least: number): Wrong[] => [
  ...[null, 7n, true, '', '7', {}, [7], () => 7].map((value): Wrong => [argument, value, TypeError]),
  ...[Number.NaN, least - 1, least + 0.5, Number.POSITIVE_INFINITY].map((value): Wrong => [argument, value, RangeError])
]

export const wrongLockOptions: Wrong[] = [
  ['options', 'name', TypeError],
  ['options', null, TypeError],
  ['options.name', 7, TypeError],
  ['options.maxWaiting', '7', TypeError],
  ['options.maxWaiting', -1, RangeError],
  ['options.observer', true, TypeError],
  ['options.observer.granted', 7, TypeError]
]

export const wrongAcquireOptions: Wrong[] = [
  ['options', 500, TypeError],
  ['options', null, TypeError],
  ['options.signal', {}, TypeError],
  ['options.signal', null, TypeError],
  ['options.timeout', '7', TypeError],
  ['options.timeout', -1, RangeError],
  ['options.timeout', Number.NaN, RangeError],
  ['options.priority', 'high', TypeError],
  ['options.priority', Number.POSITIVE_INFINITY, RangeError]
]

/** `{ signal: … }` and the like, or the argument itself. */
export function optionsWith([argument, value]: Wrong): never {
  const [, ...members] = argument.split('.')
  return members.reduceRight((inner: unknown, member) => ({ [member]: inner }), value) as never
}

/** The call throws what it should, with a text that names the argument and shows the value, and `subject` is unchanged. */
export function expectMisuse(call: () => unknown, [argument, value, ErrorClass]: Wrong, subject?: object): void {
  const before = inspect(subject)
  const error = thrownBy(call)
  expect(error).toBeInstanceOf(ErrorClass)
  const { message } = error as Error
  expect(message).toContain(`: ${argument} must be `)
  const shown =
    typeof value === 'function' ? 'a function' : typeof value === 'object' && value ? 'an object' : `${value}`
  expect(message.slice(message.lastIndexOf('got '))).toContain(shown)
  expect(inspect(subject)).toBe(before)
}
