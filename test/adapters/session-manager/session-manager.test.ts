// What the manager does for one caller at a time: create, use, expire, end; and what it refuses.

import { KeyedMutex } from 'latchkey'
import {
  MemorySessionStore,
  SessionManager,
  SessionNotFoundError,
  type SessionStore
} from 'latchkey/adapters/session-manager'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FAKED } from '../../properties/settings.js'

const START = 1_000_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED, now: START })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const visits = (options: { ttl?: number; sweepInterval?: number } = {}) => {
  const store = new MemorySessionStore<{ visits: number }>()
  const lock = new KeyedMutex<string>()
  const manager = new SessionManager({ ttl: 100, store, lock, create: () => ({ visits: 0 }), ...options })
  return { manager, store, lock }
}

describe('a session', () => {
  test('begins with what create makes, now, for one ttl', async () => {
    const create = vi.fn((id: string) => ({ owner: id }))
    const manager = new SessionManager({ ttl: 100, create })
    const session = { id: 'a', createdAt: START, lastAccessedAt: START, expiresAt: START + 100, data: { owner: 'a' } }
    expect(await manager.createSession('a')).toEqual(session)
    expect(await manager.getSession('a')).toEqual(session)
    expect(create.mock.calls).toEqual([['a']])
  })

  test('is an empty object for half an hour if nothing else is said', async () => {
    const manager = new SessionManager()
    expect(await manager.createSession('a')).toEqual({
      id: 'a',
      createdAt: START,
      lastAccessedAt: START,
      expiresAt: START + 30 * 60_000,
      data: {}
    })
  })

  test('is made of data that takes its time', async () => {
    const manager = new SessionManager({ create: async () => ({ loaded: true }) })
    expect((await manager.createSession('a')).data).toEqual({ loaded: true })
  })

  test('is not created twice', async () => {
    const { manager } = visits()
    const first = await manager.createSession('a')
    await manager.updateSession('a', () => ({ visits: 7 }))
    vi.advanceTimersByTime(50)
    const second = await manager.createSession('a')
    expect(second).toEqual({ ...first, lastAccessedAt: START + 50, expiresAt: START + 150, data: { visits: 7 } })
  })

  test('is not created when create fails', async () => {
    const failure = new Error('no data')
    const lock = new KeyedMutex<string>()
    const create = vi.fn<() => { n: number }>().mockImplementationOnce(() => {
      throw failure
    })
    const manager = new SessionManager<{ n: number }>({ lock, create: create.mockReturnValue({ n: 1 }) })
    await expect(manager.createSession('a')).rejects.toBe(failure)
    expect(lock.size).toBe(0)
    expect(await manager.getSession('a')).toBeUndefined()
    expect((await manager.createSession('a')).data).toEqual({ n: 1 })
  })

  test('that was never created is absent', async () => {
    const { manager } = visits()
    expect(await manager.getSession('a')).toBeUndefined()
    expect(await manager.deleteSession('a')).toBe(false)
    const absent = { code: 'ERR_SESSION_NOT_FOUND', message: expect.stringContaining('"a"') }
    const task = vi.fn()
    await expect(manager.updateSession('a', task)).rejects.toThrow(SessionNotFoundError)
    await expect(manager.updateSession('a', task)).rejects.toMatchObject(absent)
    await expect(manager.withSession('a', task)).rejects.toMatchObject(absent)
    expect(task).not.toHaveBeenCalled()
  })

  test('ends when it is deleted, and may be created again', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    await manager.updateSession('a', () => ({ visits: 7 }))
    expect(await manager.deleteSession('a')).toBe(true)
    expect(await manager.deleteSession('a')).toBe(false)
    expect(await manager.getSession('a')).toBeUndefined()
    vi.advanceTimersByTime(1)
    expect(await manager.createSession('a')).toMatchObject({ createdAt: START + 1, data: { visits: 0 } })
  })

  test('is a copy in the hands of a caller', async () => {
    const { manager } = visits()
    const created = await manager.createSession('a')
    created.data.visits = 1
    const got = await manager.getSession('a')
    expect(got?.data).toEqual({ visits: 0 })
    if (got) got.data.visits = 2
    const updated = await manager.updateSession('a', data => ({ visits: data.visits + 10 }))
    updated.data.visits = 3
    expect((await manager.getSession('a'))?.data).toEqual({ visits: 10 })
  })
})

describe('updateSession', () => {
  test('saves what the change returns', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    const updated = await manager.updateSession('a', async data => ({ visits: data.visits + 1 }))
    expect(updated).toMatchObject({ createdAt: START, data: { visits: 1 } })
    expect(await manager.getSession('a')).toEqual(updated)
  })

  test.each([
    [
      'throws',
      (data: { visits: number }) => {
        data.visits = 9
        throw new RangeError('no')
      },
      'no'
    ],
    ['rejects', () => Promise.reject(new RangeError('no')), 'no'],
    [
      'forgets to return',
      ((data: { visits: number }) => {
        data.visits = 9
      }) as () => never,
      'SessionManager: what change returns must be the new data, got undefined'
    ]
  ])('changes nothing when the change %s', async (_, change, message) => {
    const { manager, store, lock } = visits()
    const created = await manager.createSession('a')
    vi.advanceTimersByTime(50)
    await expect(manager.updateSession('a', change)).rejects.toThrow(message)
    expect(store.get('a')).toEqual(created)
    expect(lock.size).toBe(0)
  })
})

describe('withSession', () => {
  test('gives its result and saves what it did to the data, in place or by replacing them', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    const seen = await manager.withSession('a', session => {
      session.data.visits++
      return `visit ${session.data.visits} of ${session.id}`
    })
    expect(seen).toBe('visit 1 of a')
    await manager.withSession('a', async session => {
      session.data = { visits: session.data.visits + 1 }
    })
    expect((await manager.getSession('a'))?.data).toEqual({ visits: 2 })
  })

  test('leaves the store as it was when the task fails', async () => {
    const { manager, store, lock } = visits()
    const created = await manager.createSession('a')
    vi.advanceTimersByTime(50)
    const failures = [new Error('thrown'), undefined]
    for (const failure of failures) {
      const failing = manager.withSession('a', session => {
        session.data.visits = 9
        throw failure
      })
      await expect(failing).rejects.toBe(failure)
      expect(store.get('a')).toEqual(created)
      expect(lock.size).toBe(0)
    }
  })

  test('does not let the task change who the session is', async () => {
    const { manager, store } = visits()
    const created = await manager.createSession('a')
    await manager.withSession('a', session => {
      Object.assign(session, { id: 'b', createdAt: 0, expiresAt: 0 })
    })
    expect(store.get('a')).toEqual(created)
    expect(store.get('b')).toBeUndefined()
  })

  test('tells the task whether it still has the session', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    const held = await manager.withSession('a', (_, lease) => lease.held)
    expect(held).toBe(true)
  })

  test('starts the next task when the one before has been saved', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    const seen = await Promise.all(
      Array.from({ length: 10 }, () => manager.withSession('a', async session => session.data.visits++))
    )
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('holds up nobody with another session', async () => {
    const { manager } = visits()
    await manager.createSession('a')
    await manager.createSession('b')
    const seen = await manager.withSession('a', () => manager.withSession('b', session => session.id))
    expect(seen).toBe('b')
  })
})

describe('expiry', () => {
  const uses: [string, (manager: SessionManager<{ visits: number }>) => Promise<unknown>][] = [
    ['createSession', manager => manager.createSession('a')],
    ['getSession', manager => manager.getSession('a')],
    ['updateSession', manager => manager.updateSession('a', data => data)],
    ['withSession', manager => manager.withSession('a', () => {})]
  ]

  test.each(uses)('slides with %s', async (_, use) => {
    const { manager } = visits({ sweepInterval: Number.POSITIVE_INFINITY })
    await manager.createSession('a')
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(99)
      await use(manager)
    }
    vi.advanceTimersByTime(99)
    expect(await manager.getSession('a')).toMatchObject({ createdAt: START, expiresAt: START + 694 })
  })

  test.each([
    ['swept', 1],
    ['not swept', Number.POSITIVE_INFINITY]
  ])('comes at ttl, not before: %s', async (_, sweepInterval) => {
    const { manager, store } = visits({ sweepInterval })
    await manager.createSession('a')
    await vi.advanceTimersByTimeAsync(99)
    expect(await manager.activeCount).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(store.get('a') === undefined).toBe(sweepInterval === 1)
    expect(await manager.activeCount).toBe(0)
    expect(await manager.getSession('a')).toBeUndefined()
    expect(await manager.deleteSession('a')).toBe(false)
    await expect(manager.updateSession('a', data => data)).rejects.toThrow(SessionNotFoundError)
    await expect(manager.withSession('a', () => {})).rejects.toThrow(SessionNotFoundError)
    expect(await manager.createSession('a')).toMatchObject({ createdAt: START + 100, expiresAt: START + 200 })
  })

  test('does not take a session from the task that holds it', async () => {
    const { manager } = visits({ sweepInterval: 10 })
    await manager.createSession('a')
    await manager.withSession('a', async session => {
      session.data.visits = 1
      await vi.advanceTimersByTimeAsync(1000)
    })
    expect(await manager.getSession('a')).toMatchObject({
      createdAt: START,
      expiresAt: START + 1100,
      data: { visits: 1 }
    })
  })

  test('is told by the clock that was given', async () => {
    let now = 5
    const manager = new SessionManager({ ttl: 10, now: () => now })
    expect(await manager.createSession('a')).toMatchObject({ createdAt: 5, expiresAt: 15 })
    now = 15
    expect(await manager.getSession('a')).toBeUndefined()
  })

  test('costs one write for a burst of uses', async () => {
    const { manager, store } = visits()
    const set = vi.spyOn(store, 'set')
    await manager.createSession('a')
    for (let i = 0; i < 10; i++) await manager.getSession('a')
    expect(set).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(1)
    for (let i = 0; i < 10; i++) await manager.getSession('a')
    expect(set).toHaveBeenCalledTimes(2)
  })
})

describe('the sweep', () => {
  test('removes what has expired and only that', async () => {
    const { manager, store } = visits({ sweepInterval: 10 })
    await manager.createSession('old')
    await vi.advanceTimersByTimeAsync(60)
    await manager.createSession('young')
    await vi.advanceTimersByTimeAsync(60)
    expect(store.get('old')).toBeUndefined()
    expect(store.get('young')).toBeDefined()
    expect(await manager.activeCount).toBe(1)
  })

  test('says how many it removed', async () => {
    const { manager, lock } = visits({ sweepInterval: Number.POSITIVE_INFINITY })
    for (const id of ['a', 'b', 'c']) await manager.createSession(id)
    expect(await manager.sweep()).toBe(0)
    vi.advanceTimersByTime(100)
    expect(await manager.sweep()).toBe(3)
    expect(await manager.sweep()).toBe(0)
    expect(lock.size).toBe(0)
  })

  test.each([
    ['every ttl', { ttl: 100 }, 100],
    ['every minute if the ttl is longer', { ttl: 3_600_000 }, 60_000],
    ['as often as is said', { ttl: 100, sweepInterval: 7 }, 7]
  ])('runs %s', async (_, options, interval) => {
    const { manager } = visits(options)
    const sweep = vi.spyOn(manager, 'sweep')
    await vi.advanceTimersByTimeAsync(interval - 1)
    expect(sweep).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(1 + 2 * interval)
    expect(sweep).toHaveBeenCalledTimes(3)
  })

  test('has no timer if it never runs', () => {
    visits({ sweepInterval: Number.POSITIVE_INFINITY })
    expect(vi.getTimerCount()).toBe(0)
  })

  test('keeps no process alive, and does without unref where there is none', async () => {
    const unref = vi.fn()
    vi.spyOn(globalThis, 'setInterval').mockReturnValueOnce({ unref } as never)
    new SessionManager()
    expect(unref).toHaveBeenCalledTimes(1)
    vi.spyOn(globalThis, 'setInterval').mockReturnValueOnce(1 as never)
    expect(() => new SessionManager()).not.toThrow()
  })

  test('does not begin again while it runs', async () => {
    let answer: (ids: string[]) => void = () => {}
    const expired = vi.fn(() => new Promise<string[]>(resolve => (answer = resolve)))
    const store = Object.assign(new MemorySessionStore<object>(), { expired }) as SessionStore<object>
    const manager = new SessionManager<object>({ store, sweepInterval: 10, create: () => ({}) })
    const sweeping = manager.sweep()
    expect(manager.sweep()).toBe(sweeping)
    await vi.advanceTimersByTimeAsync(100)
    expect(expired).toHaveBeenCalledTimes(1)
    answer([])
    await sweeping
    await vi.advanceTimersByTimeAsync(10)
    expect(expired).toHaveBeenCalledTimes(2)
  })

  test('takes ids in any form a store lists them', async () => {
    const forms: SessionStore<object>['expired'][] = [
      () => ['a', 'b'],
      () => new Set(['a', 'b']),
      async () => ['a', 'b'],
      async function* () {
        yield 'a'
        yield 'b'
      }
    ]
    for (const expired of forms) {
      const store = Object.assign(new MemorySessionStore<object>(), { expired })
      const manager = new SessionManager({ store, ttl: 1, sweepInterval: Number.POSITIVE_INFINITY })
      await manager.createSession('a')
      await manager.createSession('b')
      vi.advanceTimersByTime(1)
      expect(await manager.sweep()).toBe(2)
    }
  })

  test('tells what failed, and tries again', async () => {
    const failure = new Error('store is down')
    const onSweepError = vi.fn()
    const store = new MemorySessionStore<Record<string, unknown>>()
    vi.spyOn(store, 'expired').mockImplementationOnce(() => {
      throw failure
    })
    const manager = new SessionManager({ store, ttl: 10, sweepInterval: 10, onSweepError })
    await manager.createSession('a')
    await vi.advanceTimersByTimeAsync(10)
    expect(onSweepError.mock.calls).toEqual([[failure]])
    expect(store.get('a')).toBeDefined()
    await vi.advanceTimersByTimeAsync(10)
    expect(onSweepError).toHaveBeenCalledTimes(1)
    expect(store.get('a')).toBeUndefined()
  })

  test('is not stopped by one session that cannot be removed', async () => {
    const failure = new Error('stuck')
    const { manager, store, lock } = visits({ sweepInterval: Number.POSITIVE_INFINITY })
    for (const id of ['a', 'b', 'c']) await manager.createSession(id)
    vi.advanceTimersByTime(100)
    const remove = store.delete.bind(store)
    vi.spyOn(store, 'delete').mockImplementation(id => {
      if (id === 'b') throw failure
      remove(id)
    })
    await expect(manager.sweep()).rejects.toBe(failure)
    expect(['a', 'b', 'c'].map(id => store.get(id) !== undefined)).toEqual([false, true, false])
    expect(lock.size).toBe(0)
  })
})

describe('the memory store', () => {
  test('refuses what it cannot copy, unless it is told how deep to copy', async () => {
    const connection = { close: () => {} }
    const careful = new SessionManager({ create: () => ({ connection }) })
    await expect(careful.createSession('a')).rejects.toThrow(/could not be cloned/)
    const store = new MemorySessionStore<{ connection: object }>({ copy: session => ({ ...session }) })
    const manager = new SessionManager({ store, create: () => ({ connection }) })
    expect((await manager.createSession('a')).data.connection).toBe(connection)
    expect((await manager.getSession('a'))?.data.connection).toBe(connection)
  })
})

describe('misuse throws at the call', () => {
  const wrong = (value: unknown) => value as never
  const interval = 'options.sweepInterval must be a number > 0 and <= 2147483647 (milliseconds), or Infinity'
  const methods = 'an object with get, set, delete, expired, count'

  test.each<[string, unknown, ErrorConstructor, string]>([
    ['null', null, TypeError, 'options must be an object, got null'],
    ['a string', 'web', TypeError, 'options must be an object, got "web"'],
    ['name', { name: 5 }, TypeError, 'options.name must be a string, got 5'],
    ['ttl 0', { ttl: 0 }, RangeError, 'options.ttl must be a finite number > 0 (milliseconds), got 0'],
    ['ttl -1', { ttl: -1 }, RangeError, 'options.ttl must be a finite number > 0 (milliseconds), got -1'],
    ['ttl NaN', { ttl: Number.NaN }, RangeError, 'options.ttl must be a finite number > 0 (milliseconds), got NaN'],
    [
      'ttl Infinity',
      { ttl: Number.POSITIVE_INFINITY },
      RangeError,
      'options.ttl must be a finite number > 0 (milliseconds), got Infinity'
    ],
    ['ttl text', { ttl: '5' }, TypeError, 'options.ttl must be a finite number > 0 (milliseconds), got "5"'],
    ['sweepInterval 0', { sweepInterval: 0 }, RangeError, `${interval}, got 0`],
    ['sweepInterval long', { sweepInterval: 2 ** 31 }, RangeError, `${interval}, got 2147483648`],
    ['sweepInterval text', { sweepInterval: '5' }, TypeError, `${interval}, got "5"`],
    ['create', { create: {} }, TypeError, 'options.create must be a function, got an object'],
    ['now', { now: 5 }, TypeError, 'options.now must be a function, got 5'],
    ['onSweepError', { onSweepError: null }, TypeError, 'options.onSweepError must be a function, got null'],
    ['store', { store: {} }, TypeError, `options.store must be ${methods}, got an object`],
    ['store null', { store: null }, TypeError, `options.store must be ${methods}, got null`],
    ['store class', { store: MemorySessionStore }, TypeError, `options.store must be ${methods}, got a function`],
    ['lock', { lock: {} }, TypeError, 'options.lock must be an object with runExclusive, tryAcquire, got an object']
  ])('new SessionManager: %s', (_, options, kind, message) => {
    const make = () => new SessionManager(wrong(options))
    expect(make).toThrow(kind)
    expect(make).toThrow(`SessionManager: ${message}`)
    expect(vi.getTimerCount()).toBe(0)
  })

  const calls: [string, (manager: SessionManager, id: never, options?: never) => unknown][] = [
    ['createSession', (manager, id, options) => manager.createSession(id, options)],
    ['getSession', (manager, id, options) => manager.getSession(id, options)],
    ['updateSession', (manager, id, options) => manager.updateSession(id, data => data, options)],
    ['withSession', (manager, id, options) => manager.withSession(id, () => {}, options)],
    ['deleteSession', (manager, id, options) => manager.deleteSession(id, options)]
  ]

  test.each(calls)('%s', async (_, call) => {
    const lock = new KeyedMutex<string>()
    const manager = new SessionManager({ name: 'web', lock })
    for (const [id, shown] of [
      ['', '""'],
      [undefined, 'undefined'],
      [5, '5'],
      [Symbol('s'), 'Symbol(s)'],
      [{}, 'an object']
    ] as const) {
      const message = `SessionManager "web": id must be a non-empty string, got ${shown}`
      expect(() => call(manager, wrong(id))).toThrow(new TypeError(message))
    }
    expect(() => call(manager, wrong('a'), wrong({ timeout: -1 }))).toThrow(RangeError)
    expect(() => call(manager, wrong('a'), wrong({ signal: {} }))).toThrow(TypeError)
    expect(() => call(manager, wrong('a'), wrong(null))).toThrow(TypeError)
    expect(lock.size).toBe(0)
    await manager.close()
  })

  test('a task or a change that is no function', () => {
    const manager = new SessionManager()
    expect(() => manager.withSession('a', wrong(undefined))).toThrow('task must be a function, got undefined')
    expect(() => manager.updateSession('a', wrong({ visits: 1 }))).toThrow('change must be a function, got an object')
  })
})

test('the compiler refuses data that nobody makes, changes that return nothing, and keys that are not ids', () => {
  const never = async (manager: SessionManager<{ visits: number }>) => {
    new SessionManager<{ visits?: number }>()
    // @ts-expect-error create is missing
    new SessionManager<{ visits: number }>()
    // @ts-expect-error create is missing
    new SessionManager<{ visits: number }>({ ttl: 1 })
    // @ts-expect-error create makes something else
    new SessionManager<{ visits: number }>({ create: () => ({ visits: '1' }) })
    // @ts-expect-error not a function
    manager.updateSession('a', { visits: 2 })
    // @ts-expect-error returns nothing
    manager.updateSession('a', data => void data.visits++)
    // @ts-expect-error its keys are numbers
    new SessionManager({ lock: new KeyedMutex<number>() })
    const visits: number = (await new SessionManager({ create: async () => ({ visits: 1 }) }).createSession('a')).data
      .visits
    return visits
  }
  expect(never).toBeTypeOf('function')
})
