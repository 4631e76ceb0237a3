// The schedules of the lock theatre: what stands in its address. An address comes from anywhere.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readSchedule, writeSchedule } from '../../site/theatre/schedule.js'
import { anySchedule } from './any-schedule.js'

test('an address is read back as it was written', () => {
  fc.assert(
    fc.property(anySchedule(), fc.nat(), (schedule, n) => {
      const at = n % (schedule.steps.length + 1)
      expect(readSchedule(`#${writeSchedule(schedule, at)}`)).toEqual({ schedule, at })
    }),
    { seed: 1 }
  )
})

test('an address can be read by a person', () => {
  const steps = [
    { client: 'A', verb: 'acquire', what: 'a+b' },
    { client: 'A', verb: 'release' }
  ] as const
  expect(writeSchedule({ lock: 'keyed', size: 2, clients: 2, steps }, 1)).toBe(
    'lock=keyed&clients=2&steps=A.acquire:a+b,A.release&at=1'
  )
})

test('an address that a program has escaped is the same', () => {
  const text = 'lock=keyed&clients=2&steps=A.acquire%3Aa%2Bb%2CA.release'
  expect(readSchedule(text)?.schedule.steps).toHaveLength(2)
})

describe('what is no schedule is not shown', () => {
  test.each([
    [''],
    ['lock=door'],
    ['lock=toString'],
    ['lock=mutex&beside=rw'],
    ['lock=mutex&beside=mutex'],
    ['lock=mutex&beside=door'],
    ['lock=mutex&clients=9'],
    ['lock=mutex&clients=-1'],
    ['lock=semaphore&size=0'],
    ['lock=mutex&clients=2&steps=C.acquire'],
    ['lock=mutex&clients=2&steps=A.steal'],
    ['lock=mutex&clients=2&steps=A.acquire:a'],
    ['lock=mutex&clients=2&steps=A.read'],
    ['lock=keyed&clients=2&steps=A.acquire'],
    ['lock=semaphore&size=2&clients=2&steps=A.acquire:3'],
    ['lock=mutex&clients=2&steps=%E0%A4%A'],
    ['lock=mutex&clients=2&steps=A.acquire&at=2'],
    [`lock=mutex&clients=2&steps=${Array(201).fill('A.acquire').join(',')}`]
  ])('%s', text => {
    expect(readSchedule(text)).toBeUndefined()
  })
})
