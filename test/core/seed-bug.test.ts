// The faults that started this package, each shown on the code that had it and then not on latchkey. Nothing here waits
// for the clock: once every microtask has run and nobody is left to act, whoever has not been served never will be.

import { KeyedMutex, Mutex } from 'latchkey'
import { describe, expect, test } from 'vitest'
import { BuggyMutex, type Release, RepairedKeyedMutex, RepairedMutex } from '../fixtures/buggy-mutex.js'

/** Returns when no microtask is left to run. */
const allMicrotasks = () => new Promise(resolve => setImmediate(resolve))

/** What the scenarios need of any mutex. */
interface AnyMutex {
  acquire(): Promise<Release>
  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T>
}

class Latchkey implements AnyMutex {
  readonly mutex = new Mutex()

  async acquire(): Promise<Release> {
    const lock = await this.mutex.acquire()
    return () => lock.release()
  }

  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    return this.mutex.runExclusive(task)
  }
}

describe('a second caller comes while the first holds the lock', () => {
  async function served(mutex: AnyMutex): Promise<string[]> {
    const served: string[] = []
    const use = (name: string) =>
      mutex.acquire().then(async release => {
        served.push(name)
        await Promise.resolve()
        release()
      })
    use('first')
    use('second')
    use('third')
    await allMicrotasks()
    return served
  }

  test('the buggy mutex hangs', async () => {
    expect(await served(new BuggyMutex())).toEqual(['first'])
  })

  test('the buggy mutex hangs for those who come later, too', async () => {
    const mutex = new BuggyMutex()
    await served(mutex)
    expect(await served(mutex)).toEqual([])
  })

  test('the buggy mutex hangs with runExclusive as well', async () => {
    const mutex = new BuggyMutex()
    const served: number[] = []
    for (const n of [1, 2]) mutex.runExclusive(() => served.push(n))
    await allMicrotasks()
    expect(served).toEqual([1])
  })

  test('the repaired one serves all', async () => {
    expect(await served(new RepairedMutex())).toEqual(['first', 'second', 'third'])
  })

  test('latchkey serves all', async () => {
    const latchkey = new Latchkey()
    expect(await served(latchkey)).toEqual(['first', 'second', 'third'])
    expect(latchkey.mutex).toMatchObject({ locked: false, waiting: 0 })
  })
})

describe('a holder releases twice', () => {
  async function holdersAfterDoubleRelease(mutex: AnyMutex): Promise<number> {
    let holders = 0
    const hold = () =>
      mutex.acquire().then(() => {
        holders++
      })
    const release = await mutex.acquire()
    hold()
    hold()
    release()
    release()
    await allMicrotasks()
    return holders
  }

  test('the repaired mutex has two holders', async () => {
    expect(await holdersAfterDoubleRelease(new RepairedMutex())).toBe(2)
  })

  test('latchkey has one', async () => {
    const latchkey = new Latchkey()
    expect(await holdersAfterDoubleRelease(latchkey)).toBe(1)
    expect(latchkey.mutex).toMatchObject({ locked: true, waiting: 1 })
  })

  test('the repaired mutex is taken from whoever holds it later', async () => {
    const mutex = new RepairedMutex()
    const release = await mutex.acquire()
    release()
    await mutex.acquire()
    release()
    expect(mutex.locked).toBe(false)
  })

  test('latchkey stays with whoever holds it later', async () => {
    const mutex = new Mutex()
    const first = await mutex.acquire()
    first.release()
    const second = await mutex.acquire()
    first.release()
    expect({ locked: mutex.locked, held: second.held }).toEqual({ locked: true, held: true })
  })
})

describe('a waiter gives up', () => {
  test('the repaired mutex gives it the lock anyway, and nobody ever gives it back', async () => {
    const mutex = new RepairedMutex()
    const release = await mutex.acquire()
    const controller = new AbortController()
    const aborted = new Promise((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason))
    })
    // The only way its callers have: to stop looking.
    const waiting = Promise.race([mutex.acquire(), aborted])
    controller.abort(new Error('given up'))
    await expect(waiting).rejects.toThrow('given up')
    release()
    await allMicrotasks()
    expect(mutex.locked).toBe(true)
  })

  test('latchkey forgets it', async () => {
    const mutex = new Mutex()
    const lock = await mutex.acquire()
    const controller = new AbortController()
    const waiting = mutex.acquire({ signal: controller.signal })
    controller.abort(new Error('given up'))
    await expect(waiting).rejects.toThrow('given up')
    lock.release()
    expect(mutex.locked).toBe(false)
  })
})

describe('a key is used once', () => {
  test('the repaired keyed mutex keeps it for ever', async () => {
    const mutex = new RepairedKeyedMutex<number>()
    for (let key = 0; key < 100; key++) await mutex.runExclusive(key, () => {})
    expect(mutex.size).toBe(100)
  })

  test('latchkey keeps nothing', async () => {
    const mutex = new KeyedMutex<number>()
    for (let key = 0; key < 100; key++) await mutex.runExclusive(key, () => {})
    expect(mutex.size).toBe(0)
  })
})
