// A report as the assertion of a test.

import { Mutex } from 'latchkey'
import { checkMutex, expectConformance, type Guarantee, type Report } from 'latchkey/testing'
import { expect, test } from 'vitest'
import { RepairedMutex } from '../fixtures/buggy-mutex.js'

const QUICK = { depth: 5, waiters: 0, random: { schedules: 20 } }

test('passes what holds', async () => {
  expectConformance(await checkMutex(() => new Mutex(), { ...QUICK, depth: 2 }))
})

test('names what is broken, with the steps that break it', async () => {
  const report = await checkMutex(() => new RepairedMutex(), QUICK)
  expect(() => expectConformance(report)).toThrow(
    /G4 ownership is broken: .* is let in while .* still holds\n {4}1\. A acquires\n/
  )
  expectConformance(report, { except: ['G4'] })
})

test('an exception that is no longer needed is an error', async () => {
  const report = await checkMutex(() => new Mutex(), { ...QUICK, depth: 2 })
  expect(() => expectConformance(report, { except: ['G4'] })).toThrow('G4 ownership is excepted, and is not broken')
})

test.each<[string, unknown, object, string]>([
  ['a promise', Promise.resolve(), {}, 'report is a promise: await the check'],
  ['nothing', undefined, {}, 'report must be the result of a check, got undefined'],
  ['a word for a list', { verdicts: [] }, { except: 'G4' }, 'options.except must be a list such as'],
  ['no such number', { verdicts: [] }, { except: ['G13' as Guarantee] }, 'must hold numbers from G1 to G12, got "G13"']
])('refuses %s', (_, report, options, message) => {
  expect(() => expectConformance(report as Report, options)).toThrow(message)
})
