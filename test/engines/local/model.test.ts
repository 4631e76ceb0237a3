// Exclusion, order of tokens and progress of the queue of sockets, in every interleaving of two and three processes.

import { describe, expect, test } from 'vitest'
import { explore, type Fault, type Setting } from './model.js'

/** The longer ones run with `npm run chaos:local`. */
const isLong = process.env.CHAOS !== undefined

describe('the queue of sockets', () => {
  const settings: [string, number, Setting][] = [
    [
      'two processes, twice each, one dies, one leaves',
      80_000,
      { processes: 2, rounds: 2, deaths: 1, leaves: 1, most: 3 }
    ],
    [
      'two processes whose listings repeat names',
      10_000,
      { processes: 2, rounds: 1, deaths: 1, leaves: 1, repeats: true }
    ],
    ['three processes', 40_000, { processes: 3, rounds: 1, deaths: 0, leaves: 0, most: 2, coarse: true }],
    [
      'two processes that share the key, one dies, one leaves',
      5_000,
      { processes: 2, rounds: 1, deaths: 1, leaves: 1, most: 3, shared: [true, true] }
    ],
    [
      'one that shares the key and one that does not, twice each',
      20_000,
      { processes: 2, rounds: 2, deaths: 1, leaves: 0, most: 3, shared: [true, false] }
    ],
    [
      'two that share the key and one that does not',
      20_000,
      { processes: 3, rounds: 1, deaths: 0, leaves: 0, most: 2, coarse: true, shared: [true, false, true] }
    ],
    [
      'three processes and two permits',
      20_000,
      { processes: 3, rounds: 1, deaths: 0, leaves: 0, most: 2, coarse: true, capacity: 2, anyNumbers: true }
    ]
  ]
  const long: typeof settings = [
    ['two processes that try more often', 200_000, { processes: 2, rounds: 2, deaths: 1, leaves: 1, most: 4 }],
    [
      'three processes, one dies, one leaves',
      200_000,
      { processes: 3, rounds: 1, deaths: 1, leaves: 1, most: 2, coarse: true }
    ],
    [
      'three processes that try more often',
      500_000,
      { processes: 3, rounds: 1, deaths: 0, leaves: 0, most: 3, coarse: true }
    ],
    [
      'two that share the key and one that does not, one dies, one leaves',
      100_000,
      { processes: 3, rounds: 1, deaths: 1, leaves: 1, most: 2, coarse: true, shared: [true, false, true] }
    ],
    [
      'three processes and two permits, one dies, one leaves',
      100_000,
      { processes: 3, rounds: 1, deaths: 1, leaves: 1, most: 2, coarse: true, capacity: 2, anyNumbers: true }
    ]
  ]
  test.each(isLong ? [...settings, ...long] : settings)(
    '%s',
    (_, least, setting) => {
      const { states, violation } = explore(setting)
      expect(violation).toBeUndefined()
      expect(states).toBeGreaterThan(least)
    },
    300_000
  )
})

describe('the model notices', () => {
  const faults: [Fault, boolean, RegExp][] = [
    ['no verification', true, /two holders/],
    ['no verification', false, /number 2 after 2/],
    ['ties allowed', true, /two holders/],
    ['number before listening', true, /two holders|its own name/],
    ['listing begun before the name', true, /two holders/],
    ['renamed at release', false, /number \d after \d/],
    ['waiters unlink', false, /number \d after \d/],
    ['refused by a full queue', true, /a live entry was unlinked|two holders/]
  ]
  test.each(faults)('%s (numbers free: %s)', (fault, anyNumbers, what) => {
    const { violation } = explore({ processes: 2, rounds: 2, deaths: 1, leaves: 1, most: 4, fault, anyNumbers })
    expect(violation?.what).toMatch(what)
    expect(violation?.steps.length).toBeGreaterThan(3)
  })

  const family: [Fault, Partial<Setting>, RegExp][] = [
    ['shared ones unlink all below', { processes: 2, shared: [true, true] }, /a live entry was unlinked/],
    [
      'shared ones unlink all that are gone',
      { processes: 3, shared: [true, false, true], most: 2, anyNumbers: false },
      /number 1 after 1/
    ],
    ['no verification', { processes: 2, shared: [true, false] }, /two holders/],
    ['no verification', { processes: 3, capacity: 2, most: 2 }, /3 holders/],
    ['one more than the capacity', { processes: 3, capacity: 2, most: 3 }, /3 holders/]
  ]
  test.each(family)('%s with %j', (fault, more, what) => {
    const base = { processes: 2, rounds: 1, deaths: 0, leaves: 0, most: 4, coarse: true, anyNumbers: true }
    expect(explore({ ...base, ...more, fault }).violation?.what).toMatch(what)
  })
})
