// What a service needs of its sessions besides one user at a time: to use them without locking, to look, to list, to end
// all, to give another id; an end however often they are used; and a store that hangs without taking all else with it.

import { KeyedMutex } from 'latchkey'
import {
  MemorySessionStore,
  type Session,
  type SessionLock,
  SessionManager,
  type SessionManagerOptions,
  type SessionStore
} from 'latchkey/adapters/session-manager'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deferred, watch } from '../../fixtures/settle.js'
import { FAKED } from '../../properties/settings.js'
import { ControlledStore, flush } from './helpers.js'

interface Data {
  visits: number
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED, now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

const managers: SessionManager<Data>[] = []
afterEach(async () => {
  await Promise.all(managers.splice(0).map(manager => manager.close()))
})

function setUp(options: Omit<SessionManagerOptions<Data>, 'create'> = {}) {
  const store = new MemorySessionStore<Data>()
  const expired: string[] = []
  const manager = new SessionManager<Data>({
    ttl: 100,
    sweepInterval: Number.POSITIVE_INFINITY,
    create: () => ({ visits: 0 }),
    store,
    onExpire: ({ id }) => void expired.push(id),
    ...options
  })
  managers.push(manager)
  return { manager, store, expired }
}

const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    value => `resolved to ${String(value)}`,
    reason => reason
  )

describe('useSession', () => {
  test('many use one at once, and others change it meanwhile', async () => {
    const { manager } = setUp()
    await manager.createSession('a')
    const done = deferred()
    const seen: number[] = []
    const uses = [1, 2, 3].map(n =>
      manager.useSession('a', async session => {
        session.data.visits = 99 // a copy: not saved
        await manager.updateSession('a', data => ({ visits: data.visits + 1 }))
        seen.push(n)
        await done.promise
        return n
      })
    )
    await flush()
    expect([...seen].sort()).toEqual([1, 2, 3])
    done.resolve()
    expect(await Promise.all(uses)).toEqual([1, 2, 3])
    expect((await manager.peek('a'))?.data).toEqual({ visits: 3 })
  })

  test('it does not expire while it is used, in this process or in another, and does a ttl after', async () => {
    const { manager, store, expired } = setUp()
    await manager.createSession('a')
    const done = deferred()
    const use = manager.useSession('a', () => done.promise)
    await flush()
    for (let i = 0; i < 20; i++) {
      vi.advanceTimersByTime(50)
      // It was used again half a ttl ago, and is now: not at the last moment.
      expect(store.get('a')?.expiresAt).toBeGreaterThan(Date.now())
      await flush()
      expect(await manager.sweep()).toBe(0)
      // What another process sees: used again in time.
      expect(store.get('a')?.expiresAt).toBeGreaterThan(Date.now())
    }
    done.resolve()
    await use
    await flush()
    expect(vi.getTimerCount()).toBe(0)
    vi.advanceTimersByTime(99)
    expect(await manager.peek('a')).toBeDefined()
    vi.advanceTimersByTime(1)
    expect(await manager.peek('a')).toBeUndefined()
    expect([await manager.sweep(), expired]).toEqual([1, ['a']])
  })

  test('a store that fails meanwhile does not end it in this process', async () => {
    let fails = false
    const store = new ControlledStore<Data>(effect => {
      if (fails) throw new Error('down')
      return effect()
    })
    const { manager } = setUp({ store })
    await manager.createSession('a')
    const done = deferred()
    const use = manager.useSession('a', () => done.promise)
    await flush()
    fails = true
    vi.advanceTimersByTime(500)
    await flush()
    fails = false
    expect(await manager.sweep()).toBe(0)
    expect(await manager.peek('a')).toBeDefined()
    done.resolve()
    await use
    await flush()
    expect(store.inside.get('a')?.expiresAt).toBe(600)
  })

  test('the last one that ends lets it go, also when a task fails; what is deleted is gone', async () => {
    const { manager } = setUp()
    await manager.createSession('a')
    const [one, two] = [deferred(), deferred()]
    const first = manager.useSession('a', () => one.promise)
    const second = rejection(manager.useSession('a', () => two.promise))
    await flush()
    one.resolve()
    await first
    await flush()
    expect(vi.getTimerCount()).toBe(1)
    two.reject(new Error('its own'))
    expect(await second).toMatchObject({ message: 'its own' })
    await flush()
    expect(vi.getTimerCount()).toBe(0)
    const third = manager.useSession('a', () => flush())
    await flush()
    expect(await manager.deleteSession('a')).toBe(true)
    await third
    expect(await manager.peek('a')).toBeUndefined()
    expect(await rejection(manager.useSession('a', () => {}))).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' })
  })

  test('a lock that fails to give the session back leaves no use behind', async () => {
    const inside = new KeyedMutex<string>()
    let fails = false
    const lock: SessionLock = {
      runExclusive: async (key, task, options) => {
        const result = await inside.runExclusive(key, task, options)
        if (fails) throw new Error('not given back')
        return result
      },
      tryAcquire: key => inside.tryAcquire(key)
    }
    const { manager } = setUp({ lock })
    await manager.createSession('a')
    fails = true
    let isStarted = false
    const use = manager.useSession('a', () => {
      isStarted = true
    })
    expect(await rejection(use)).toMatchObject({ message: 'not given back' })
    fails = false
    expect([isStarted, vi.getTimerCount()]).toEqual([false, 0])
    vi.advanceTimersByTime(100)
    expect(await manager.sweep()).toBe(1)
    await manager.close()
  })

  test.each(Array.from({ length: 16 }, (_, ticks) => ticks))(
    'close waits for what is used, %i promise reactions after it was asked for',
    async ticks => {
      const { manager } = setUp()
      await manager.createSession('a')
      const done = deferred()
      let isStarted = false
      const use = watch(
        manager.useSession('a', () => {
          isStarted = true
          return done.promise
        })
      )
      for (let i = 0; i < ticks; i++) await Promise.resolve()
      const closed = watch(manager.close())
      await flush()
      // Either the task was turned away, or it is waited for.
      expect([use.state, closed.state]).toEqual(isStarted ? ['pending', 'pending'] : ['rejected', 'resolved'])
      done.resolve()
      await flush()
      expect(closed.state).toBe('resolved')
    }
  )
})

describe('peek', () => {
  test('neither waits nor writes, and is no use', async () => {
    const store = new ControlledStore<Data>(effect => effect())
    const { manager } = setUp({ store })
    await manager.createSession('a')
    const done = deferred()
    const holding = manager.withSession('a', async ({ data }) => {
      data.visits = 7
      await done.promise
    })
    await flush()
    store.calls.length = 0
    vi.advanceTimersByTime(40)
    // Not by way of the store that refuses two calls at once: `get` is over when the task runs.
    expect(await manager.peek('a')).toMatchObject({ data: { visits: 0 }, expiresAt: 100, lastAccessedAt: 0 })
    expect(store.calls).toEqual(['get a'])
    done.resolve()
    await holding
    expect(await manager.peek('b')).toBeUndefined()
    await expect(manager.peek('')).rejects.toThrow('SessionManager: id must be a non-empty string, got ""')
  })
})

describe('list and clear', () => {
  test('tell of the live ones, and end them, those that are waited for in their turn', async () => {
    const { manager, expired } = setUp()
    await manager.createSession('old')
    vi.advanceTimersByTime(60)
    for (const id of ['a', 'b', 'c']) await manager.createSession(id)
    vi.advanceTimersByTime(60)
    expect((await manager.list()).map(({ id, data }) => [id, data])).toEqual(
      ['a', 'b', 'c'].map(id => [id, { visits: 0 }])
    )
    const done = deferred()
    const holding = manager.withSession('b', () => done.promise)
    await flush()
    const cleared = watch(manager.clear())
    await flush()
    expect(cleared.state).toBe('pending')
    done.resolve()
    await holding
    await flush()
    await vi.advanceTimersByTimeAsync(1)
    expect(cleared).toMatchObject({ state: 'resolved', value: 3 })
    expect([await manager.list(), expired]).toEqual([[], []])
  })

  test('a store without a list is told so', async () => {
    const inside = new MemorySessionStore<Data>()
    const store: SessionStore<Data> = {
      get: id => inside.get(id),
      set: session => inside.set(session),
      delete: id => inside.delete(id),
      expired: now => inside.expired(now),
      count: now => inside.count(now)
    }
    const { manager } = setUp({ store, name: 'users' })
    await expect(manager.list()).rejects.toThrow(new TypeError('SessionManager "users": the store has no method list'))
    await expect(manager.clear()).rejects.toThrow(TypeError)
  })
})

describe('how a session ends', () => {
  test('maxAge ends it however often it is used, and lastAccessedAt says when it was', async () => {
    const { manager, expired } = setUp({ maxAge: 250 })
    await manager.createSession('a')
    const seen: (number | undefined)[][] = []
    for (let i = 0; i < 4; i++) {
      vi.advanceTimersByTime(60)
      const session = await manager.getSession('a')
      seen.push([session?.lastAccessedAt, session?.expiresAt])
    }
    expect(seen).toEqual([
      [60, 160],
      [120, 220],
      [180, 250],
      [240, 250]
    ])
    vi.advanceTimersByTime(10)
    expect(await manager.getSession('a')).toBeUndefined()
    // The old one is told of before a new one begins.
    expect(await manager.createSession('a')).toMatchObject({ createdAt: 250 })
    expect(expired).toEqual(['a'])
  })

  test('onExpire is told of each that the sweep removes, and not of others; its failure is one of the sweep', async () => {
    const told: Session<Data>[] = []
    const { manager, store } = setUp({
      onExpire: session => {
        told.push(session)
        if (session.id === 'b') throw new Error('cannot clean up')
      }
    })
    for (const id of ['a', 'b', 'c', 'd']) await manager.createSession(id)
    await manager.deleteSession('d')
    await manager.updateSession('a', () => ({ visits: 3 }))
    vi.advanceTimersByTime(100)
    expect(await rejection(manager.sweep())).toMatchObject({ message: 'cannot clean up' })
    expect(told.map(({ id, data }) => [id, data.visits])).toEqual([
      ['a', 3],
      ['b', 0],
      ['c', 0]
    ])
    expect(['a', 'b', 'c'].map(id => store.get(id))).toEqual([undefined, undefined, undefined])
  })
})

describe('regenerate', () => {
  test('moves the session to a new id, and those who waited for the old one find nothing', async () => {
    const { manager } = setUp({ generateId: () => 'new' })
    await manager.createSession('old')
    await manager.updateSession('old', () => ({ visits: 5 }))
    vi.advanceTimersByTime(10)
    const moved = manager.regenerate('old')
    const late = rejection(manager.updateSession('old', data => data))
    expect(await moved).toEqual({ id: 'new', createdAt: 0, lastAccessedAt: 10, expiresAt: 110, data: { visits: 5 } })
    expect(await late).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' })
    expect([await manager.peek('old'), (await manager.peek('new'))?.data]).toEqual([undefined, { visits: 5 }])
    expect(await rejection(manager.regenerate('old'))).toMatchObject({ code: 'ERR_SESSION_NOT_FOUND' })
  })

  test('makes ids that cannot be guessed, and never one that is in use', async () => {
    const { manager } = setUp()
    await manager.createSession('a')
    const { id } = await manager.regenerate('a')
    expect(id).toMatch(/^[\da-f]{8}-[\da-f-]{27}$/)
    const { manager: other } = setUp({ generateId: () => 'taken' })
    await other.createSession('b')
    await other.createSession('taken')
    expect(await rejection(other.regenerate('b'))).toMatchObject({ message: /is in use$/ })
    expect(await rejection(other.regenerate('taken'))).toMatchObject({ message: /is in use$/ })
    expect((await other.list()).map(({ id }) => id)).toEqual(['b', 'taken'])
  })
})

describe('a store that hangs', () => {
  const hanging = (isHanging: (call: string) => boolean) =>
    new ControlledStore<Data>((effect, call) => (isHanging(call) ? new Promise<never>(() => {}) : effect()))

  test.each(['get a', 'set a', 'delete a'])(
    '%s: the call rejects in time, the session is free, close is not held up',
    async hung => {
      let hangs = false
      const store = hanging(call => hangs && call === hung)
      const { manager } = setUp({ store, storeTimeout: 1000, ttl: 60_000, name: 'users' })
      await manager.createSession('a')
      hangs = true
      vi.advanceTimersByTime(1)
      const call = watch<unknown>(hung === 'delete a' ? manager.deleteSession('a') : manager.getSession('a'))
      const next = watch(manager.withSession('b', () => {}))
      await flush()
      vi.advanceTimersByTime(999)
      await flush()
      expect([call.state, next.state]).toEqual(['pending', 'rejected'])
      const closed = watch(manager.close())
      await flush()
      expect(closed.state).toBe('pending')
      vi.advanceTimersByTime(1)
      await flush()
      expect(call.reason).toMatchObject({
        name: 'SessionStoreTimeoutError',
        code: 'ERR_SESSION_STORE_TIMEOUT',
        message: `SessionManager "users": the store took longer than 1000 ms to ${hung.split(' ')[0]}`
      })
      expect(closed.state).toBe('resolved')
    }
  )

  test('the sweep and activeCount are bounded as well, and a list that stops in the middle', async () => {
    const store = hanging(call => call === 'expired' || call === 'count')
    const { manager } = setUp({ store, storeTimeout: 1000 })
    const both = [rejection(manager.sweep()), rejection(Promise.resolve(manager.activeCount))]
    await flush()
    vi.advanceTimersByTime(1000)
    expect(await Promise.all(both)).toMatchObject(Array(2).fill({ code: 'ERR_SESSION_STORE_TIMEOUT' }))
    const stops = hanging(() => false)
    stops.expired = async function* () {
      yield 'a'
      await new Promise(() => {})
    } as never
    const { manager: other } = setUp({ store: stops, storeTimeout: 1000 })
    const swept = rejection(other.sweep())
    await flush()
    vi.advanceTimersByTime(1000)
    expect(await swept).toMatchObject({ code: 'ERR_SESSION_STORE_TIMEOUT' })
  })

  test('one that answers in time leaves no timer', async () => {
    const { manager } = setUp({ store: new ControlledStore<Data>(async effect => effect()) })
    await manager.createSession('a')
    await manager.getSession('a')
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('a sweep that takes longer than its interval', () => {
  test('fails once, not once for each tick that came meanwhile', async () => {
    const failure = new Error('down')
    const pending = deferred<never>()
    const store = new ControlledStore<Data>(effect => effect())
    let sweeps = 0
    store.expired = () => {
      sweeps++
      return pending.promise as never
    }
    const errors: unknown[] = []
    setUp({
      store,
      sweepInterval: 10,
      storeTimeout: Number.POSITIVE_INFINITY,
      onSweepError: error => errors.push(error)
    })
    vi.advanceTimersByTime(55)
    await flush()
    pending.reject(failure)
    await flush()
    expect([sweeps, errors]).toEqual([1, [failure]])
  })
})

describe('a sweep of very many', () => {
  test('lets others have their turn of the event loop', async () => {
    const { manager, store } = setUp({ lock: new KeyedMutex<string>() })
    for (let i = 0; i < 1000; i++) store.set({ id: `s${i}`, createdAt: 0, expiresAt: 1, data: { visits: 0 } })
    vi.advanceTimersByTime(1)
    vi.useRealTimers()
    let turns = 0
    const count = () => {
      turns++
      if (!isOver) setTimeout(count, 0)
    }
    let isOver = false
    setTimeout(count, 0)
    const swept = await manager.sweep()
    isOver = true
    expect(swept).toBe(1000)
    expect(turns).toBeGreaterThanOrEqual(5)
  })
})

test.each<[string, object, string]>([
  ['maxAge', { maxAge: 0 }, 'options.maxAge must be a number > 0 (milliseconds), or Infinity, got 0'],
  [
    'storeTimeout',
    { storeTimeout: -1 },
    'options.storeTimeout must be a number > 0 and <= 2147483647 (milliseconds), or Infinity, got -1'
  ],
  ['onExpire', { onExpire: 5 }, 'options.onExpire must be a function, got 5'],
  ['generateId', { generateId: 'x' }, 'options.generateId must be a function, got "x"']
])('misuse: %s', (_, options, message) => {
  expect(() => new SessionManager(options)).toThrow(`SessionManager: ${message}`)
})

test('a store is told when a sweep ends before its list', async () => {
  let isTold = false
  class Store extends MemorySessionStore<Data> {
    // biome-ignore lint/suspicious/noExplicitAny: the store of the class lists at once, and this one does not.
    override expired(now: number): any {
      return this.#slowly(super.expired(now))
    }
    async *#slowly(ids: Iterable<string>) {
      try {
        yield* ids
      } finally {
        isTold = true
      }
    }
  }
  const ended: string[] = []
  const { manager } = setUp({
    store: new Store(),
    onExpire: ({ id }) => {
      ended.push(id)
      void manager.close()
    }
  })
  for (const id of ['a', 'b', 'c']) await manager.createSession(id)
  vi.advanceTimersByTime(100)
  await manager.sweep()
  await flush()
  expect([ended.length < 3, isTold]).toEqual([true, true])
})
