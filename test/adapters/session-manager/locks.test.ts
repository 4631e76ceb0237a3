// One machine or many: what the manager asks of a lock, and what it does with what the lock says.

import { KeyedMutex, LeaseLostError, LockTimeoutError, QueueFullError } from 'latchkey'
import {
  MemorySessionStore,
  type SessionLease,
  type SessionLock,
  SessionManager
} from 'latchkey/adapters/session-manager'
import { describe, expect, test } from 'vitest'
import { ControlledStore, flush, type KeyedLock, RecordingLock, RemoteLock } from './helpers.js'

interface Data {
  visits: number
}

const create = () => ({ visits: 0 })
const calls: [string, (manager: SessionManager<Data>, options: object) => Promise<unknown>][] = [
  ['createSession', (manager, options) => manager.createSession('a', options)],
  ['getSession', (manager, options) => manager.getSession('a', options)],
  ['updateSession', (manager, options) => manager.updateSession('a', data => data, options)],
  ['withSession', (manager, options) => manager.withSession('a', () => {}, options)],
  ['deleteSession', (manager, options) => manager.deleteSession('a', options)]
]

test('locks of one process and of many fit the type', () => {
  const fits: SessionLock[] = [new KeyedMutex<string>(), new RemoteLock(), new RecordingLock()]
  const remote: KeyedLock = new RemoteLock()
  fits.push(remote)
  for (const lock of fits) expect(() => new SessionManager({ lock, sweepInterval: 1000 }).close()).not.toThrow()
})

describe('how long to wait is for the lock to say', () => {
  test.each(calls)('%s hands it key and options', async (_, call) => {
    const lock = new RecordingLock()
    const manager = new SessionManager({ lock, create })
    await manager.createSession('a')
    const options = { signal: new AbortController().signal, timeout: 5 }
    await call(manager, options)
    expect(lock.asked.slice(1)).toEqual([{ key: 'a', options }])
    expect(lock.asked[1]?.options).toBe(options)
  })

  test.each(calls)('%s gives up as the lock does, and leaves nothing', async (_, call) => {
    const lock = new KeyedMutex<string>({ maxWaiting: 1 })
    const store = new ControlledStore<Data>(effect => effect())
    const manager = new SessionManager({ lock, store, create })
    const held = await lock.acquire('a')
    await expect(call(manager, { timeout: 0 })).rejects.toThrow(LockTimeoutError)
    const reason = { why: 'enough' }
    await expect(call(manager, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    const abort = new AbortController()
    const waiting = call(manager, { signal: abort.signal })
    await expect(call(manager, {})).rejects.toThrow(QueueFullError)
    abort.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(lock.waiting).toBe(0)
    held.release()
    expect(lock.size).toBe(0)
    expect(store.calls).toEqual([])
  })

  test.each(calls)('%s, once it has the session, goes on whatever the signal says', async (_, call) => {
    const abort = new AbortController()
    const store = new ControlledStore<Data>(effect => {
      abort.abort()
      return effect()
    })
    store.inside.set({ id: 'a', createdAt: 0, expiresAt: Date.now() + 60_000, data: create() })
    const manager = new SessionManager({ store, create })
    await call(manager, { signal: abort.signal })
    expect(abort.signal.aborted).toBe(true)
  })
})

describe('two managers that share a store and a lock across processes', () => {
  const setUp = () => {
    const lock = new RemoteLock()
    const clock = { now: 0 }
    const store = new ControlledStore<Data>(async effect => {
      await flush()
      return effect()
    })
    const make = () =>
      new SessionManager({
        lock,
        store,
        create,
        ttl: 100,
        sweepInterval: Number.POSITIVE_INFINITY,
        now: () => clock.now
      })
    return { lock, clock, store, one: make(), other: make() }
  }

  test('make one session and lose no update', async () => {
    const { lock, store, one, other } = setUp()
    const both = [one, other]
    await Promise.all(both.flatMap(manager => Array.from({ length: 5 }, () => manager.createSession('a'))))
    expect(store.calls.filter(call => call === 'set a')).toHaveLength(1)
    const visit = (manager: SessionManager<Data>) =>
      manager.withSession('a', async session => {
        const { visits } = session.data
        await flush()
        session.data.visits = visits + 1
      })
    await Promise.all(both.flatMap(manager => Array.from({ length: 5 }, () => visit(manager))))
    expect((await one.getSession('a'))?.data).toEqual({ visits: 10 })
    expect(await other.deleteSession('a')).toBe(true)
    expect(await one.getSession('a')).toBeUndefined()
    expect(lock.size).toBe(0)
  })

  test('do not sweep what the other uses, and sweep it once when nobody does', async () => {
    const { lock, clock, one, other } = setUp()
    await one.createSession('a')
    await one.withSession('a', async () => {
      clock.now = 100
      expect(await other.sweep()).toBe(0)
    })
    expect(await other.getSession('a')).toBeDefined()
    clock.now = 200
    const swept = await Promise.all([one.sweep(), other.sweep()])
    expect(swept.reduce((a, b) => a + b)).toBe(1)
    expect(lock.size).toBe(0)
  })

  test('free the session before the call settles, though the release takes time', async () => {
    const { lock, clock, one } = setUp()
    await one.createSession('a')
    expect(lock.size).toBe(0)
    await one.withSession('a', () => {})
    expect(lock.size).toBe(0)
    clock.now = 100
    await one.sweep()
    expect(lock.size).toBe(0)
  })

  test('write nothing on a lease that was lost', async () => {
    const { lock, store, one, other } = setUp()
    await one.createSession('a')
    let told = false
    const paused = one.withSession('a', async (session, lease) => {
      session.data.visits = 1000
      lease.signal?.addEventListener('abort', () => {
        told = true
      })
      lock.lose('a')
      await other.updateSession('a', data => ({ visits: data.visits + 1 }))
      expect(lease.held).toBe(false)
    })
    await expect(paused).rejects.toThrow(LeaseLostError)
    expect(told).toBe(true)
    expect(store.inside.get('a')?.data).toEqual({ visits: 1 })
    expect(lock.size).toBe(0)
  })
})

describe('a lease that was lost', () => {
  /** Holds, and holds no more once the store has been asked for the session. */
  const losing = (lease: Partial<SessionLease>) => {
    const store = new MemorySessionStore<Data>()
    let held = true
    const lost = { ...lease, release: () => {} }
    Object.defineProperty(lost, 'held', { get: () => held })
    const get = store.get.bind(store)
    store.get = id => {
      held = false
      return get(id)
    }
    const lock: SessionLock = {
      runExclusive: async (_, task) => task(lost as never),
      tryAcquire: () => lost as never
    }
    let now = 0
    const manager = new SessionManager({ store, lock, create, ttl: 10, sweepInterval: 1000, now: () => now })
    store.set({ id: 'a', createdAt: 0, expiresAt: 5, data: create() })
    return { manager, store, expire: () => (now = 5) }
  }

  test.each(calls)('keeps %s from writing', async (_, call) => {
    const { manager, store } = losing({})
    await expect(call(manager, {})).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', message: /session "a"/ })
    expect([...store.expired(5)]).toEqual(['a'])
    await manager.close()
  })

  test('keeps createSession from creating, and sweep from deleting', async () => {
    const { manager, store, expire } = losing({})
    await expect(manager.createSession('b')).rejects.toThrow(LeaseLostError)
    expire()
    await expect(manager.sweep()).rejects.toThrow(LeaseLostError)
    expect([...store.expired(5)]).toEqual(['a'])
    await manager.close()
  })

  test('rejects with what the lease says', async () => {
    const reason = new LeaseLostError('gone with the network')
    const { manager } = losing({ signal: AbortSignal.abort(reason) })
    await expect(manager.getSession('a')).rejects.toBe(reason)
    await manager.close()
  })
})

test('the store is given the lease with every write, so that it can refuse an old token', async () => {
  const lock = new RemoteLock()
  const tokens: [string, bigint | undefined][] = []
  const store = new MemorySessionStore<Data>()
  const fenced = {
    get: (id: string) => store.get(id),
    set: (session: Parameters<typeof store.set>[0], lease: SessionLease) => {
      tokens.push(['set', lease.token])
      store.set(session)
    },
    delete: (id: string, lease: SessionLease) => {
      tokens.push(['delete', lease.token])
      store.delete(id)
    },
    expired: (now: number) => store.expired(now),
    count: (now: number) => store.count(now)
  }
  let now = 0
  const manager = new SessionManager({ lock, store: fenced, create, ttl: 10, sweepInterval: 1000, now: () => now })
  await manager.createSession('a')
  await manager.updateSession('a', data => data)
  await manager.deleteSession('a')
  await manager.createSession('a')
  now = 10
  await manager.sweep()
  expect(tokens).toEqual([
    ['set', 1n],
    ['set', 2n],
    ['delete', 3n],
    ['set', 4n],
    ['delete', 5n]
  ])
  await manager.close()
})
