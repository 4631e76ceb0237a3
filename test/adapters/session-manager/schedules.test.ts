// Any calls, on a store that answers in any order and fails at any call, under a clock that moves at any moment:
// what the callers are told must be a history of the small model below.

import fc from 'fast-check'
import { KeyedMutex } from 'latchkey'
import { type Session, SessionManager } from 'latchkey/adapters/session-manager'
import { expect, test } from 'vitest'
import { settings } from '../../properties/settings.js'
import { ControlledStore } from './helpers.js'

const TTL = 10

/** `made` tells one session from the next of the same id; `count` how many changes it has seen. */
interface Data {
  made: number
  count: number
}

type Outcome =
  | { kind: 'session'; session: Session<Data> }
  | { kind: 'absent' }
  | { kind: 'deleted' }
  | { kind: 'task failed'; saw: Data }
  | { kind: 'store failed' }

class TaskFailure extends Error {
  readonly saw: Data
  constructor(saw: Data) {
    super('task')
    this.saw = saw
  }
}
class StoreFailure extends Error {}

type Manager = SessionManager<Data>
const given = (session: Session<Data> | undefined): Outcome =>
  session ? { kind: 'session', session } : { kind: 'absent' }

const uses = {
  create: async (manager: Manager, id: string) => given(await manager.createSession(id)),
  get: async (manager: Manager, id: string) => given(await manager.getSession(id)),
  update: async (manager: Manager, id: string) =>
    given(await manager.updateSession(id, data => ({ ...data, count: data.count + 1 }))),
  delete: async (manager: Manager, id: string): Promise<Outcome> => ({
    kind: (await manager.deleteSession(id)) ? 'deleted' : 'absent'
  }),
  failingTask: (manager: Manager, id: string): Promise<Outcome> =>
    manager.withSession(id, session => {
      const saw = { ...session.data }
      session.data.count = -1
      throw new TaskFailure(saw)
    })
}

const told = (error: unknown): Outcome => {
  if (error instanceof TaskFailure) return { kind: 'task failed', saw: error.saw }
  if (error instanceof StoreFailure) return { kind: 'store failed' }
  if ((error as { code?: string }).code === 'ERR_SESSION_NOT_FOUND') return { kind: 'absent' }
  throw error
}

interface Event {
  use: keyof typeof uses
  id: string
  /** The clock when it was called and when it was told. */
  from: number
  to: number
  outcome: Outcome
}

/** What there is to know of one id: its session, or that there is none. */
class Model {
  #session: { made: number; count: number; createdAt: number; expiresAt: number } | undefined
  #lastMade = 0

  /** Calls for one id are served in the order in which they are made: this is told of them in that order. */
  take({ use, from, to, outcome }: Event): void {
    if (outcome.kind === 'session') {
      this.#told(use, from, to, outcome.session)
    } else if (outcome.kind === 'absent') {
      expect(use).not.toBe('create')
      this.#gone(to)
    } else if (outcome.kind === 'deleted') {
      this.#there(from)
      this.#session = undefined
    } else if (outcome.kind === 'task failed') {
      expect(outcome.saw).toEqual(this.#there(from))
    }
  }

  #told(use: string, from: number, to: number, { data, createdAt, expiresAt }: Session<Data>): void {
    expect(expiresAt).toBeGreaterThanOrEqual(from + TTL)
    expect(expiresAt).toBeLessThanOrEqual(to + TTL)
    if (use === 'create' && data.made !== this.#session?.made) {
      this.#gone(to)
      expect(data.count).toBe(0)
      expect(data.made).toBeGreaterThan(this.#lastMade)
      this.#lastMade = data.made
    } else {
      const before = this.#there(from)
      expect(data).toEqual({ ...before, count: before.count + (use === 'update' ? 1 : 0) })
      expect(createdAt).toBe(this.#session?.createdAt)
    }
    this.#session = { ...data, createdAt, expiresAt }
  }

  /** It is not absent before its time. */
  #gone(now: number): void {
    if (this.#session) expect(this.#session.expiresAt).toBeLessThanOrEqual(now)
    this.#session = undefined
  }

  /** It does not return, and is not there after its time. */
  #there(since: number): Data {
    expect(this.#session?.expiresAt ?? 'none').toBeGreaterThan(since)
    const { made, count } = this.#session as Data
    return { made, count }
  }

  end(left: Session<Data> | undefined, now: number): void {
    if (this.#session === undefined) {
      // Deleted, or expired and perhaps not swept.
      expect(left === undefined || left.expiresAt <= now).toBe(true)
    } else if (left === undefined) {
      this.#gone(now)
    } else {
      expect(left.data).toEqual({ made: this.#session.made, count: this.#session.count })
    }
  }
}

const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.tuple(fc.constantFrom(...(Object.keys(uses) as Event['use'][])), fc.constantFrom('a', 'b'))
  },
  { weight: 2, arbitrary: fc.constant(['sweep'] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('wait' as const), fc.constantFrom(1, TTL - 1, TTL)) }
)

test('no lost update, no second session, none that comes back, none that goes early', {
  timeout: 120_000
}, async () => {
  const seen = new Set<string>()
  const property = fc.asyncProperty(
    fc.scheduler(),
    fc.array(step, { maxLength: 25 }),
    fc.uniqueArray(fc.nat(40), { maxLength: 4 }),
    async (s, steps, failing) => {
      const clock = { now: 0 }
      let calls = 0
      let made = 0
      // A call takes effect some time after it was made, and is answered some time after that.
      const store = new ControlledStore<Data>(async (effect, call) => {
        const fails = failing.includes(calls++)
        await s.schedule(Promise.resolve(), call)
        if (fails) throw new StoreFailure(call)
        const result = effect()
        await s.schedule(Promise.resolve(), `answer to ${call}`)
        return result
      })
      const lock = new KeyedMutex<string>()
      const manager = new SessionManager<Data>({
        ttl: TTL,
        sweepInterval: Number.POSITIVE_INFINITY,
        store,
        lock,
        now: () => clock.now,
        create: async () => {
          const data = { made: ++made, count: 0 }
          await s.schedule(Promise.resolve(), 'create')
          return data
        }
      })
      const events: Promise<Event>[] = []
      const sweeps: Promise<unknown>[] = []
      const perform = ([what, value]: readonly [string, (string | number)?]) => {
        if (what === 'wait') clock.now += value as number
        else if (what === 'sweep') {
          sweeps.push(
            manager.sweep().catch(error => {
              if (!(error instanceof StoreFailure)) throw error
            })
          )
        } else {
          const use = what as Event['use']
          const [id, from] = [value as string, clock.now]
          const outcome = uses[use](manager, id).catch(told)
          events.push(outcome.then(outcome => ({ use, id, from, to: clock.now, outcome })))
        }
      }
      const performed = steps.map(step => s.schedule(Promise.resolve(), step.join(' ')).then(() => perform(step)))
      await s.waitFor(Promise.all(performed))
      const history = await s.waitFor(Promise.all(events))
      await s.waitFor(Promise.all(sweeps))

      expect(lock.size).toBe(0)
      for (const id of ['a', 'b']) {
        const model = new Model()
        for (const event of history) if (event.id === id) model.take(event)
        model.end(store.inside.get(id), clock.now)
      }
      await manager.close()
      for (const { use, outcome } of history) seen.add(`${use}: ${outcome.kind}`)
    }
  )
  await fc.assert(property, settings(1000))
  // The runs did come across everything that can happen.
  expect([...seen].sort()).toEqual([
    'create: session',
    'create: store failed',
    'delete: absent',
    'delete: deleted',
    'delete: store failed',
    'failingTask: absent',
    'failingTask: store failed',
    'failingTask: task failed',
    'get: absent',
    'get: session',
    'get: store failed',
    'update: absent',
    'update: session',
    'update: store failed'
  ])
})
