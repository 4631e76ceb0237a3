// The lock of one process: it keeps the contract, and its mutex may be shared with others.

import { KeyedMutex } from 'latchkey'
import { InProcessLock, keyedLockChecks } from 'latchkey/distributed'
import { describe, expect, test } from 'vitest'

describe('a lock of one process', () => {
  const mutex = new KeyedMutex<string>()
  test.each(keyedLockChecks)('$name', async check => {
    expect(await check.run(options => new InProcessLock({ mutex, ...options }))).toBe(undefined)
  })

  test('leaves no key', () => {
    expect(mutex.size).toBe(0)
  })

  test('says what it promises, and who holds', async () => {
    const lock = new InProcessLock()
    expect(lock.guarantees).toEqual({ fifo: true, fencing: false, survives: ['pause'] })
    const lease = await lock.acquire('a')
    expect(lease.owner).toBe('this process')
    expect('token' in lease).toBe(false)
    await lease.release()
    await lock.close()
  })

  test('two locks exclude each other by their mutex alone, and so does its owner', async () => {
    const [one, other, apart] = [new InProcessLock({ mutex }), new InProcessLock({ mutex }), new InProcessLock()]
    const lease = await one.acquire('a')
    expect(await other.tryAcquire('a')).toBeUndefined()
    expect(mutex.tryAcquire('a')).toBeUndefined()
    await (await apart.acquire('a')).release()
    const waiting = other.acquire('a')
    await lease.release()
    await (await waiting).release()
    const own = mutex.tryAcquire('a')
    expect(await one.tryAcquire('a')).toBeUndefined()
    own?.release()
  })

  test('a waiter that gives up leaves the mutex', async () => {
    const [one, other] = [new InProcessLock({ mutex }), new InProcessLock({ mutex })]
    const lease = await one.acquire('a')
    const abort = new AbortController()
    const waiting = other.acquire('a', { signal: abort.signal })
    const outcome = expect(waiting).rejects.toBe('enough')
    await new Promise(resolve => setImmediate(resolve))
    expect(mutex.waiting).toBe(1)
    abort.abort('enough')
    await outcome
    expect(mutex.waiting).toBe(0)
    await lease.release()
    expect(mutex.size).toBe(0)
  })

  test('takes a mutex by its shape, and refuses what is none', () => {
    expect(() => new InProcessLock({ mutex: { tryAcquire() {} } as never })).not.toThrow()
    for (const mutex of [null, 7, {}, { tryAcquire: 7 }])
      expect(() => new InProcessLock({ name: 'jobs', mutex: mutex as never })).toThrow(
        /InProcessLock "jobs": options.mutex must be a KeyedMutex/
      )
  })
})
