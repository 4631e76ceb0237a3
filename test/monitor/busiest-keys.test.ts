// Which keys are asked for most, in memory for a few of them.

import { expect, test } from 'vitest'
import { BusiestKeys } from '../../src/monitor/busiest-keys.js'

test('a key that takes over a counter takes over its count, and tells so, and none of those that waited', () => {
  const keys = new BusiestKeys(2)
  for (const [key, contended] of [
    ['a', true],
    ['a', true],
    ['b', true],
    ['c', false],
    ['c', true]
  ] as const)
    keys.count(key, contended)
  expect(keys.top(3, String)).toEqual([
    { key: 'c', requests: 3, error: 1, contended: 1 },
    { key: 'a', requests: 2, error: 0, contended: 2 }
  ])
})
