// What the tables of the migration guides say of other packages and the examples there do not show: each row runs the package.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Semaphore as AsyncMutexSemaphore, tryAcquire, withTimeout } from 'async-mutex'
import { Sema } from 'async-sema'
import genericPool from 'generic-pool'
import { Mutex, Pool, Semaphore } from 'latchkey'
import { LocalLock, lockFile } from 'latchkey/local'
import oldLockfile from 'lockfile'
import pLimit, { limitFunction } from 'p-limit'
import PQueue from 'p-queue'
import lockfile from 'proper-lockfile'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const never = () => new Promise<never>(() => {})

/** How a promise stands after a turn of the event loop. */
async function stateOf(promise: Promise<unknown>): Promise<string> {
  const pending = turn().then(() => 'pending')
  return Promise.race([
    promise.then(
      () => 'resolved',
      () => 'rejected'
    ),
    pending
  ])
}

/** The name or the code of what is thrown, at the call or later. */
const errorOf = async (call: () => unknown): Promise<string> => {
  try {
    await call()
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).name
  }
  return 'none'
}

describe('async-mutex, Semaphore', () => {
  test('a value of 0 or less, here refused', async () => {
    const closed = new AsyncMutexSemaphore(0)
    expect(await stateOf(closed.acquire())).toBe('pending')
    expect(() => new Semaphore(0)).toThrow(RangeError)
  })

  test('a weight above the value waits forever, here refused at once', async () => {
    expect(await stateOf(new AsyncMutexSemaphore(2).acquire(3))).toBe('pending')
    expect(() => new Semaphore(2).acquire({ permits: 3 })).toThrow(RangeError)
  })

  test('setValue sets what is free, resize what there is', async () => {
    const theirs = new AsyncMutexSemaphore(2)
    await theirs.acquire()
    theirs.setValue(2)
    expect(theirs.getValue()).toBe(2)
    const ours = new Semaphore(2)
    await ours.acquire()
    ours.resize(2)
    expect(ours.available).toBe(1)
  })

  test('waitForUnlock waits for one permit, whenFree for all', async () => {
    const theirs = new AsyncMutexSemaphore(2)
    await theirs.acquire()
    expect(await stateOf(theirs.waitForUnlock())).toBe('resolved')
    const ours = new Semaphore(2)
    await ours.acquire()
    expect(await stateOf(ours.whenFree())).toBe('pending')
  })

  test('the callback is given the value, here the permit', async () => {
    expect(await new AsyncMutexSemaphore(2).runExclusive(value => value)).toBe(2)
    expect(await new Semaphore(2).run(permit => permit.held)).toBe(true)
  })

  test('withTimeout and tryAcquire', async () => {
    const theirs = new AsyncMutexSemaphore(1)
    await theirs.acquire()
    expect(await errorOf(() => withTimeout(theirs, 1).acquire())).toBe('Error')
    expect(await errorOf(() => tryAcquire(theirs).acquire())).toBe('Error')
    const ours = new Semaphore(1, { timeout: 1 })
    await ours.acquire()
    expect(await errorOf(() => ours.acquire())).toBe('ERR_LOCK_TIMEOUT')
    expect(ours.tryAcquire()).toBeUndefined()
  })
})

describe('p-limit', () => {
  test('a task starts in a microtask, here before the call returns', async () => {
    const started: string[] = []
    const theirs = pLimit(1)(() => started.push('theirs'))
    const ours = new Mutex().runExclusive(() => started.push('ours'))
    await Promise.all([theirs, ours])
    expect(started).toEqual(['ours', 'theirs'])
  })

  test('counts', async () => {
    const limit = pLimit(2)
    const semaphore = new Semaphore(2)
    for (let i = 0; i < 3; i++) {
      void limit(never)
      void semaphore.run(never)
    }
    await turn()
    expect([limit.activeCount, limit.pendingCount]).toEqual([2, 1])
    expect([semaphore.capacity - semaphore.available, semaphore.waiting]).toEqual([2, 1])
  })

  test('rejectOnClear rejects with an AbortError', async () => {
    const limit = pLimit({ concurrency: 1, rejectOnClear: true })
    void limit(never)
    const queued = limit(() => {})
    limit.clearQueue()
    expect(await errorOf(() => queued)).not.toBe('none')
  })

  test('concurrency is set on the fly', async () => {
    const limit = pLimit(1)
    const semaphore = new Semaphore(1)
    for (let i = 0; i < 3; i++) {
      void limit(never)
      void semaphore.run(never)
    }
    limit.concurrency = 3
    semaphore.resize(3)
    await turn()
    expect([limit.activeCount, semaphore.available]).toEqual([3, 0])
  })

  test('limitFunction, and wrap', async () => {
    const double = async (n: number) => n * 2
    expect(await limitFunction(double, { concurrency: 1 })(2)).toBe(4)
    expect(await new Semaphore(1).wrap(double)(2)).toBe(4)
  })
})

describe('p-queue', () => {
  test('a task starts before add returns', () => {
    let started = 0
    void new PQueue({ concurrency: 1 }).add(() => started++)
    void new Mutex().runExclusive(() => started++)
    expect(started).toBe(2)
  })

  test('clear drops the tasks, whose promises never settle', async () => {
    const queue = new PQueue({ concurrency: 1 })
    void queue.add(never)
    const queued = queue.add(() => {})
    queue.clear()
    expect(await stateOf(queued)).toBe('pending')
  })

  test('higher priorities first', async () => {
    const order: number[] = []
    const queue = new PQueue({ concurrency: 1 })
    const mutex = new Mutex()
    for (const priority of [0, 1, 2]) {
      void queue.add(() => void order.push(priority), { priority })
    }
    await queue.onIdle()
    for (const priority of [0, 1, 2]) void mutex.runExclusive(turn, { priority }).then(() => order.push(priority))
    await mutex.whenFree()
    await turn()
    expect(order).toEqual([0, 2, 1, 0, 2, 1])
  })

  test('size and pending', async () => {
    const queue = new PQueue({ concurrency: 1 })
    for (let i = 0; i < 3; i++) void queue.add(never)
    expect([queue.size, queue.pending]).toEqual([2, 1])
  })

  test('a signal ends the wait', async () => {
    const queue = new PQueue({ concurrency: 1 })
    void queue.add(never)
    const controller = new AbortController()
    const queued = queue.add(() => {}, { signal: controller.signal })
    controller.abort()
    expect(await stateOf(queued)).toBe('rejected')
  })
})

describe('async-sema', () => {
  test('drain takes all permits', async () => {
    const sema = new Sema(2)
    expect(await sema.drain()).toHaveLength(2)
    expect(sema.tryAcquire()).toBeUndefined()
    expect(sema.nrWaiting()).toBe(0)
    const semaphore = new Semaphore(2)
    await semaphore.acquire({ permits: semaphore.capacity })
    expect(semaphore.tryAcquire()).toBeUndefined()
  })

  test('tokens are what initFn makes', async () => {
    let made = 0
    const sema = new Sema(2, { initFn: () => ({ id: ++made }) })
    expect(await sema.acquire()).toHaveProperty('id')
  })
})

describe('generic-pool', () => {
  const create = async () => ({ open: true })
  const destroyed: object[] = []
  const destroy = async (it: object) => void destroyed.push(it)

  test('use: a resource whose task failed is destroyed, here kept', async () => {
    const fail = () => Promise.reject(new Error('of the task'))
    const theirs = genericPool.createPool({ create, destroy }, { max: 1 })
    expect(await errorOf(() => theirs.use(fail))).toBe('Error')
    await turn()
    expect(destroyed).toHaveLength(1)
    const pool = new Pool({ create, destroy, max: 1 })
    expect(await errorOf(() => pool.use(fail))).toBe('Error')
    expect([pool.size, pool.idle, destroyed.length]).toEqual([1, 1, 1])
    await pool.use((_, lease) => lease.discard())
    await pool.close()
    expect(destroyed).toHaveLength(2)
  })

  test('a second release rejects, here it does nothing', async () => {
    const theirs = genericPool.createPool({ create, destroy }, { max: 1 })
    const resource = await theirs.acquire()
    await theirs.release(resource)
    expect(await errorOf(() => theirs.release(resource))).toBe('Error')
    const lease = await new Pool({ create, max: 1 }).acquire()
    lease.release()
    expect(() => lease.release()).not.toThrow()
  })

  test('a lower priority number goes first, here a higher one', async () => {
    const order: string[] = []
    const theirs = genericPool.createPool({ create, destroy }, { max: 1, priorityRange: 2 })
    const resource = await theirs.acquire()
    const waits = [1, 0].map(async priority => {
      const it = await theirs.acquire(priority)
      order.push(`theirs ${priority}`)
      await theirs.release(it)
    })
    await theirs.release(resource)
    await Promise.all(waits)
    const pool = new Pool({ create, max: 1 })
    const lease = await pool.acquire()
    const others = [0, 1].map(async priority => {
      const it = await pool.acquire({ priority })
      order.push(`ours ${priority}`)
      it.release()
    })
    lease.release()
    await Promise.all(others)
    expect(order).toEqual(['theirs 0', 'theirs 1', 'ours 1', 'ours 0'])
  })

  test('validate is asked only with testOnBorrow, here whenever it is given', async () => {
    const asked = { theirs: 0, ours: 0 }
    const validate = async () => ++asked.theirs > 0
    const theirs = genericPool.createPool({ create, destroy, validate }, { max: 1 })
    for (let i = 0; i < 2; i++) await theirs.release(await theirs.acquire())
    const pool = new Pool({ create, validate: () => ++asked.ours > 0, max: 1 })
    for (let i = 0; i < 2; i++) await pool.use(() => {})
    expect([asked.theirs, asked.ours > 0]).toEqual([0, true])
  })

  test('counts', async () => {
    const theirs = genericPool.createPool({ create, destroy }, { max: 2 })
    const pool = new Pool({ create, max: 2 })
    for (const _ of [1, 2]) await Promise.all([theirs.acquire(), pool.acquire()])
    void theirs.acquire()
    void pool.acquire()
    expect([theirs.size, theirs.available, theirs.borrowed, theirs.pending]).toEqual([2, 0, 2, 1])
    expect([pool.size, pool.idle, pool.size - pool.idle, pool.waiting]).toEqual([2, 0, 2, 1])
  })
})

describe('files', () => {
  let folder: string
  const at = (name: string) => join(folder, name)
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-migration-'))
    writeFileSync(at('config.json'), '{}')
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('proper-lockfile: taken is ELOCKED; any code of the process may unlock; check says yes or no', async () => {
    await lockfile.lock(at('config.json'))
    expect(await errorOf(() => lockfile.lock(at('config.json')))).toBe('ELOCKED')
    expect(await errorOf(() => lockfile.lockSync(at('config.json')))).toBe('ELOCKED')
    expect(await lockfile.check(at('config.json'))).toBe(true)
    await lockfile.unlock(at('config.json'))
    expect(await lockfile.check(at('config.json'))).toBe(false)
  })

  test('proper-lockfile: the file has to exist; here it need not', async () => {
    expect(await errorOf(() => lockfile.lock(at('missing.json')))).toBe('ENOENT')
    expect(await lockFile(at('missing.json'), lease => lease.held)).toBe(true)
  })

  test('lockfile: taken is EEXIST, and it leaves its file until it is unlocked', async () => {
    const lock = promisify<string, void>(oldLockfile.lock)
    await lock(at('old.lock'))
    expect(await errorOf(() => lock(at('old.lock')))).toBe('EEXIST')
    oldLockfile.unlockSync(at('old.lock'))
    expect(oldLockfile.checkSync(at('old.lock'))).toBe(false)
  })

  test('LocalLock: acquireSync waits its time, and check names the holder', async () => {
    const locks = new LocalLock({ directory: at('locks') })
    const other = new LocalLock({ directory: at('locks') })
    const lease = locks.acquireSync('key')
    expect((await other.check('key')).map(({ pid }) => pid)).toEqual([process.pid])
    expect(await errorOf(() => other.acquire('key', { timeout: 0 }))).toBe('ERR_LOCK_TIMEOUT')
    lease.release()
    await Promise.all([locks.close(), other.close()])
  })
})
