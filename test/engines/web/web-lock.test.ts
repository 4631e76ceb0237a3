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
  return { manager, names, steal }
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
    await expect(new WebLock({ locks: throws }).acquire('a')).rejects.toMatchObject({ message: /not a manager/ })
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
