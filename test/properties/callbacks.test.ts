// A user's code runs inside the lock's: observers, `onLeave`, the caller's own abort listeners. Whatever it does there, to
// the same lock too, the guarantees stand (G1, G3, G4, G5).

import fc from 'fast-check'
import { KeyedMutex, type Lock, type LockObserver, Mutex, WaiterQueue } from 'latchkey'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { microtasks, settings, watchRejections } from './settings.js'

const unhandled = watchRejections()

afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

describe('an observer sees the lock as it is after what it is told', () => {
  const watch = (lock: () => { waiting: number }): LockObserver & { seen: string[] } => {
    const seen: string[] = []
    const tell = (event: string) => () => {
      seen.push(`${event}: ${lock().waiting} waiting`)
    }
    return {
      seen,
      queued: tell('queued'),
      granted: tell('granted'),
      released: tell('released'),
      abandoned: tell('abandoned')
    }
  }

  test.each([
    { many: false, what: 'one key' },
    { many: true, what: 'many keys' }
  ])('of a keyed mutex, for $what', async ({ many }) => {
    const observer = watch(() => mutex)
    const mutex: KeyedMutex<string> = new KeyedMutex<string>({ observer })
    const acquire = (signal?: AbortSignal) =>
      many ? mutex.acquireMany(['a', 'b'], { signal }) : mutex.acquire('a', { signal })
    const first = await acquire()
    const controller = new AbortController()
    const aborted = acquire(controller.signal)
    const second = acquire()
    controller.abort(new Error('given up'))
    first.release()
    ;(await second).release()
    await expect(aborted).rejects.toThrow('given up')
    expect(observer.seen).toEqual([
      'granted: 0 waiting',
      'queued: 1 waiting',
      'queued: 2 waiting',
      'abandoned: 1 waiting',
      expect.stringMatching(/^released: [01] waiting$/),
      'granted: 0 waiting',
      'released: 0 waiting'
    ])
  })

  test('of a mutex', async () => {
    const observer = watch(() => mutex)
    const mutex: Mutex = new Mutex({ observer })
    const first = await mutex.acquire()
    const controller = new AbortController()
    const aborted = mutex.acquire({ signal: controller.signal })
    const second = mutex.acquire()
    controller.abort(new Error('given up'))
    first.release()
    ;(await second).release()
    await expect(aborted).rejects.toThrow('given up')
    expect(observer.seen).toEqual([
      'granted: 0 waiting',
      'queued: 1 waiting',
      'queued: 2 waiting',
      'abandoned: 1 waiting',
      expect.stringMatching(/^released: [01] waiting$/),
      'granted: 0 waiting',
      'released: 0 waiting'
    ])
  })
})

test('what an observer or onLeave throws is reported as uncaught, and the lock goes on', async () => {
  const later: (() => void)[] = []
  vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(task => {
    later.push(task)
  })
  const fail = (what: string) => () => {
    throw new Error(what)
  }
  const observer = {
    queued: fail('queued'),
    granted: fail('granted'),
    released: fail('released'),
    abandoned: fail('abandoned')
  }
  const mutex = new Mutex({ observer })
  const first = await mutex.acquire()
  const controller = new AbortController()
  const aborted = mutex.acquire({ signal: controller.signal })
  const second = mutex.acquire()
  controller.abort(new Error('given up'))
  first.release()
  const lock = await second
  await expect(aborted).rejects.toThrow('given up')
  lock.release()
  expect([mutex.locked, mutex.waiting]).toEqual([false, 0])

  const queue = new WaiterQueue<string>({ onLeave: fail('onLeave') })
  const leaver = new AbortController()
  const left = queue.wait({ signal: leaver.signal })
  const stays = queue.wait()
  leaver.abort(new Error('given up'))
  await expect(left).rejects.toThrow('given up')
  expect([queue.grant('granted'), await stays]).toEqual([true, 'granted'])

  const thrown = later.map(task => {
    try {
      task()
      return 'nothing'
    } catch (error) {
      return (error as Error).message
    }
  })
  const told = ['granted', 'queued', 'queued', 'abandoned', 'released', 'granted', 'released']
  expect(thrown).toEqual([...told, 'onLeave'])
})

test('onLeave may grant, and sees a line without those who left', async () => {
  const sizes: number[] = []
  const queue: WaiterQueue<string> = new WaiterQueue<string>({
    onLeave: () => {
      sizes.push(queue.size)
      queue.grant('a place has become free')
    }
  })
  const controller = new AbortController()
  const leaves = queue.wait({ signal: controller.signal })
  const stays = queue.wait()
  const waits = queue.wait()
  controller.abort(new Error('given up'))
  await expect(leaves).rejects.toThrow('given up')
  expect([sizes, await stays, queue.size]).toEqual([[2], 'a place has become free', 1])
  queue.grant('the rest')
  await waits
})

describe('sending all away means those who wait now, not those whom an observer brings in amid it', () => {
  /** Whoever is sent away comes back at once; not for ever, so that the test ends. */
  function comingBack(comeBack: () => Promise<unknown>) {
    let times = 0
    const abandoned = () => {
      if (times++ < 5) comeBack().catch(() => {})
    }
    return { abandoned, times: () => times }
  }

  test('from a mutex', () => {
    const { abandoned, times } = comingBack(() => mutex.acquire())
    const mutex: Mutex = new Mutex({ observer: { abandoned } })
    mutex.tryAcquire()
    mutex.acquire().catch(() => {})
    mutex.cancelWaiters()
    expect({ times: times(), waiting: mutex.waiting }).toEqual({ times: 1, waiting: 1 })
  })

  test.each([
    { who: 'one key comes back for one', keys: ['a'], back: ['a'] },
    { who: 'many keys comes back for many', keys: ['a', 'b'], back: ['b', 'a'] },
    { who: 'one key comes back for many', keys: ['a'], back: ['a', 'b'] },
    { who: 'many keys comes back for one', keys: ['a', 'b'], back: ['a'] }
  ])('from a keyed mutex: who waits for $who', ({ keys, back }) => {
    const acquire = (keys: string[]) => (keys.length > 1 ? mutex.acquireMany(keys) : mutex.acquire(keys[0]!))
    const { abandoned, times } = comingBack(() => acquire(back))
    const mutex: KeyedMutex<string> = new KeyedMutex<string>({ observer: { abandoned } })
    mutex.tryAcquire('a')
    acquire(keys).catch(() => {})
    mutex.cancelWaiters()
    expect({ times: times(), waiting: mutex.waiting }).toEqual({ times: 1, waiting: 1 })
  })

  test('from a waiter queue', () => {
    const { abandoned, times } = comingBack(() => queue.wait())
    const queue: WaiterQueue<void> = new WaiterQueue<void>({ observer: { abandoned } })
    queue.wait().catch(() => {})
    expect([queue.rejectAll('sent away'), times(), queue.size]).toEqual([1, 1, 1])
  })
})

describe('an abort that the lock never hears of', () => {
  /** Aborted, and whoever registered later is not told. */
  function muted(): { signal: AbortSignal; abort: () => void } {
    const controller = new AbortController()
    controller.signal.addEventListener('abort', event => event.stopImmediatePropagation())
    return { signal: controller.signal, abort: () => controller.abort(new Error('given up')) }
  }

  test('is noticed when its turn comes: one key', async () => {
    const mutex = new KeyedMutex<string>()
    const { signal, abort } = muted()
    const first = await mutex.acquire('a')
    const ghost = mutex.acquire('a', { signal })
    const second = mutex.acquire('a')
    abort()
    first.release()
    await expect(ghost).rejects.toThrow('given up')
    ;(await second).release()
    expect([mutex.size, mutex.waiting]).toEqual([0, 0])
  })

  test('is noticed when its turn comes: many keys', async () => {
    const mutex = new KeyedMutex<string>()
    const { signal, abort } = muted()
    const first = await mutex.acquire('a')
    const ghost = mutex.acquireMany(['a', 'b'], { signal })
    ghost.catch(() => {})
    const second = mutex.acquire('b')
    let served = false
    second.then(() => {
      served = true
    })
    abort()
    first.release()
    await microtasks()
    expect(served).toBe(true)
    await expect(ghost).rejects.toThrow('given up')
  })
})

test('a wait may be longer than what a platform timer counts to', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
  for (const timeout of [2 ** 31 - 0.5, 2 ** 31, 2 ** 32 + 1]) {
    const mutex = new Mutex()
    mutex.tryAcquire()
    let ended = false
    mutex.acquire({ timeout }).catch(error => {
      ended = error.code === 'ERR_LOCK_TIMEOUT'
    })
    vi.advanceTimersByTime(timeout - 2)
    await microtasks()
    expect({ timeout, ended }).toEqual({ timeout, ended: false })
    vi.advanceTimersByTime(3)
    await microtasks()
    expect({ timeout, ended }).toEqual({ timeout, ended: true })
    expect(vi.getTimerCount()).toBe(0)
  }
})

describe('many keys are taken only if all are free at once, though an observer acts between looking at two of them', () => {
  /** At each thing that the observer is told, one of these is done. */
  function scripted(script: (() => void)[]) {
    const next = () => script.shift()?.()
    return new KeyedMutex<number>({ observer: { queued: next, granted: next, abandoned: next } })
  }
  const ignored = (promise: Promise<unknown>) => {
    promise.catch(() => {})
  }
  const nothing = () => {}

  test('a key is not looked at twice in the place of another', async () => {
    const controller = new AbortController()
    const { signal } = controller
    let second: Promise<Lock> | undefined
    const mutex: KeyedMutex<number> = scripted([
      nothing, // 1 is granted
      () => ignored(mutex.acquire(0, { signal })), // both are queued
      () => ignored(mutex.acquire(0, { signal })), // 0 is queued
      () => controller.abort(new Error('given up')), // 0 is queued again
      () => mutex.cancelWaiters(), // the first who waits for 0 is abandoned
      () => {
        second = mutex.acquireMany([0, 1]) // who waited for both is abandoned
      },
      nothing, // both are queued again
      () => ignored(mutex.acquire(0)) // the other who waited for 0 is abandoned
    ])
    const first = await mutex.acquire(1)
    ignored(mutex.acquireMany([0, 1]))
    let served = false
    second!.then(() => {
      served = true
    })
    await microtasks()
    expect({ held: first.held, served }).toEqual({ held: true, served: false })
    first.release()
    await microtasks()
    expect(served).toBe(true)
  })

  test('a key that was free when it was looked at is looked at again', async () => {
    const controller = new AbortController()
    const { signal } = controller
    const held: string[] = []
    const note = (name: string, promise: Promise<unknown>) => {
      promise.then(
        () => held.push(name),
        () => {}
      )
    }
    const mutex: KeyedMutex<number> = scripted([
      nothing, // 2 is granted
      nothing, // 0, 1 and 2 are queued
      nothing, // 0 is queued
      nothing, // 1 is queued
      () => mutex.cancelWaiters(), // who waited for 0 is abandoned
      () => note('0 and 1', mutex.acquireMany([0, 1])), // who waited for all is abandoned
      nothing, // 0 and 1 are queued
      () => note('0', mutex.acquire(0, { priority: 1 })) // who waited for 1 is abandoned
    ])
    await mutex.acquire(2)
    ignored(mutex.acquireMany([0, 1, 2]))
    ignored(mutex.acquire(0, { signal }))
    ignored(mutex.acquire(1, { signal }))
    controller.abort(new Error('given up'))
    await microtasks()
    expect(held).toHaveLength(1)
  })
})

// The rest is not written down case by case: in every callback something is done to the lock, whatever comes next in a list.

type Act = 'acquire' | 'acquire both' | 'acquire with signal' | 'try' | 'release' | 'abort' | 'cancel' | 'nothing'
const act = fc.constantFrom<Act>(
  ...([
    'acquire',
    'acquire both',
    'acquire with signal',
    'try',
    'release',
    'release',
    'abort',
    'cancel',
    'nothing'
  ] as const)
)

test('whatever is done to the lock from within its callbacks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(act, fc.nat(1)), { minLength: 1, maxLength: 25, size: 'max' }),
      fc.array(fc.tuple(act, fc.nat(1)), { maxLength: 12, size: 'max' }),
      async (steps, within) => {
        const log: string[] = []
        const inner = [...within]
        const inCallback = (where: string) => () => {
          const next = inner.shift()
          if (!next) return
          log.push(`  in ${where}:`)
          perform(...next)
        }
        const mutex = new KeyedMutex<number>({
          observer: {
            queued: inCallback('queued'),
            granted: inCallback('granted'),
            released: inCallback('released'),
            abandoned: inCallback('abandoned')
          }
        })
        let controller = new AbortController()
        const held: { lock: Lock; keys: number[] }[] = []
        let pending = 0

        function perform(act: Act, key: number): void {
          log.push(`${act} ${key}`)
          const keys = act === 'acquire both' ? [key, 1 - key] : [key]
          if (act === 'release') held.splice(key % held.length, 1)[0]?.lock.release()
          else if (act === 'cancel') mutex.cancelWaiters(new Error('cancelled'))
          else if (act === 'abort') {
            const aborting = controller
            controller = new AbortController()
            aborting.abort(new Error('aborted'))
          } else if (act === 'try') {
            const lock = mutex.tryAcquire(key)
            if (lock) held.push({ lock, keys })
          } else if (act !== 'nothing') {
            pending++
            const { signal } = controller
            const options = act === 'acquire with signal' ? { signal } : {}
            const promise = keys.length > 1 ? mutex.acquireMany(keys, options) : mutex.acquire(key, options)
            promise.then(
              lock => {
                pending--
                held.push({ lock, keys })
              },
              () => {
                pending--
              }
            )
          }
        }

        const check = () => {
          const holders = held.flatMap(({ lock, keys }) => (lock.held ? keys : [])).sort()
          const problem =
            new Set(holders).size < holders.length
              ? `held twice: ${holders}`
              : holders.some(key => !mutex.isLocked(key))
                ? `held and not locked: ${holders}`
                : mutex.waiting !== pending
                  ? `${mutex.waiting} waiting, ${pending} pending`
                  : undefined
          if (problem) throw new Error(`${problem}\n${log.join('\n')}`)
        }

        for (const step of steps) {
          perform(...step)
          await microtasks()
          check()
        }
        for (let round = 0; round < 100 && (held.length > 0 || pending > 0); round++) {
          perform('release', 0)
          await microtasks()
          check()
        }
        if (pending > 0 || mutex.size > 0) throw new Error(`${pending} never served\n${log.join('\n')}`)
      }
    ),
    settings(2000)
  )
  expect(unhandled).toEqual([])
})
