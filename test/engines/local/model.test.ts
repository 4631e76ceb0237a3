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
    ['three processes', 40_000, { processes: 3, rounds: 1, deaths: 0, leaves: 0, most: 2, coarse: true }]
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
})
