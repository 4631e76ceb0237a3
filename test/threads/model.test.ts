// The protocol in all interleavings of three threads, each of which may end at any step. That the model notices what is wrong
// is shown by protocols that are wrong: places.ts with one change each.

import { readFileSync } from 'node:fs'
import { transformSync } from 'esbuild'
import { describe, expect, test } from 'vitest'
import { fromRoot } from '../../scripts/project.js'
import { Places, type Rule } from '../../src/threads/places.js'
import { explore, type Phase, type World } from './model.js'

const exclusive: Rule = { bits: 4, most: 15, holding: digits => Math.min(digits.length, 1) }
const two: Rule = { bits: 4, most: 15, holding: (digits, capacity) => Math.min(digits.length, capacity) }

const section: Phase[] = [
  (_, { enter }) => {
    enter()
    return 2
  },
  (_, { exit }) => {
    exit()
    return 3
  },
  places => {
    places.leave()
    return undefined
  }
]
/** Joins, sleeps until it holds, holds, leaves. */
const patient: Phase[] = [
  places => (places.join() ? 1 : 4),
  ...section,
  places => {
    places.sleep(Infinity)
    return 1
  }
]
/** Joins, and leaves again unless it holds by then. */
const impatient: Phase[] = [
  places => (places.join() ? 1 : 4),
  ...section,
  places => (places.sleep(0) ? 1 : 3)
]
/** Holds only if no other thread does. */
const trying: Phase[] = [places => (places.tryJoin() ? 1 : undefined), ...section]

const world = (programs: World['programs'], more: Partial<World> = {}): World => ({
  Places,
  rule: exclusive,
  capacity: 1,
  programs,
  deaths: 0,
  ...more
})

const WORLDS: Record<string, World> = {
  'three that wait': world([patient, patient, patient]),
  'three that wait, one ends': world([patient, patient, patient], { deaths: 1 }),
  'two that wait, and one that gives up': world([patient, patient, impatient]),
  'one that waits, one that gives up, one that tries, one ends': world([patient, impatient, trying], { deaths: 1 }),
  'two that wait, both end': world([patient, patient], { deaths: 2 }),
  'two permits, three that wait': world([patient, patient, patient], { rule: two, capacity: 2 }),
  'two permits, three that wait, one ends': world([patient, patient, patient], { rule: two, capacity: 2, deaths: 1 }),
  'a thread that repairs another ends as well': world([patient, patient, patient], { deaths: 2, repairers: [1, 2, 0] })
}

describe('in all interleavings', () => {
  test.each(Object.entries(WORLDS))(
    '%s',
    (name, world) => {
      const { states, violation } = explore(world)
      console.log(name, states)
      expect(violation).toBeUndefined()
      expect(states).toBeGreaterThan(1000)
    },
    120_000
  )
})
