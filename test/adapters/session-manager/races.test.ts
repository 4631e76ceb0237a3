// The races of the table in session-manager.ts, each in every order of its steps.

import { KeyedMutex } from 'latchkey'
import { type Session, SessionManager, SessionNotFoundError } from 'latchkey/adapters/session-manager'
import { describe, expect, test, vi } from 'vitest'
import { ControlledStore, flush, type PendingCall, steppedStore } from './helpers.js'

interface Data {
  visits: number
}

function setUp(expiresAt?: number, steps?: 'effect and answer apart') {
  const { store, pending } = steppedStore<Data>(steps)
  const lock = new KeyedMutex<string>()
  const clock = { now: 0 }
  const create = vi.fn(() => ({ visits: 0 }))
  const manager = new SessionManager({
    ttl: 100,
    sweepInterval: Number.POSITIVE_INFINITY,
    store,
    lock,
    create,
    now: () => clock.now
  })
  if (expiresAt !== undefined) store.inside.set({ id: 'a', createdAt: -1, expiresAt, data: { visits: 5 } })
  return { manager, store, pending, lock, clock, create }
}

/** Lets every call through, in order of arrival, until there are no more. */
async function goOn(pending: PendingCall[]): Promise<void> {
  await flush()
  while (pending[0]) await pending[0].go()
}

describe('1,000 creates of one id', () => {
  test('make one session, with one write', async () => {
    const { manager, store, pending, lock, create } = setUp()
    const creating = Promise.all(Array.from({ length: 1000 }, () => manager.createSession('a')))
    await goOn(pending)
    const sessions = await creating
    expect(sessions).toEqual(
      Array(1000).fill({ id: 'a', createdAt: 0, lastAccessedAt: 0, expiresAt: 100, data: { visits: 0 } })
    )
    expect(create).toHaveBeenCalledTimes(1)
    expect(store.calls.filter(call => call === 'set a')).toHaveLength(1)
    expect(lock.size).toBe(0)
  })

  test('make one session, with one createdAt, while the clock goes on', async () => {
    const { manager, pending, clock, create } = setUp()
    const creating = Promise.all(Array.from({ length: 1000 }, () => manager.createSession('a')))
    await flush()
    while (pending[0]) {
      clock.now++
      await pending[0].go()
    }
    expect(new Set((await creating).map(session => session.createdAt))).toEqual(new Set([1]))
    expect(create).toHaveBeenCalledTimes(1)
  })

  test('go on with the next caller when the first cannot write', async () => {
    const { manager, pending, lock, create } = setUp()
    const failure = new Error('store is down')
    const creating = Promise.allSettled(Array.from({ length: 1000 }, () => manager.createSession('a')))
    await flush()
    await pending[0]?.go()
    await pending[0]?.fail(failure)
    await goOn(pending)
    const [first, ...others] = await creating
    expect(first).toEqual({ status: 'rejected', reason: failure })
    expect(new Set(others.map(({ status }) => status))).toEqual(new Set(['fulfilled']))
    expect(create).toHaveBeenCalledTimes(2)
    expect(lock.size).toBe(0)
  })
})

/** Runs `play` once for each way to decide: `choose(n)` goes through 0 … n-1, each with all that may follow. */
async function everyWay(play: (choose: (n: number) => number) => Promise<void>): Promise<void> {
  let decisions: { chosen: number; of: number }[] = []
  for (;;) {
    let at = 0
    await play(of => {
      decisions[at] ??= { chosen: 0, of }
      return decisions[at++]?.chosen ?? 0
    })
    while (decisions.length > 0 && decisions.at(-1)!.chosen + 1 === decisions.at(-1)!.of)
      decisions = decisions.slice(0, -1)
    const last = decisions.at(-1)
    if (!last) return
    last.chosen++
  }
}

type Manager = SessionManager<Data>

/** Starts all of `actions`, and lets every store call through, in an order of `choose`. */
async function interleave(
  choose: (n: number) => number,
  pending: PendingCall[],
  actions: Record<string, () => unknown>
): Promise<string[]> {
  const order: string[] = []
  const left = Object.entries(actions)
  await flush()
  while (left.length + pending.length > 0) {
    const chosen = choose(left.length + pending.length)
    const [started] = chosen < left.length ? left.splice(chosen, 1) : []
    const call = started ? undefined : pending[chosen - left.length]
    order.push(started?.[0] ?? call?.call ?? '')
    await (started ? started[1]() : call?.go())
    await flush()
  }
  return order
}

const ABSENT = 'absent'
const orAbsent = (error: unknown) => {
  if (error instanceof SessionNotFoundError) return ABSENT
  throw error
}

describe('a sweep against a use, in every order of their steps and of the clock', () => {
  // What is left when the use found a session, and when it did not.
  const uses: [string, (manager: Manager) => Promise<Session<Data> | string | undefined>][] = [
    ['getSession', manager => manager.getSession('a')],
    ['updateSession', manager => manager.updateSession('a', data => ({ visits: data.visits + 1 })).catch(orAbsent)],
    [
      'withSession',
      manager =>
        manager
          .withSession('a', session => {
            session.data.visits++
            return { ...session }
          })
          .catch(orAbsent)
    ],
    ['createSession', manager => manager.createSession('a')]
  ]

  test.each(uses)('%s', { timeout: 60_000 }, async (name, use) => {
    const outcomes = new Set<string>()
    await everyWay(async choose => {
      const { manager, store, pending, lock, clock } = setUp(100, 'effect and answer apart')
      let used: ReturnType<typeof use> | undefined
      let sweeping: Promise<number> | undefined
      clock.now = 99
      const order = await interleave(choose, pending, {
        use: () => {
          used = use(manager)
        },
        sweep: () => {
          sweeping = manager.sweep()
        },
        expire: () => {
          clock.now = 100
        }
      })
      const outcome = await used
      const swept = await sweeping
      const left = store.inside.get('a')
      const story = `${order.join(', ')}: found ${JSON.stringify(outcome)}, swept ${swept}, left ${JSON.stringify(left)}`
      const found = typeof outcome === 'object'
      outcomes.add(`${found ? (outcome.createdAt === -1 ? 'used' : 'created') : 'absent'}, swept ${swept}`)
      if (found) {
        // What a caller was given is there, with what the caller did to it, for a ttl from that moment.
        expect(left, story).toMatchObject({ createdAt: outcome.createdAt, data: outcome.data })
        expect(left?.expiresAt, story).toBeGreaterThan(clock.now)
        expect(outcome.createdAt === -1 && swept, story).toBeFalsy()
      } else {
        // It expired: it is gone, or as it was.
        expect(name, story).not.toBe('createSession')
        expect(left ?? { expiresAt: 100, data: { visits: 5 } }, story).toMatchObject({
          expiresAt: 100,
          data: { visits: 5 }
        })
        expect(left === undefined, story).toBe(swept === 1)
      }
      expect(lock.size, story).toBe(0)
    })
    // The orders tried do meet every case.
    const missed = name === 'createSession' ? 'created' : 'absent'
    expect([...outcomes].sort()).toEqual([`${missed}, swept 0`, `${missed}, swept 1`, 'used, swept 0'])
  })

  test('deleteSession', { timeout: 60_000 }, async () => {
    await everyWay(async choose => {
      const { manager, store, pending, lock, clock } = setUp(100, 'effect and answer apart')
      let deleting: Promise<boolean> | undefined
      let sweeping: Promise<number> | undefined
      clock.now = 99
      const order = await interleave(choose, pending, {
        delete: () => {
          deleting = manager.deleteSession('a')
        },
        sweep: () => {
          sweeping = manager.sweep()
        },
        expire: () => {
          clock.now = 100
        }
      })
      const ended = Number(await deleting) + ((await sweeping) ?? 0)
      // Ended once, by one of the two, or still there because neither could.
      expect(ended, order.join(', ')).toBe(store.inside.get('a') ? 0 : 1)
      expect(lock.size).toBe(0)
    })
  })
})

describe('two calls for one session, in every order of their steps', () => {
  test('two changes are both in it', async () => {
    await everyWay(async choose => {
      const { manager, store, pending } = setUp(100)
      const add = async (data: Data) => ({ visits: data.visits + 1 })
      const order = await interleave(choose, pending, {
        first: () => void manager.updateSession('a', add),
        second: () => void manager.withSession('a', session => void session.data.visits++)
      })
      expect(store.inside.get('a')?.data, order.join(', ')).toEqual({ visits: 7 })
    })
  })

  test('what is deleted stays deleted, whoever was using it', async () => {
    await everyWay(async choose => {
      const { manager, store, pending } = setUp(100)
      const gate = deferred<void>()
      const using = () => void manager.withSession('a', () => gate.promise).catch(orAbsent)
      const order = await interleave(choose, pending, {
        use: using,
        finish: () => gate.resolve(),
        delete: () => void manager.deleteSession('a'),
        get: () => void manager.getSession('a')
      })
      expect(store.inside.get('a'), order.join(', ')).toBeUndefined()
    })
  })

  test('a create and a delete leave one session or none, and nobody holds one that is not', async () => {
    await everyWay(async choose => {
      const { manager, store, pending, create } = setUp()
      let deleted: Promise<boolean> | undefined
      const order = await interleave(choose, pending, {
        create: () => void manager.createSession('a'),
        createToo: () => void manager.createSession('a'),
        delete: () => {
          deleted = manager.deleteSession('a')
        }
      })
      const made = create.mock.calls.length
      expect(made - Number(await deleted), order.join(', ')).toBe(store.inside.get('a') ? 1 : 0)
    })
  })
})

describe('a session that is in use for long', () => {
  test('does not hold up the sweep, which leaves it and takes the others', async () => {
    const { manager, store, pending, lock, clock } = setUp(100)
    store.inside.set({ id: 'b', createdAt: 0, expiresAt: 100, data: { visits: 0 } })
    const gate = deferred<void>()
    const used = manager.withSession('a', () => gate.promise)
    await goOn(pending)
    clock.now = 100
    const sweeping = manager.sweep()
    await goOn(pending)
    expect(await sweeping).toBe(1)
    expect(store.inside.get('b')).toBeUndefined()
    gate.resolve()
    await goOn(pending)
    await used
    expect(store.inside.get('a')).toMatchObject({ expiresAt: 200 })
    expect(lock.size).toBe(0)
  })
})

describe('a store that fails', () => {
  const calls: [string, (manager: Manager) => Promise<unknown>][] = [
    ['createSession', manager => manager.createSession('a')],
    ['getSession', manager => manager.getSession('a')],
    ['updateSession', manager => manager.updateSession('a', data => ({ visits: data.visits + 1 })).catch(orAbsent)],
    ['withSession', manager => manager.withSession('a', session => session.data.visits++).catch(orAbsent)],
    ['deleteSession', manager => manager.deleteSession('a')],
    ['activeCount', async manager => manager.activeCount],
    ['sweep', manager => manager.sweep()]
  ]
  const states = { absent: undefined, live: 150, expired: 50 }
  const ways = ['rejects', 'throws'] as const

  test.each(calls.flatMap(([name, call]) => ways.map(way => ({ name, call, way }))))(
    '$way under $name: the error arrives as it is, the session is as it was, and everything is free',
    async ({ name, call, way }) => {
      for (const [state, expiresAt] of Object.entries(states)) {
        for (let position = 0; ; position++) {
          const failure = new Error(`call ${position} of ${name}, ${state}`)
          const clock = { now: 100 }
          let countdown = position
          const store = new ControlledStore<Data>(effect => {
            if (countdown-- !== 0) return effect()
            if (way === 'throws') throw failure
            return Promise.reject(failure)
          })
          if (expiresAt) store.inside.set({ id: 'a', createdAt: 0, expiresAt, data: { visits: 5 } })
          const before = store.inside.get('a')
          const lock = new KeyedMutex<string>()
          const manager = new SessionManager({
            ttl: 100,
            sweepInterval: Number.POSITIVE_INFINITY,
            store,
            lock,
            create: () => ({ visits: 0 }),
            now: () => clock.now
          })
          const outcome = await call(manager).then(
            () => undefined,
            error => error
          )
          expect(lock.size, failure.message).toBe(0)
          if (outcome === undefined) {
            expect(position, 'some call failed').toBeGreaterThan(0)
            break
          }
          expect(outcome).toBe(failure)
          expect(store.inside.get('a'), failure.message).toEqual(before)
          // Nothing is left over that would keep the next call, or the close, from going through.
          countdown = -1
          await call(manager)
          await manager.close()
        }
      }
    }
  )

  test('fails the caller whose call it was, and nobody else', async () => {
    const { manager, store, pending, lock } = setUp(100)
    const failure = new Error('store is down')
    const both = Promise.allSettled([manager.getSession('a'), manager.updateSession('a', () => ({ visits: 6 }))])
    await flush()
    expect(pending.map(({ call }) => call)).toEqual(['get a'])
    await pending[0]?.fail(failure)
    await goOn(pending)
    expect(await both).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'fulfilled', value: { id: 'a', createdAt: -1, lastAccessedAt: 0, expiresAt: 100, data: { visits: 6 } } }
    ])
    expect(store.calls).toEqual(['get a', 'get a', 'set a'])
    expect(lock.size).toBe(0)
  })
})

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
