// How a manager ends: who may finish, who is turned away, and what is left.

import { KeyedMutex, LockClosedError } from 'latchkey'
import { MemorySessionStore, SessionManager } from 'latchkey/adapters/session-manager'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { FAKED } from '../../properties/settings.js'
import { flush, steppedStore } from './helpers.js'

interface Data {
  visits: number
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: FAKED, now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

const create = () => ({ visits: 0 })
const setUp = () => {
  const store = new MemorySessionStore<Data>()
  const lock = new KeyedMutex<string>()
  const manager = new SessionManager({ name: 'web', store, lock, create, ttl: 100, sweepInterval: 10 })
  return { store, lock, manager }
}

/** A task that runs until it is told how to end. */
const task = () => {
  let end!: (error?: Error) => void
  const ended = new Promise<void>((resolve, reject) => {
    end = error => (error ? reject(error) : resolve())
  })
  return { run: () => ended, end }
}

const settled = async (promise: Promise<unknown>) => {
  let resolved = false
  promise.then(() => {
    resolved = true
  })
  await flush()
  return resolved
}

const calls: [string, (manager: SessionManager<Data>) => Promise<unknown>][] = [
  ['createSession', manager => manager.createSession('a')],
  ['getSession', manager => manager.getSession('a')],
  ['updateSession', manager => manager.updateSession('a', data => data)],
  ['withSession', manager => manager.withSession('a', () => {})],
  ['deleteSession', manager => manager.deleteSession('a')]
]

test('waits for the tasks that run, and saves them', async () => {
  const { manager, store } = setUp()
  await manager.createSession('a')
  await manager.createSession('b')
  const [one, other] = [task(), task()]
  const first = manager.withSession('a', async session => {
    session.data.visits = 1
    await one.run()
  })
  const second = manager.withSession('b', other.run)
  await flush()
  const closed = manager.close()
  expect(manager.closed).toBe(true)
  expect(await settled(closed)).toBe(false)
  one.end()
  await first
  expect(store.get('a')?.data).toEqual({ visits: 1 })
  expect(await settled(closed)).toBe(false)
  const failure = new Error('no')
  other.end(failure)
  await expect(second).rejects.toBe(failure)
  expect(await settled(closed)).toBe(true)
})

test.each(calls)('rejects %s that waits, at once, and lets it touch nothing when its turn comes', async (_, call) => {
  const { manager, store, lock } = setUp()
  await manager.createSession('a')
  const running = task()
  const first = manager.withSession('a', running.run)
  const waiting = call(manager)
  await flush()
  const closed = manager.close()
  await expect(waiting).rejects.toThrow(new LockClosedError('SessionManager "web" was closed'))
  const get = vi.spyOn(store, 'get')
  running.end()
  await first
  await closed
  await flush()
  expect(get).not.toHaveBeenCalled()
  expect(lock.size).toBe(0)
})

test.each([...calls, ['sweep', (manager: SessionManager<Data>) => manager.sweep()] as const])(
  'rejects %s that comes later',
  async (_, call) => {
    const { manager, lock } = setUp()
    await manager.createSession('a')
    await manager.close()
    await expect(call(manager)).rejects.toMatchObject({ name: 'LockClosedError', code: 'ERR_LOCK_CLOSED' })
    expect(lock.size).toBe(0)
  }
)

test('does not wait for others who hold the lock, nor close it', async () => {
  const { manager, lock } = setUp()
  const held = await lock.acquire('a')
  const waiting = manager.createSession('a')
  const rejected = expect(waiting).rejects.toThrow(LockClosedError)
  await manager.close()
  await rejected
  expect(lock.closed).toBe(false)
  held.release()
  await flush()
  expect(lock.size).toBe(0)
})

test('counts a call that was given its session and has not gone on yet among those that wait', async () => {
  const { manager, store, lock } = setUp()
  const held = await lock.acquire('a')
  const creating = manager.createSession('a')
  held.release()
  const closed = manager.close()
  await expect(creating).rejects.toThrow(LockClosedError)
  await closed
  expect(store.get('a')).toBeUndefined()
  expect(lock.size).toBe(0)
})

test('gives everybody the reason it was given, the first', async () => {
  const { manager } = setUp()
  await manager.createSession('a')
  const running = task()
  const first = manager.withSession('a', running.run)
  const waiting = manager.getSession('a')
  await flush()
  const reason = new Error('SIGTERM')
  const closed = manager.close(reason)
  expect(manager.close(new Error('again'))).toBe(closed)
  await expect(waiting).rejects.toBe(reason)
  await expect(manager.getSession('a')).rejects.toBe(reason)
  running.end()
  await first
  await closed
  await expect(manager.sweep()).rejects.toBe(reason)
})

test('is at once done when nobody is there, and is what await using does', async () => {
  const { manager } = setUp()
  {
    await using scoped = manager
    await scoped.createSession('a')
  }
  expect(manager.closed).toBe(true)
  expect(await settled(manager.close())).toBe(true)
})

test('still counts', async () => {
  const { manager } = setUp()
  await manager.createSession('a')
  await manager.close()
  expect(await manager.activeCount).toBe(1)
})

describe('the sweep', () => {
  test('has stopped', async () => {
    const { manager, store } = setUp()
    await manager.createSession('a')
    expect(vi.getTimerCount()).toBe(1)
    await manager.close()
    expect(vi.getTimerCount()).toBe(0)
    await vi.advanceTimersByTimeAsync(1000)
    expect(store.get('a')).toBeDefined()
  })

  test('that runs is waited for, and goes no further than the session at hand', async () => {
    const { store, pending } = steppedStore<Data>()
    const lock = new KeyedMutex<string>()
    const manager = new SessionManager({ store, lock, create, sweepInterval: Number.POSITIVE_INFINITY })
    for (const id of ['a', 'b']) store.inside.set({ id, createdAt: 0, expiresAt: 0, data: create() })
    const sweeping = manager.sweep()
    await pending[0]?.go()
    expect(pending.map(({ call }) => call)).toEqual(['get a'])
    const closed = manager.close()
    expect(await settled(closed)).toBe(false)
    await pending[0]?.go()
    await pending[0]?.go()
    expect(await sweeping).toBe(1)
    await closed
    expect(pending).toEqual([])
    expect([...store.inside.expired(0)]).toEqual(['b'])
    expect(lock.size).toBe(0)
  })

  test('that fails does not fail the close', async () => {
    const { store, pending } = steppedStore<Data>()
    const manager = new SessionManager({ store, create, sweepInterval: 10 })
    await vi.advanceTimersByTimeAsync(10)
    const closed = manager.close()
    await pending[0]?.fail(new Error('store is down'))
    expect(await closed).toBeUndefined()
  })
})
