// G9: ten times as many waiters are ten times as much work, counted rather than timed (effort.ts says how).

import type { KeyedMutex as AnyKeyedMutex, Mutex as AnyMutex, Lock } from 'latchkey'
import { expect, test } from 'vitest'
import { countedPackage, effort, load } from './effort.js'
import { microtasks } from './settings.js'

const { KeyedMutex, Mutex, WaiterQueue } = await countedPackage()
type KeyedMutex<K> = AnyKeyedMutex<K>
type Mutex = AnyMutex

/** Takes the lock, lets `n` waiters come, and drains. */
async function drained(mutex: Mutex, join: (i: number) => Promise<unknown>, n: number): Promise<void> {
  const first = mutex.tryAcquire()!
  let left = n
  for (let i = 0; i < n; i++)
    join(i).then(
      lock => {
        left--
        ;(lock as Lock | undefined)?.release()
      },
      () => {
        left--
      }
    )
  first.release()
  await microtasks()
  if (left > 0 || mutex.locked) throw new Error(`${left} were not settled`)
}

const draining = (join: (mutex: Mutex, i: number, n: number) => Promise<unknown>) => (n: number) => {
  const mutex = new Mutex()
  return drained(mutex, i => join(mutex, i, n), n)
}

/** `n` waiters with a signal each, aborted in the order that `pick` makes of theirs. */
const leaving = (pick: (i: number, n: number) => number) => async (n: number) => {
  const mutex = new Mutex()
  mutex.tryAcquire()
  const controllers = Array.from({ length: n }, () => new AbortController())
  for (const { signal } of controllers) mutex.acquire({ signal }).catch(() => {})
  for (let i = 0; i < n; i++) controllers[pick(i, n)]!.abort()
  if (mutex.waiting > 0) throw new Error(`${mutex.waiting} did not leave`)
  await microtasks()
}

const keyed = (join: (mutex: KeyedMutex<number>, i: number) => Promise<unknown>) => async (n: number) => {
  const mutex = new KeyedMutex<number>()
  const first = mutex.tryAcquireMany([-1, -2])!
  for (let i = 0; i < n; i++) join(mutex, i)
  first.release()
  await microtasks()
  if (mutex.size > 0) throw new Error(`${mutex.size} keys are still locked`)
}

const sharedSignal = async (n: number) => {
  const mutex = new Mutex()
  mutex.tryAcquire()
  const controller = new AbortController()
  for (let i = 0; i < n; i++) mutex.acquire({ signal: controller.signal }).catch(() => {})
  controller.abort()
  await microtasks()
}

const cancelled = async (n: number) => {
  const mutex = new Mutex()
  mutex.tryAcquire()
  for (let i = 0; i < n; i++) mutex.acquire({ priority: i % 3 }).catch(() => {})
  mutex.cancelWaiters()
  await microtasks()
}

const granted = async (n: number) => {
  const queue = new WaiterQueue<number>()
  for (let i = 0; i < n; i++) queue.wait()
  while (queue.grant(1)) {}
  await microtasks()
}

const observer = { queued() {}, granted() {}, released() {}, abandoned() {} }
const observed = (n: number) => {
  const mutex = new Mutex({ observer })
  return drained(mutex, () => mutex.acquire(), n)
}

test.each<{ what: string; work: (n: number) => Promise<void>; factor?: number }>([
  { what: 'acquire', work: draining(mutex => mutex.acquire()) },
  { what: 'runExclusive, tasks that return', work: draining(mutex => mutex.runExclusive(() => {})) },
  { what: 'runExclusive, tasks that await', work: draining(mutex => mutex.runExclusive(async () => {})) },
  {
    what: 'runExclusive and acquire in turn',
    work: draining((mutex, i) => (i % 2 ? mutex.acquire() : mutex.runExclusive(() => {})))
  },
  { what: 'acquire with a timeout', work: draining(mutex => mutex.acquire({ timeout: 1_000_000 })) },
  { what: 'acquire with an observer', work: observed },
  { what: 'acquire with one of three priorities', work: draining((mutex, i) => mutex.acquire({ priority: i % 3 })) },
  // A search for the place of each is allowed, a walk is not: log 2000 is 1.4 times log 200.
  { what: 'acquire with rising priorities', work: draining((mutex, i) => mutex.acquire({ priority: i })), factor: 1.4 },
  {
    what: 'acquire with falling priorities',
    work: draining((mutex, i) => mutex.acquire({ priority: -i })),
    factor: 1.4
  },
  {
    what: 'acquire with mixed priorities',
    work: draining((mutex, i, n) => mutex.acquire({ priority: (i * 7919) % n })),
    factor: 1.4
  },
  { what: 'leaving from the front', work: leaving(i => i) },
  { what: 'leaving from the back', work: leaving((i, n) => n - 1 - i) },
  { what: 'leaving from anywhere', work: leaving((i, n) => (i * 7919) % n) },
  { what: 'leaving all at once, by a shared signal', work: sharedSignal },
  { what: 'being cancelled', work: cancelled },
  { what: 'being granted by a queue', work: granted },
  { what: 'one key', work: keyed(mutex => mutex.runExclusive(-1, () => {})) },
  { what: 'a key each', work: keyed((mutex, i) => mutex.runExclusive(i, () => {})) },
  { what: 'the same two keys', work: keyed(mutex => mutex.runExclusiveMany([-1, -2], () => {})) },
  { what: 'a shared key and one of their own', work: keyed((mutex, i) => mutex.runExclusiveMany([i, -1], () => {})) },
  { what: 'keys in a chain', work: keyed((mutex, i) => mutex.runExclusiveMany([i, i + 1], () => {})) }
])('$what', async ({ work, factor = 1 }) => {
  const few = await effort(() => work(200))
  const many = await effort(() => work(2000))
  expect(many / few).toBeLessThan(10.5 * factor)
})

test.each([
  ['a loop without a block', 'for (let i = 0; i < n; i++);'],
  [
    'a loop that only assigns',
    'let at = { after: undefined }; for (let i = 0; i < n; i++) at = { after: at }; while (at) at = at.after'
  ],
  ['a recursion', 'const down = i => i && down(i - 1); down(n)'],
  ['an array that is shifted', 'const line = Array(n).fill(0); while (line.length > 0) line.shift()'],
  ['a list that is walked', 'for (const it of Array(n).keys()) void it']
])('%s is counted', async (_, code) => {
  const { walk } = (await load(`export const walk = n => { ${code} }`)) as { walk: (n: number) => void }
  expect(await effort(() => walk(100))).toBeGreaterThanOrEqual(100)
})
