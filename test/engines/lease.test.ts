// What a lease tells of itself, on an engine whose word the test gives.

import { inspect } from 'node:util'
import { LeaseLostError } from 'latchkey'
import { type EngineGrant, EngineLock, type Loss } from 'latchkey/distributed'
import { describe, expect, test } from 'vitest'

/** Grants what it is given, at once. */
class GrantingLock extends EngineLock<string> {
  readonly guarantees = { fifo: false, fencing: false, survives: [] }
  grant: EngineGrant
  constructor(grant: Partial<EngineGrant> = {}) {
    super('GrantingLock', { name: 'jobs' })
    this.grant = { owner: 'engine', release: () => Promise.resolve(true), ...grant }
  }
  protected keyId(key: string) {
    return key
  }
  protected acquireKey() {
    return Promise.resolve(this.grant)
  }
  protected disconnect() {
    return Promise.resolve()
  }
}

/** A validity that the test ends, and that counts how often it is asked. */
function validity() {
  const listeners: ((loss: Loss) => void)[] = []
  const it = {
    asked: 0,
    stopped: 0,
    get isValid() {
      it.asked++
      return true
    },
    onLoss(listener: (loss: Loss) => void) {
      listeners.push(listener)
      return () => {
        it.stopped++
      }
    },
    lose(loss: Loss) {
      for (const listener of listeners) listener(loss)
    }
  }
  return it
}

test('it has the token of its grant, and no member for one where there is none', async () => {
  const lease = await new GrantingLock({ token: 7n }).acquire('a')
  expect(lease.token).toBe(7n)
  const without = await new GrantingLock().acquire('a')
  expect('token' in without).toBe(false)
})

test('it shows what has become of it', async () => {
  const watched = validity()
  const lock = new GrantingLock({ validity: watched })
  const lease = await lock.acquire('a"b')
  expect(inspect(lease)).toBe('Lease "a\\"b" { held }')
  await lease.release()
  expect(inspect(lease)).toBe('Lease "a\\"b" { released }')
  const lost = await lock.acquire('a')
  watched.lose({ why: 'gone' })
  expect(inspect(lost)).toBe('Lease "a" { lost }')
  await lost.release()
  expect(inspect(lost)).toBe('Lease "a" { lost }')
})

test('`await using` gives it back', async () => {
  let released = 0
  const lock = new GrantingLock({
    release: async () => {
      released++
      return true
    }
  })
  const lease = await lock.acquire('a')
  await lease[Symbol.asyncDispose]()
  expect(released).toBe(1)
  expect(lease.held).toBe(false)
  expect(lease.release()).toBe(lease.release())
  expect(released).toBe(1)
})

describe('a loss', () => {
  test('is told with its lock, its key, its reason and its cause, and the first one stands', async () => {
    const watched = validity()
    const lease = await new GrantingLock({ validity: watched }).acquire('a')
    const { signal } = lease
    const cause = new Error('pulled out')
    watched.lose({ why: 'the cable', cause })
    watched.lose({ why: 'the power' })
    expect(signal.reason).toBeInstanceOf(LeaseLostError)
    expect(signal.reason).toMatchObject({
      message:
        'GrantingLock "jobs" key "a": the lease was lost: the cable. Stop what it protects; a later holder may be at work',
      cause
    })
    expect(lease.held).toBe(false)
    // A signal that is asked for later has aborted as well.
    const late = await new GrantingLock({ validity: watched }).acquire('a')
    watched.lose({ why: 'the third' })
    expect(late.signal.aborted).toBe(true)
    expect(() => late.signal.throwIfAborted()).toThrow(/the third/)
  })

  test('that the release finds is told as one', async () => {
    const lease = await new GrantingLock({ release: () => Promise.resolve(false) }).acquire('a')
    const { signal } = lease
    await lease.release()
    expect(signal.reason.message).toContain('the engine had given it up before it was released')
    await expect(
      new GrantingLock({ release: () => Promise.resolve(false) }).runExclusive('a', () => 7)
    ).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', result: 7, message: expect.stringContaining('given it up') })
  })

  test('after the release is none: nothing is asked or listened to any more', async () => {
    const watched = validity()
    const lease = await new GrantingLock({ validity: watched }).acquire('a')
    await lease.release()
    expect(watched.stopped).toBe(1)
    const { asked } = watched
    expect(lease.held).toBe(false)
    expect(lease.signal.aborted).toBe(false)
    lease.signal.throwIfAborted()
    expect(inspect(lease)).toContain('released')
    expect(watched.asked).toBe(asked)
  })
})

describe('the signal', () => {
  test('is watched from the first look at it, once, and not after the release', async () => {
    let watches = 0
    const grant = { validity: validity(), watch: () => void watches++ }
    const lease = await new GrantingLock(grant).acquire('a')
    expect(lease.held).toBe(true)
    expect(watches).toBe(0)
    expect(lease.signal).toBe(lease.signal)
    expect(watches).toBe(1)
    const late = await new GrantingLock(grant).acquire('a')
    await late.release()
    void late.signal
    expect(watches).toBe(1)
  })

  test('looks at the clocks where there are some, and is as the platform made it elsewhere', async () => {
    const watched = validity()
    const lease = await new GrantingLock({ validity: watched }).acquire('a')
    const { signal } = lease
    const { asked } = watched
    expect(signal.aborted).toBe(false)
    signal.throwIfAborted()
    expect(watched.asked).toBe(asked + 2)
    const { signal: plain } = await new GrantingLock().acquire('a')
    expect(Object.hasOwn(plain, 'aborted')).toBe(false)
  })
})
