// `EngineLock` over an engine that is played: its answers come in any order, it loses grants, callers give up at any time.
//
// The engine keeps the rules that it is there for and no others: who may hold together, first come first served, every
// grant another holder. What is held against the model is what callers see: how many are in, and how; who is let in before
// whom; and what is left at the end.

import fc from 'fast-check'
import {
  type DistributedOptions,
  type EngineGrant,
  EngineLock,
  type Guarantees,
  type KeyHolder,
  type Lease,
  type LockMode,
  type MultiLease,
  type Wait
} from 'latchkey/distributed'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Losable } from '../../src/engines/losable.js'

const RUNS = Number(process.env.FAMILY_RUNS ?? 150)

interface Holder extends KeyHolder {
  readonly losable: Losable
}
interface Waiting {
  readonly mode: LockMode
  readonly limit: number
  readonly admit: (holder: Holder) => void
}

/** What all lock objects of a run share. */
class PlayedEngine {
  readonly holders = new Map<string, Holder[]>()
  readonly queues = new Map<string, Waiting[]>()
  /** Several holders that are let in together although their modes forbid it: a fault of the engine, never seen. */
  admit(id: string): void {
    const queue = this.queues.get(id) ?? []
    const holders = this.holders.get(id) ?? []
    for (let head = queue[0]; head !== undefined; head = queue[0]) {
      const isRoom =
        head.mode === 'shared' ? holders.every(({ mode }) => mode === 'shared') : holders.length < head.limit
      if (!isRoom || (head.mode === 'exclusive' && holders.some(({ mode }) => mode === 'shared'))) break
      queue.shift()
      const holder = { owner: 'played', since: new Date(0), mode: head.mode, losable: new Losable() }
      holders.push(holder)
      this.holders.set(id, holders)
      head.admit(holder)
    }
    if (queue.length === 0) this.queues.delete(id)
    if (holders.length === 0) this.holders.delete(id)
  }
  leave(id: string, holder: Holder): boolean {
    const holders = this.holders.get(id) ?? []
    const at = holders.indexOf(holder)
    if (at >= 0) holders.splice(at, 1)
    this.admit(id)
    return at >= 0
  }
  get isEmpty(): boolean {
    return this.holders.size === 0 && this.queues.size === 0
  }
}

type Step = () => Promise<void>

class PlayedLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: false, survives: [] }
  readonly #engine: PlayedEngine
  /** The scheduler says when the engine is reached, and when its answer is back. */
  readonly #step: Step
  readonly #limit: number
  constructor(engine: PlayedEngine, step: Step, options: DistributedOptions = {}) {
    super('PlayedLock', options, { modes: ['exclusive', 'shared'], capacity: true })
    this.#engine = engine
    this.#step = step
    this.#limit = options.capacity ?? 1
  }
  protected keyId(key: string) {
    return key.toLowerCase()
  }
  protected async acquireKey(id: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    await this.#step()
    if (wait?.ended) return undefined
    const engine = this.#engine
    let holder: Holder | undefined
    const admitted = new Promise<void>(resolve => {
      const waiting: Waiting = {
        mode,
        limit: this.#limit,
        admit: granted => {
          holder = granted
          resolve()
        }
      }
      const queue = engine.queues.get(id) ?? []
      engine.queues.set(id, queue)
      queue.push(waiting)
      const leave = () => {
        if (queue.includes(waiting)) queue.splice(queue.indexOf(waiting), 1)
        engine.admit(id)
        resolve()
      }
      engine.admit(id)
      if (wait === undefined) leave()
      else wait.onEnd(leave)
    })
    await admitted
    await this.#step()
    return holder && this.#grant(id, holder)
  }
  protected override async acquireKeys(ids: readonly string[], mode: LockMode) {
    await this.#step()
    const engine = this.#engine
    const isFree = (id: string) => {
      const holders = engine.holders.get(id) ?? []
      const isRoom = mode === 'shared' ? holders.every(other => other.mode === 'shared') : holders.length < this.#limit
      return (
        isRoom && !engine.queues.has(id) && !(mode === 'exclusive' && holders.some(other => other.mode === 'shared'))
      )
    }
    if (!ids.every(isFree)) return undefined
    const grants = ids.map(id => {
      const holder: Holder = { owner: 'played', since: new Date(0), mode, losable: new Losable() }
      engine.holders.set(id, [...(engine.holders.get(id) ?? []), holder])
      return this.#grant(id, holder)
    })
    await this.#step()
    return grants
  }
  protected async disconnect() {}
  #grant(id: string, holder: Holder): EngineGrant {
    const release = async () => {
      holder.losable.end()
      await this.#step()
      return this.#engine.leave(id, holder)
    }
    return { owner: 'played', validity: holder.losable, release }
  }
}

/** One caller. */
interface Caller {
  readonly client: number
  readonly keys: readonly string[]
  readonly mode: LockMode
  readonly how: 'acquire' | 'try' | 'run'
  /** After how many steps of the scheduler it gives up. */
  readonly patience: number | undefined
  /** For how many steps it holds. */
  readonly hold: number
}

const KEYS = ['a', 'A', 'b', 'c']
const callerOf = (modes: LockMode[], most: number) =>
  fc.record<Caller>({
    client: fc.nat(1),
    keys: fc.array(fc.constantFrom(...KEYS), { minLength: 1, maxLength: most }),
    mode: fc.constantFrom(...modes),
    how: fc.constantFrom('acquire', 'acquire', 'try', 'run'),
    patience: fc.option(fc.nat(12), { nil: undefined, freq: 3 }),
    hold: fc.nat(4)
  })

/** Who is in, by key of the engine. Beside a lost lease, one of another process may be let in. */
class Model {
  readonly #inside = new Map<string, Set<{ client: number; mode: LockMode; lease: Lease | MultiLease }>>()
  readonly #capacity: number
  most = 0
  constructor(capacity: number) {
    this.#capacity = capacity
  }
  enter(client: number, keys: readonly string[], mode: LockMode, lease: Lease | MultiLease): () => void {
    const visit = { client, mode, lease }
    const ids = new Set(keys.map(key => key.toLowerCase()))
    for (const id of ids) {
      const inside = this.#inside.get(id) ?? new Set()
      this.#inside.set(id, inside.add(visit))
      const held = [...inside].filter(each => each.lease.held)
      const alone = held.filter(each => each.mode === 'exclusive').length
      this.most = Math.max(this.most, held.length)
      if (alone > this.#capacity) throw new Error(`${alone} hold ${id}, which ${this.#capacity} may hold`)
      if (alone > 0 && alone < held.length) throw new Error(`${id} is shared while it is held alone`)
      // In one process, a task whose lease is lost counts until it has ended.
      const here = [...inside].filter(each => each.client === client)
      if (here.length > this.#capacity && here.some(each => each.mode === 'exclusive'))
        throw new Error(`${here.length} tasks for ${id} run in one process, which ${this.#capacity} may`)
    }
    return () => {
      for (const id of ids) this.#inside.get(id)?.delete(visit)
    }
  }
}

async function play(
  s: fc.Scheduler,
  callers: readonly Caller[],
  capacity: number,
  losses: readonly number[] = [],
  isFaulty = false
): Promise<Model> {
  const engine = new PlayedEngine()
  const step: Step = () => s.schedule(Promise.resolve())
  const model = new Model(capacity)
  // With a fault, one of the two objects admits one more.
  const locks = [capacity, isFaulty ? capacity + 1 : capacity].map(
    each => new PlayedLock(engine, step, { capacity: each })
  )
  const enough = Symbol('enough')
  let steps = 0
  const pauseFor = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await step()
      vi.advanceTimersByTime(15) // so that the window for joining closes now and then
      // Now and then a grant is lost.
      if (losses.includes(steps++))
        for (const [id, holders] of engine.holders) {
          const lost = holders[0]
          if (lost === undefined) continue
          holders.shift()
          lost.losable.invalidate({ why: 'a test took it' })
          engine.admit(id)
          break
        }
    }
  }
  const visit = async ({ client, keys, mode, hold }: Caller, lease: Lease | MultiLease) => {
    const leave = model.enter(client, keys, mode, lease)
    await pauseFor(hold)
    leave()
  }
  const call = async (caller: Caller) => {
    const { client, keys, mode, how, patience } = caller
    await step()
    const lock = locks[client] as PlayedLock
    const [key = ''] = keys
    const isMany = keys.length > 1
    const abort = new AbortController()
    if (patience !== undefined) void pauseFor(patience).then(() => abort.abort(enough))
    const options = { mode, signal: abort.signal }
    try {
      if (how === 'run') {
        const task = (lease: Lease | MultiLease) => visit(caller, lease)
        await (isMany ? lock.runExclusiveMany(keys, task, options) : lock.runExclusive(key, task, options))
        return
      }
      const asking =
        how === 'try'
          ? isMany
            ? lock.tryAcquireMany(keys, { mode })
            : lock.tryAcquire(key, { mode })
          : isMany
            ? lock.acquireMany(keys, options)
            : lock.acquire(key, options)
      const lease = await asking
      if (lease === undefined) return
      await visit(caller, lease)
      await lease.release()
    } catch (error) {
      if (error === enough || (error as { code?: string }).code === 'ERR_LEASE_LOST') return
      throw error
    }
  }
  const calls = callers.map(call)
  const all = Promise.all(calls)
  await s.waitFor(all)
  await all
  await s.waitFor(Promise.all(locks.map(lock => lock.close())))
  for (const lock of locks) if (lock.waiting !== 0) throw new Error(`${lock.waiting} still wait`)
  if (!engine.isEmpty) throw new Error('something is left at the engine')
  return model
}

const params = { numRuns: RUNS }

describe('callers of two processes, with answers in any order', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
  afterEach(() => vi.useRealTimers())

  test('never hold a key together where they must not, and leave nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['shared', 'exclusive'], 1), { maxLength: 12 }),
        async (s, callers) => {
          await play(s, callers, 1)
        }
      ),
      params
    )
  })

  test('nor when they ask for many keys', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['shared', 'exclusive'], 4), { maxLength: 10 }),
        async (s, callers) => {
          await play(s, callers, 1)
        }
      ),
      params
    )
  })

  test('nor are more in than the capacity', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['exclusive'], 3), { maxLength: 12 }),
        fc.integer({ min: 2, max: 4 }),
        fc.array(fc.nat(20), { maxLength: 3 }),
        async (s, callers, capacity, losses) => {
          await play(s, callers, capacity, losses)
        }
      ),
      params
    )
  })

  test('nor when grants are lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['shared', 'exclusive'], 3), { maxLength: 10 }),
        fc.array(fc.nat(20), { maxLength: 3 }),
        async (s, callers, losses) => {
          await play(s, callers, 1, losses)
        }
      ),
      params
    )
  })

  test('and several are in together where they may', async () => {
    let most = 0
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['shared', 'shared', 'exclusive'], 1), { minLength: 8, maxLength: 12 }),
        async (s, callers) => {
          most = Math.max(most, (await play(s, callers, 1)).most)
        }
      ),
      { numRuns: 60, seed: 7 }
    )
    expect(most).toBeGreaterThan(3)
  })

  test('the model sees one that is let in too much', async () => {
    const faulty = fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(callerOf(['exclusive'], 1), { minLength: 8, maxLength: 12 }),
        async (s, callers) => {
          await play(s, callers, 2, [], true)
        }
      ),
      params
    )
    await expect(faulty).rejects.toMatchObject({ cause: { message: expect.stringMatching(/may hold/) } })
  })
})

describe('shared callers that come and go', () => {
  beforeEach(() => vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance', 'Date'] }))
  afterEach(() => vi.useRealTimers())

  const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))
  const open = () => {
    const engine = new PlayedEngine()
    const locks = [1, 2].map(() => new PlayedLock(engine, () => Promise.resolve()))
    let isOver = false
    const read = async (i: number) => {
      await sleep(i)
      while (!isOver) {
        const reading = (locks[0] as PlayedLock).runShared('key', () => sleep(5 + (i % 3)))
        await reading.catch(error => expect(error).toMatchObject({ code: 'ERR_LEASE_LOST' }))
      }
    }
    const readers = Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(read))
    const end = async () => {
      isOver = true
      await vi.advanceTimersByTimeAsync(100)
      await readers
      expect(engine.isEmpty).toBe(true)
    }
    return { engine, locks: locks as [PlayedLock, PlayedLock], end }
  }
  const waitOf = async (lock: PlayedLock) => {
    const from = performance.now()
    let waited = Number.NaN
    const writing = lock.runExclusive('key', () => {
      waited = performance.now() - from
    })
    await vi.advanceTimersByTimeAsync(1000)
    if (Number.isNaN(waited)) return Infinity // it waits still, and is rejected at the end of the test
    await writing
    return waited
  }

  test('let a writer of another process in within 100 ms', async () => {
    const { locks, end } = open()
    for (const start of [200, 13, 37, 90]) {
      await vi.advanceTimersByTimeAsync(start)
      expect(await waitOf(locks[1])).toBeLessThanOrEqual(100)
    }
    await end()
  })

  test('let a writer of their own process in as soon as those that hold have left', async () => {
    const { locks, end } = open()
    for (const start of [200, 13, 37, 90]) {
      await vi.advanceTimersByTimeAsync(start)
      expect(await waitOf(locks[0])).toBeLessThanOrEqual(7)
    }
    await end()
  })

  test('rest on two grants of the engine at most, however long some of them hold', async () => {
    const { engine, locks, end } = open()
    const long = locks[0].runShared('key', () => sleep(3000))
    let most = 0
    for (let i = 0; i < 200; i++) {
      await vi.advanceTimersByTimeAsync(10)
      most = Math.max(most, engine.holders.get('key')?.length ?? 0)
    }
    expect(most).toBeLessThanOrEqual(2)
    await vi.advanceTimersByTimeAsync(2000)
    await long
    await end()
  })

  test('lose a lease that rests on a grant which was gone before the next one came', async () => {
    const { engine, locks, end } = open()
    await vi.advanceTimersByTimeAsync(20)
    const lease = await locks[0].acquire('key', { mode: 'shared' })
    // The engine takes it, and tells nobody.
    engine.holders.get('key')?.splice(0)
    await vi.advanceTimersByTimeAsync(200)
    expect(lease.held).toBe(false)
    await lease.release()
    await end()
  })
})

describe('in one process', () => {
  const flush = () => new Promise(resolve => setImmediate(resolve))
  const open = (options?: DistributedOptions) => {
    const engine = new PlayedEngine()
    return { engine, lock: new PlayedLock(engine, () => Promise.resolve(), options) }
  }

  test('a caller that waits for a key alone keeps out one that tries to share it', async () => {
    const { lock } = open()
    const lease = await lock.acquire('key', { mode: 'shared' })
    const waiting = lock.acquire('key')
    await flush()
    expect(await lock.tryAcquire('key', { mode: 'shared' })).toBeUndefined()
    expect(lock.waiting).toBe(1)
    await lease.release()
    const alone = await waiting
    await alone.release()
    await lock.close()
  })

  test('once it has given up, the key is shared again', async () => {
    const { engine, lock } = open()
    const lease = await lock.acquire('key', { mode: 'shared' })
    const abort = new AbortController()
    const waiting = lock.acquire('key', { signal: abort.signal })
    await flush()
    abort.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    const other = await lock.acquire('key', { mode: 'shared' })
    await lease.release()
    expect(other.held).toBe(true)
    await other.release()
    expect(engine.isEmpty).toBe(true)
  })

  test('a permit that was lost counts until its task has ended', async () => {
    const { engine, lock } = open({ capacity: 2 })
    const leases = [await lock.acquire('key'), await lock.acquire('key')]
    const holders = engine.holders.get('key') ?? []
    holders.shift()?.losable.invalidate({ why: 'a test took it' })
    expect(leases.map(({ held }) => held)).toEqual([false, true])
    const waiting = lock.acquire('key')
    await flush()
    expect(lock.waiting).toBe(1)
    expect(await lock.tryAcquire('key')).toBeUndefined()
    await leases[0]?.release()
    const next = await waiting
    expect(next.held).toBe(true)
    await Promise.all([next, leases[1]].map(lease => lease?.release()))
    expect(engine.isEmpty).toBe(true)
  })

  test('close waits for those that share a key, and for permits', async () => {
    for (const [options, mode] of [[{}, 'shared'] as const, [{ capacity: 2 }, 'exclusive'] as const]) {
      const { lock } = open(options)
      const leases = [await lock.acquire('key', { mode }), await lock.acquire('key', { mode })]
      let isClosed = false
      const closing = lock.close().then(() => {
        isClosed = true
      })
      await leases[0]?.release()
      await flush()
      expect(isClosed).toBe(false)
      expect(await lock.tryAcquire('key', { mode })).toBeUndefined()
      await leases[1]?.release()
      await closing
    }
  })

  test('an observer hears of each caller, of one that joins as well', async () => {
    const events: string[] = []
    const note = (event: string) => (request: { keys: readonly unknown[] }) => events.push(`${event} ${request.keys}`)
    const observer = { queued: note('queued'), granted: note('granted'), released: note('released') }
    const { lock } = open({ observer })
    const leases = [await lock.acquire('a', { mode: 'shared' }), await lock.acquire('a', { mode: 'shared' })]
    for (const lease of leases) await lease.release()
    await lock.runExclusiveMany(['b', 'c'], () => {})
    const one = ['queued a', 'granted a']
    expect(events).toEqual([...one, ...one, 'released a', 'released a', 'queued b,c', 'granted b,c', 'released b,c'])
  })

  test('the loss of one key of many is told at once, with its key', async () => {
    const { engine, lock } = open()
    const lease = await lock.acquireMany(['a', 'b'])
    const { signal } = lease
    let heard: unknown
    signal.addEventListener('abort', () => {
      heard = signal.reason
    })
    engine.holders.get('b')?.[0]?.losable.invalidate({ why: 'a test took it' })
    expect(lease.held).toBe(false)
    expect(signal.aborted).toBe(true)
    expect(() => signal.throwIfAborted()).toThrow(/key "b": the lease was lost: a test took it/)
    expect(heard).toBe(signal.reason)
    await lease.release()
    const run = lock.runExclusiveMany(['a', 'b'], () => {
      engine.holders.get('a')?.[0]?.losable.invalidate({ why: 'a test took it' })
      return 7
    })
    await expect(run).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', result: 7 })
  })

  test('an engine without abilities refuses, and says so', () => {
    class PlainLock extends EngineLock<string> {
      readonly guarantees: Guarantees = { fifo: true, fencing: false, survives: [] }
      protected keyId(key: string) {
        return key
      }
      protected async acquireKey() {
        return { owner: 'plain', release: async () => true }
      }
      protected async disconnect() {}
    }
    const lock = new PlainLock('PlainLock')
    expect(lock.offers).toEqual({ modes: ['exclusive'], capacity: false, many: 'in order', inspect: false })
    const unsupported = expect.objectContaining({ code: 'ERR_ENGINE_UNSUPPORTED' })
    expect(() => lock.acquire('key', { mode: 'shared' })).toThrow(unsupported)
    expect(() => lock.runShared('key', () => {})).toThrow(/PlainLock: options.mode is 'shared', and this engine/)
    expect(() => lock.inspect('key')).toThrow(/PlainLock: this engine cannot tell who holds a key/)
    expect(() => new PlainLock('PlainLock', { capacity: 2 })).toThrow(unsupported)
    for (const [options, why] of [
      [{ capacity: 0 }, /options.capacity must be a whole number >= 1, got 0/],
      [{ capacity: 1.5 }, /options.capacity/],
      [{ owner: '' }, /options.owner must be a string that is not empty/],
      [{ owner: 7 as never }, /options.owner/]
    ] as const)
      expect(() => new PlainLock('PlainLock', options)).toThrow(why)
  })
})
