// What a check says of mutexes with one fault each, of sound ones, and of latchkey's own (G1 to G10).

import { KeyedMutex, Mutex, ReadWriteLock, Semaphore } from 'latchkey'
import {
  check,
  checkKeyedMutex,
  checkMutex,
  checkReadWriteLock,
  checkSemaphore,
  type Guarantee,
  type Report
} from 'latchkey/testing'
import { describe, expect, test } from 'vitest'
import { BuggyMutex, RepairedKeyedMutex, RepairedMutex } from '../fixtures/buggy-mutex.js'
import { Nested, sound, unsound } from './broken.js'
import { cancelling, keyedOnes } from './cancelling.js'

/** Enough for every fault here; queues of a hundred thousand have a test of their own. */
const QUICK = { depth: 5, waiters: 0, random: { schedules: 50 } }

/** What does not hold, be it broken or a policy. */
const broken = (report: Report): Guarantee[] =>
  report.verdicts
    .filter(({ verdict }) => verdict === 'broken' || verdict === 'policy')
    .map(({ guarantee }) => guarantee)
const verdict = (report: Report, guarantee: Guarantee) => report.verdicts.find(it => it.guarantee === guarantee)

describe('a mutex with one fault', () => {
  test.each(unsound)('$what', async ({ create, broken: expected, claims = [] }) => {
    const report = await checkMutex(create, { ...QUICK, claims })
    expect(broken(report)).toEqual(expected)
    for (const guarantee of expected) expect(verdict(report, guarantee)).toMatchObject({ practice: expect.any(String) })
  })
})

describe('a sound one', () => {
  test.each(sound)('$what', async ({ create, broken: expected }) => {
    expect(broken(await checkMutex(create, { ...QUICK, depth: 4 }))).toEqual(expected)
  })
})

describe('a mutex that takes a signal', () => {
  test.each(cancelling)('$what', async ({ create, broken: expected }) => {
    expect(broken(await checkMutex(create, QUICK))).toEqual(expected)
  })
})

describe('a mutex with keys', () => {
  test.each(keyedOnes)('$what', async ({ create, broken: expected }) => {
    expect(broken(await checkKeyedMutex(create, QUICK))).toEqual(expected)
  })
})

test('a queue that is worked off on the stack overflows it', async () => {
  const report = await checkMutex(() => new Nested(), { ...QUICK, depth: 2, waiters: 100_000 })
  expect(verdict(report, 'G9')).toMatchObject({ verdict: 'broken', why: expect.stringContaining('were served') })
})

describe('the mutex that started this package', () => {
  test('never lets the second in', async () => {
    const report = await checkMutex(() => new BuggyMutex(), QUICK)
    expect(broken(report)).toEqual(['G3', 'G4'])
    expect(verdict(report, 'G3')).toMatchObject({
      name: 'progress',
      schedule: ['A acquires', 'B acquires (waits)', 'A releases'],
      timeline: {
        clients: ['A', 'B'],
        moments: [
          { client: 0, states: ['holding', 'idle'] },
          { client: 1, states: ['holding', 'waiting'] },
          { client: 0, states: ['idle', 'waiting'] }
        ],
        expected: [{ client: 1, state: 'holding' }]
      }
    })
  })

  test('repaired, lets two in after a double release', async () => {
    const report = await checkMutex(() => new RepairedMutex(), QUICK)
    expect(broken(report)).toEqual(['G4'])
    expect(verdict(report, 'G4')?.schedule).toHaveLength(5)
    expect(verdict(report, 'G4')?.schedule?.join()).toContain('A releases again')
  })

  test('repaired and keyed, keeps an entry for every key', async () => {
    const report = await checkKeyedMutex(() => new RepairedKeyedMutex(), { ...QUICK, depth: 4 })
    expect(broken(report)).toEqual(['G10'])
  })
})

describe('latchkey', () => {
  test.each<[string, (create: () => unknown, options: object) => Promise<Report>, () => unknown]>([
    ['Mutex', checkMutex, () => new Mutex()],
    ['KeyedMutex', checkKeyedMutex, () => new KeyedMutex()],
    ['Semaphore of 1', checkSemaphore, () => new Semaphore(1)],
    ['Semaphore of 2', checkSemaphore, () => new Semaphore(2)],
    ['ReadWriteLock', checkReadWriteLock, () => new ReadWriteLock()]
  ])('%s keeps every guarantee', async (_, suite, create) => {
    const report = await suite(create, { ...QUICK, depth: 3, waiters: 10_000 })
    const failed = broken(report).map(guarantee => `${guarantee}: ${verdict(report, guarantee)?.why}`)
    expect(failed).toEqual([])
    expect(verdict(report, 'G5')?.verdict).toBe('holds')
    expect(verdict(report, 'G9')?.verdict).toBe('holds')
  })
})

describe('a report', () => {
  test('is plain data', async () => {
    const report = await check(() => new RepairedMutex(), { ...QUICK, depth: 5 })
    expect(JSON.parse(JSON.stringify(report))).toEqual(report)
  })

  test('is the same every time', async () => {
    const run = () => check(() => new RepairedMutex(), { ...QUICK, depth: 4 })
    expect(await run()).toEqual(await run())
  })

  test('has one verdict for each guarantee, in order', async () => {
    const { verdicts } = await check(() => new RepairedMutex(), { ...QUICK, depth: 2 })
    expect(verdicts.map(({ guarantee }) => guarantee)).toEqual(Array.from({ length: 12 }, (_, i) => `G${i + 1}`))
  })

  test('says "not offered" of what a lock does not claim', async () => {
    const report = await check(() => new RepairedMutex(), { ...QUICK, depth: 2 })
    expect(verdict(report, 'G5')?.verdict).toBe('not offered')
  })
})

test('the timers of the platform are back when a check has ended', async () => {
  const before = [setTimeout, clearTimeout, setInterval, setImmediate, Date, performance.now]
  const listeners = process.listeners('unhandledRejection')
  await checkMutex(() => new BuggyMutex(), { ...QUICK, depth: 2 })
  await expect(
    checkMutex(() => {
      throw new Error('no lock today')
    }, QUICK)
  ).rejects.toThrow('no lock today')
  expect([setTimeout, clearTimeout, setInterval, setImmediate, Date, performance.now]).toEqual(before)
  expect(process.listeners('unhandledRejection')).toEqual(listeners)
})

test.each<[unknown, unknown, string]>([
  [
    new Mutex(),
    {},
    'checkMutex: create must be a function that makes a fresh lock, such as () => new Mutex(), got an object'
  ],
  [() => new Mutex(), null, 'checkMutex: options must be an object, got null'],
  [() => new Mutex(), { depth: 0 }, 'checkMutex: options.depth must be a whole number >= 1, got 0'],
  [() => new Mutex(), { waiters: -1 }, 'checkMutex: options.waiters must be a whole number >= 0, got -1'],
  [() => new Mutex(), { onProgress: 'bar' }, 'checkMutex: options.onProgress must be a function, got "bar"']
])('wrong arguments explain themselves: %s, %s', async (create, options, message) => {
  await expect(checkMutex(create as () => unknown, options as object)).rejects.toThrow(message)
})
