// Exclusion, order of tokens and progress of the queue of sockets, in every interleaving of two and three processes.

import { describe, expect, test } from 'vitest'
import { explore, type Fault, type Setting } from './model.js'

const SETTINGS: [string, Setting][] = [
  ['two processes, twice each, one dies, one leaves', { processes: 2, rounds: 2, deaths: 1, leaves: 1 }],
  ['two processes, listings that repeat names', { processes: 2, rounds: 1, deaths: 1, leaves: 1, repeats: true }],
  ['three processes', { processes: 3, rounds: 1, deaths: 0, leaves: 0 }]
]

describe('the queue of sockets', () => {
  test.each(SETTINGS)('%s', (_, setting) => {
    const { states, violation } = explore(setting)
    console.log(states)
    expect(violation).toBeUndefined()
    expect(states).toBeGreaterThan(1000)
  })

  const FAULTS: [Fault, RegExp][] = [
    ['no verification', /two holders|number/],
    ['ties allowed', /two holders|number/],
    ['number before listening', /two holders|number|live/],
    ['listing begun before the name', /two holders|number|listed/],
    ['renamed for another number', /two holders|number|listed/],
    ['waiters unlink', /number|two holders/],
    ['refused by a full queue', /two holders|number|live/]
  ]
  test.each(FAULTS)('notices: %s', (fault, what) => {
    const setting = { rounds: 2, deaths: 1, leaves: 1, fault }
    const { states, violation } = explore({ processes: 2, ...setting })
    console.log(fault, states, violation)
    expect(violation?.what).toMatch(what)
  })
})
