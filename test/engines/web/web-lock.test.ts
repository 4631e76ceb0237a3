// WebLock without a browser: its options, its names, and what it does with a LockManager that misbehaves. What holds
// between tabs is tried in a browser: browser.test.ts.

import { KeyedMutex } from 'latchkey'
import { checkKeyedLock, InProcessLock, type LockMode } from 'latchkey/distributed'
import { WebLock, type WebLockManager } from 'latchkey/web'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { checksWithout } from '../../fixtures/conformance.js'

/** A manager as the platform has it, over a lock of this process. `steal` takes a lock from its holder. */
function managerOf(mutex = new KeyedMutex<string>()) {
  const names: string[] = []
  const holders = new Map<string, (reason: unknown) => void>()
  const held = new Set<{ name: string; mode: LockMode }>()
  const locks = new InProcessLock({ mutex })
  const manager: WebLockManager = {
    async request(name, { mode = 'exclusive', signal, ifAvailable }, callback) {
      names.push(name)
      const lock = await (ifAvailable ? locks.tryAcquire(name, { mode }) : locks.acquire(name, { mode, signal }))
      const stolen = new Promise<never>((_, reject) => holders.set(name, reject))
      const entry = { name, mode }
      if (lock) held.add(entry)
      try {
        return await Promise.race([callback(lock ?? null), stolen])
      } finally {
        holders.delete(name)
        held.delete(entry)
        await lock?.release()
      }
    },
    query: async () => ({ held: [...held] })
  }
  const steal = (name: string) => holders.get(name)?.(new DOMException('stolen', 'AbortError'))
  return { manager, names, steal, locks }
}

afterEach(() => vi.unstubAllGlobals())

describe('a WebLock', () => {
  test('keeps the contract over a sound manager', async () => {
    const { manager } = managerOf()
    const passed = await checkKeyedLock(options => new WebLock({ locks: manager, ...options }))
    expect(passed).toEqual(checksWithout(['capacity']).map(({ name }) => name))
  })

  test('says what it promises', () => {
    const { manager } = managerOf()
    expect(new WebLock({ locks: manager }).guarantees).toEqual({
      fifo: true,
      fencing: false,
      survives: ['crash', 'pause']
    })
  })

  test('keeps namespaces apart, and gives the platform names that it takes', async () => {
    const { manager, names } = managerOf()
    const asked: [string, string][] = [
      ['a', 'b:c'],
      ['a:b', 'c'],
      ['-', 'x'],
      ['', '-x'],
      ['a', '\ud800'],
      ['a', '\udc00'],
      ['a', '%d800']
    ]
    for (const [namespace, key] of asked) await new WebLock({ locks: manager, namespace }).runExclusive(key, () => {})
    expect(new Set(names).size).toBe(asked.length)
    for (const name of names) expect(name).not.toMatch(/^-|\p{Surrogate}/u)
  })

  test('asks the platform for what the caller wants, under a name of its own', async () => {
    const { manager } = managerOf()
    const asked: [string, object][] = []
    const request: WebLockManager['request'] = (name, options, callback) => {
      asked.push([name, options])
      return manager.request(name, options, callback)
    }
    const lock = new WebLock({ locks: { request } })
    const lease = await lock.acquire('a')
    expect(lease.owner).toBe('this context')
    expect('token' in lease).toBe(false)
    expect(await new WebLock({ locks: { request } }).tryAcquire('a')).toBeUndefined()
    await lease.release()
    await (await new WebLock({ locks: { request }, namespace: '-' }).tryAcquire('-a'))?.release()
    expect(asked).toEqual([
      ['latchkey:a', { mode: 'exclusive', signal: expect.any(AbortSignal) }],
      ['latchkey:a', { mode: 'exclusive', ifAvailable: true }],
      ['%2d:-a', { mode: 'exclusive', ifAvailable: true }]
    ])
    const names = ['%', ':', '\udfff', 'x'].map(async key => {
      await (await lock.tryAcquire(key))?.release()
      return asked.at(-1)?.[0]
    })
    expect((await Promise.all(names)).length).toBe(4)
    expect(asked.slice(3).map(([name]) => name)).toEqual(['latchkey:%25', 'latchkey::', 'latchkey:%dfff', 'latchkey:x'])
    await new WebLock({ locks: { request }, namespace: 'a:b:%' }).runExclusive('c', () => {})
    expect(asked.at(-1)?.[0]).toBe('a%3ab%3a%25:c')
  })

  test('a caller that gives up leaves the queue of the platform', async () => {
    const mutex = new KeyedMutex<string>()
    const { manager, names, locks } = managerOf(mutex)
    const [one, other] = [new WebLock({ locks: manager }), new WebLock({ locks: manager })]
    const lease = await one.acquire('a')
    const caller = new AbortController()
    const waiting = other.acquire('a', { signal: caller.signal })
    await vi.waitFor(() => expect(locks.waiting).toBe(1))
    caller.abort()
    await expect(waiting).rejects.toBe(caller.signal.reason)
    await vi.waitFor(() => expect(locks.waiting).toBe(0))
    await lease.release()
    // The platform has given it back when that resolves.
    expect(mutex.tryAcquire(names[0] as string)).toBeDefined()
  })

  test('a release says whether the platform still had it, and a lease that is given back is not lost', async () => {
    const { manager, names, steal } = managerOf()
    const lock = new WebLock({ locks: manager })
    const lease = await lock.acquire('a')
    const { signal } = lease
    await lease.release()
    steal(names[0] as string)
    expect(signal.aborted).toBe(false)
    expect(lease.held).toBe(false)
    const cause = new Error('taken')
    let take = (_: unknown) => {}
    const thief: WebLockManager = {
      request: (_, __, callback) => {
        void callback({})
        return new Promise((_, reject) => {
          take = reject
        })
      }
    }
    const stolen = await new WebLock({ locks: thief }).acquire('b')
    take(cause)
    await vi.waitFor(() => expect(stolen.held).toBe(false))
    expect(stolen.signal.reason.cause).toBe(cause)
    await stolen.release()
  })

  test('a lock that is stolen is a lost lease', async () => {
    const { manager, names, steal } = managerOf()
    const lock = new WebLock({ locks: manager })
    const lease = await lock.acquire('a')
    steal(names[0] as string)
    await vi.waitFor(() => expect(lease.held).toBe(false))
    expect(lease.signal.reason).toMatchObject({ code: 'ERR_LEASE_LOST', message: expect.stringContaining('steal') })
    await lease.release()
    const running = lock.runExclusive('a', async lease => {
      steal(names[0] as string)
      await vi.waitFor(() => expect(lease.signal.aborted).toBe(true))
      return 7
    })
    await expect(running).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', result: 7 })
  })

  test('a manager that refuses is told with what it said', async () => {
    const failure = new DOMException('no', 'SecurityError')
    const locks: WebLockManager = { request: () => Promise.reject(failure) }
    const lock = new WebLock({ locks })
    for (const call of [() => lock.acquire('a'), () => lock.tryAcquire('a')])
      await expect(call()).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED', cause: failure, message: /sandboxed/ })
    const throws: WebLockManager = {
      request() {
        throw new TypeError('not a manager')
      }
    }
    await expect(new WebLock({ locks: throws }).acquire('a')).rejects.toMatchObject({
      message: 'WebLock: the browser refuses: not a manager'
    })
    const refuses: WebLockManager = { request: () => Promise.reject(null) }
    await expect(new WebLock({ locks: refuses }).tryAcquire('a')).rejects.toMatchObject({ code: 'ERR_ENGINE_FAILED' })
  })

  test('refuses options that are none', () => {
    expect(() => new WebLock({ namespace: 7 as never })).toThrow(/options.namespace must be a string/)
    expect(() => new WebLock({ locks: {} as never })).toThrow(/options.locks must be a LockManager/)
  })

  test.each([
    ['no navigator', undefined, /secure context/],
    ['an insecure context', { userAgent: 'Mozilla/5.0' }, /secure context/],
    ['Node', { userAgent: 'Node.js/24', locks: managerOf().manager }, /latchkey\/local/]
  ])('refuses %s, with advice', (_, navigator, text) => {
    vi.stubGlobal('navigator', navigator)
    const refusal = expect.objectContaining({ code: 'ERR_ENGINE_UNSUPPORTED', message: expect.stringMatching(text) })
    expect(() => new WebLock()).toThrow(refusal)
  })

  test('takes the manager of the platform', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Mozilla/5.0', locks: managerOf().manager })
    expect(await new WebLock().runExclusive('a', () => 7)).toBe(7)
  })
})
