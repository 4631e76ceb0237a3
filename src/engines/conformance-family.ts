// The checks of what a lock may offer beside holding one key alone: modes, capacity, many keys, inspection. Each is run
// where the lock offers what it needs.

import {
  begun,
  CAPACITY,
  checkIf,
  codeOf,
  expect,
  expectFree,
  expectTaken,
  type KeyedLockCheck,
  rejectionOf,
  thrownBy,
  turn
} from './conformance-check.js'
import type { DistributedLock, Lease, LockMode, WaitOptions } from './contract.js'

const SHARED = { mode: 'shared' } as const
/** For waits that should end long before. */
const LONG = 10_000

/** Who is in, and whether they may be in together. */
class Inside {
  #shared = 0
  #alone = 0
  most = 0
  readonly #limit: number

  constructor(limit = 1) {
    this.#limit = limit
  }

  enter(mode: LockMode): () => void {
    if (mode === 'shared') this.#shared++
    else this.#alone++
    this.most = Math.max(this.most, this.#shared + this.#alone)
    expect(this.#alone <= this.#limit, `${this.#alone} held the key that ${this.#limit} may hold`)
    expect(this.#shared === 0 || this.#alone === 0, 'the key was shared while a caller held it alone')
    return () => {
      if (mode === 'shared') this.#shared--
      else this.#alone--
    }
  }
}

/** Callers of all `locks` that give up at different moments: before, while and after they are granted. */
async function giveUp(locks: readonly DistributedLock[], key: string, options: WaitOptions): Promise<void> {
  const attempts = Array.from({ length: 40 }, async (_, i) => {
    const abort = new AbortController()
    const lock = locks[i % locks.length] as DistributedLock
    const waiting = begun(lock.acquire(key, { ...options, signal: abort.signal }))
    for (let turns = 0; turns < i; turns++) await turn()
    abort.abort('enough')
    await waiting.then(
      lease => lease.release(),
      (reason: unknown) => expect(reason === 'enough', `it rejected with ${String(reason)}`)
    )
  })
  await Promise.all(attempts)
}

export const familyChecks: readonly KeyedLockCheck[] = [
  checkIf(
    ['shared'],
    'shared callers hold a key together, and keep out one that wants it alone',
    async (client, key) => {
      const [one, other] = [await client(), await client()]
      const leases = [await one.acquire(key, SHARED), await other.acquire(key, SHARED), await one.acquire(key, SHARED)]
      for (const [i, { held, mode, signal }] of leases.entries())
        expect(held && mode === 'shared' && !signal.aborted, `lease ${i} is not held, or not shared`)
      await expectFree(other, key, SHARED)
      await expectTaken(one, key)
      await expectTaken(other, key)
      for (const lease of leases) {
        await expectTaken(one, key)
        await lease.release()
        await lease.release()
        expect(!lease.held, 'a lease is held after its release')
      }
      await expectFree(other, key)
      await expectFree(one, key)
    }
  ),

  checkIf(['shared'], 'a key that is held alone is not shared', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const lease = await one.acquire(key)
    await expectTaken(one, key, SHARED)
    await expectTaken(other, key, SHARED)
    expect(
      codeOf(await rejectionOf(other.acquire(key, { ...SHARED, timeout: 0 }))) === 'ERR_LOCK_TIMEOUT',
      'no timeout'
    )
    const waiting = [one, other, one, other].map(lock => begun(lock.acquire(key, { ...SHARED, timeout: LONG })))
    await lease.release()
    const leases = await Promise.all(waiting)
    expect(
      leases.every(({ held }) => held),
      'a waiter was granted what it does not hold'
    )
    await Promise.all(leases.map(shared => shared.release()))
    await expectFree(other, key)
  }),

  checkIf(['shared'], 'several that try to share at the same time all succeed', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const leases = await Promise.all([one, one, other, one].map(lock => lock.tryAcquire(key, SHARED)))
    expect(
      leases.every(lease => lease?.held === true),
      'one of them was refused'
    )
    await Promise.all(leases.map(lease => lease?.release()))
    await expectFree(other, key)
  }),

  checkIf(['shared'], 'shared callers and those that want a key alone never hold it together', async (client, key) => {
    const clients = [await client(), await client(), await client()]
    const inside = new Inside()
    const visit = async (lock: DistributedLock, i: number) => {
      const mode = i % 4 === 0 ? 'exclusive' : 'shared'
      const task = async () => {
        const leave = inside.enter(mode)
        await turn()
        leave()
      }
      await (mode === 'shared' ? lock.runShared(key, task) : lock.runExclusive(key, task, { mode }))
    }
    await Promise.all(clients.flatMap(lock => Array.from({ length: 24 }, (_, i) => visit(lock, i))))
    expect(inside.most > 1, 'no two ever shared the key')
    await expectFree(clients[0] as DistributedLock, key)
  }),

  checkIf(['shared', 'fifo'], 'a waiter that wants a key alone stops later shared ones', async (client, key) => {
    const [one, other, third] = [await client(), await client(), await client()]
    const lease = await one.acquire(key, SHARED)
    const waiting = begun(other.acquire(key, { timeout: LONG }))
    // Until it waits at the engine, others are let in.
    for (;;) {
      const shared = await third.tryAcquire(key, SHARED)
      if (shared === undefined) break
      await shared.release()
      await turn()
    }
    await expectTaken(other, key, SHARED)
    const behind = begun(third.acquire(key, { ...SHARED, timeout: LONG }))
    await lease.release()
    const alone = await waiting
    await expectTaken(one, key, SHARED)
    await alone.release()
    await (await behind).release()
    await expectFree(one, key)
  }),

  checkIf(['shared', 'fifo'], 'readers that come and go do not starve a writer', async (client, key) => {
    const [one, other] = [await client(), await client()]
    let isOver = false
    const read = async () => {
      while (!isOver) await one.runShared(key, turn)
    }
    const readers = Array.from({ length: 8 }, () => begun(read()))
    try {
      for (const lock of [other, one, other]) await (await lock.acquire(key, { timeout: LONG })).release()
    } finally {
      isOver = true
      await Promise.all(readers)
    }
    await expectFree(other, key)
  }),

  checkIf(['shared'], 'shared callers that give up at any time leave nothing behind', async (client, key) => {
    const clients = [await client(), await client()]
    const [one, other] = clients as [DistributedLock, DistributedLock]
    const lease = await one.acquire(key)
    const leaving = giveUp(clients, key, SHARED)
    await turn()
    await lease.release()
    await leaving
    await (await other.acquire(key, { timeout: LONG })).release()
    await (await one.acquire(key, { timeout: LONG })).release()
  }),

  checkIf(['capacity'], 'as many hold a key as its capacity says, and no more', async (client, key) => {
    const [one, other] = [await client({ capacity: CAPACITY }), await client({ capacity: CAPACITY })]
    const leases = [await one.acquire(key), await other.acquire(key), await one.acquire(key)]
    for (const lock of [one, other]) {
      await expectTaken(lock, key)
      expect(codeOf(await rejectionOf(lock.acquire(key, { timeout: 20 }))) === 'ERR_LOCK_TIMEOUT', 'no timeout')
    }
    for (const lease of leases) expect(lease.held && lease.token === undefined, 'a lease is not held, or has a token')
    const waiting = [begun(other.acquire(key, { timeout: LONG })), begun(one.acquire(key, { timeout: LONG }))]
    await leases[0]?.release()
    await leases[0]?.release()
    const next = await Promise.race(waiting)
    await expectTaken(other, key)
    await Promise.all([next, leases[1], leases[2]].map(lease => lease?.release()))
    for (const lease of await Promise.all(waiting)) await lease.release()
    const tried = await Promise.all([one, one, one].map(lock => lock.tryAcquire(key)))
    expect(
      tried.every(lease => lease?.held === true),
      'the key should have as many free permits as it has in all'
    )
    await expectTaken(one, key)
    await Promise.all(tried.map(lease => lease?.release()))
    expect(thrownBy(() => one.acquire(key, SHARED)) instanceof TypeError, 'a key that counts its holders was shared')
  }),

  checkIf(['capacity'], 'there are never more holders than the capacity', async (client, key) => {
    const clients = await Promise.all([1, 2, 3].map(() => client({ capacity: CAPACITY })))
    const inside = new Inside(CAPACITY)
    let served = 0
    const visit = (lock: DistributedLock) =>
      lock.runExclusive(key, async () => {
        const leave = inside.enter('exclusive')
        await turn()
        leave()
        served++
      })
    await Promise.all(clients.flatMap(lock => Array.from({ length: 20 }, () => visit(lock))))
    expect(served === 60, `${served} of 60 were served`)
    expect(inside.most > 1, 'no two ever held the key together')
  }),

  checkIf(['capacity'], 'callers that give up at any time take no permit with them', async (client, key) => {
    const clients = [await client({ capacity: CAPACITY }), await client({ capacity: CAPACITY })]
    await giveUp(clients, key, {})
    const leases: Lease[] = []
    for (const i of [0, 1, 0]) leases.push(await (clients[i] as DistributedLock).acquire(key, { timeout: LONG }))
    await Promise.all(leases.map(lease => lease.release()))
  }),

  checkIf(['many'], 'many keys are held together, each once', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const [a, b, c] = [`${key} a`, `${key} b`, `${key} c`] as const
    const keys = [b, a, b]
    const lease = await one.acquireMany(keys)
    expect(keys.join() === [b, a, b].join(), 'the array of the caller was changed')
    expect(lease.keys.join() === [b, a].join(), `the lease is for ${lease.keys.join()}`)
    expect(lease.held && !lease.signal.aborted && lease.mode === 'exclusive', 'the lease is not held')
    expect(lease.tokens.size === 0 || (lease.tokens.has(a) && lease.tokens.has(b)), 'a key has no token')
    for (const taken of [a, b]) {
      await expectTaken(one, taken)
      await expectTaken(other, taken)
    }
    await expectFree(other, c)
    expect((await other.tryAcquireMany([a, c])) === undefined, 'keys were taken twice')
    await expectFree(other, c)
    const waiting = begun(other.acquireMany([c, a], { timeout: LONG }))
    await Promise.all([lease.release(), lease.release()])
    expect(!lease.held && !lease.signal.aborted, 'the lease is held after its release, or was lost by it')
    await (await waiting).release()
    const tried = await other.tryAcquireMany(new Set([c, b, a]))
    expect(tried?.held === true, 'keys that are free were not taken')
    await tried.release()
    for (const free of [a, b, c]) await expectFree(one, free)
  }),

  checkIf(['many'], 'no keys at all are granted at once', async client => {
    const lock = await client()
    const lease = await lock.acquireMany([])
    expect(lease.held && lease.keys.length === 0, 'there was something to wait for')
    await lease.release()
    expect(!lease.held, 'the lease is held after its release')
    expect((await lock.runExclusiveMany([], () => 7, { timeout: 0 })) === 7, 'it resolved to something else')
    await (await lock.tryAcquireMany([]))?.release()
  }),

  checkIf(['many'], 'no order of keys deadlocks', async (client, key) => {
    const clients = [await client(), await client(), await client()]
    const keys = ['a', 'b', 'c', 'd'].map(name => `${key} ${name}`)
    const inside = new Map(keys.map(name => [name, new Inside()]))
    const visit = (lock: DistributedLock, i: number) => {
      const some = keys.filter((_, at) => (i + at) % 4 !== 0)
      const order = i % 2 ? some : some.reverse()
      return lock.runExclusiveMany(order, async ({ held }) => {
        expect(held, 'a task ran without its keys')
        const leaves = order.map(name => inside.get(name)?.enter('exclusive'))
        await turn()
        for (const leave of leaves) leave?.()
      })
    }
    await Promise.all(clients.flatMap(lock => Array.from({ length: 8 }, (_, i) => visit(lock, i))))
    for (const name of keys) await expectFree(clients[0] as DistributedLock, name)
  }),

  checkIf(['many'], 'a caller that gives up many keys holds none of them', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const [a, b, c] = [`${key} a`, `${key} b`, `${key} c`] as const
    const lease = await other.acquire(b)
    const reason = { why: 'enough' }
    const abort = new AbortController()
    const waiting = begun(one.acquireMany([c, b, a], { signal: abort.signal }))
    await turn()
    abort.abort(reason)
    expect((await rejectionOf(waiting)) === reason, 'it rejected with something else')
    for (const timeout of [0, 20]) {
      const error = await rejectionOf(one.acquireMany([a, b], { timeout }))
      expect(codeOf(error) === 'ERR_LOCK_TIMEOUT', `timeout ${timeout} rejected with ${String(error)}`)
    }
    for (const free of [a, c]) await (await other.acquire(free, { timeout: LONG })).release()
    await lease.release()
    await (await other.acquire(b, { timeout: LONG })).release()
    await (await one.acquireMany([a, b, c], { timeout: LONG })).release()
  }),

  checkIf(['many', 'shared'], 'many keys are shared together', async (client, key) => {
    const [one, other] = [await client(), await client()]
    const keys = [`${key} a`, `${key} b`]
    const leases = [await one.acquireMany(keys, SHARED), await other.acquireMany(keys, SHARED)]
    const third = await one.tryAcquireMany(keys, SHARED)
    expect(third !== undefined, 'a third was refused')
    for (const name of keys) await expectTaken(other, name)
    expect((await one.tryAcquireMany(keys)) === undefined, 'keys that are shared were held alone')
    for (const lease of [...leases, third]) await lease.release()
    await (await one.acquireMany(keys, { timeout: LONG })).release()
  }),

  checkIf(['many'], 'misuse of many keys throws at the call', async (client, key) => {
    const lock = await client()
    const wrong = [
      () => lock.acquireMany(key as never),
      () => lock.tryAcquireMany([7] as never),
      () => lock.acquireMany([key], { timeout: -1 }),
      () => lock.runExclusiveMany([key], 'task' as never),
      () => lock.acquireMany([key], { mode: 'both' as never }),
      () => lock.acquire(key, { mode: 'both' as never }),
      () => lock.tryAcquire(key, { mode: 7 as never }),
      () => lock.runShared(key, undefined as never)
    ]
    for (const [i, call] of wrong.entries()) {
      const thrown = thrownBy(call)
      const isRefused = codeOf(thrown) === 'ERR_ENGINE_UNSUPPORTED'
      const isMisuse = thrown instanceof TypeError || thrown instanceof RangeError
      expect(isMisuse || isRefused, `misuse ${i} gave ${String(thrown)}`)
    }
    if (lock.offers?.modes.includes('shared') === false)
      for (const call of [() => lock.acquire(key, SHARED), () => lock.tryAcquire(key, SHARED)])
        expect(codeOf(thrownBy(call)) === 'ERR_ENGINE_UNSUPPORTED', 'a mode that is not offered was not refused')
    await expectFree(lock, key)
  }),

  checkIf(['inspect'], 'an inspection shows who holds a key', async (client, key) => {
    const [one, other] = [await client({ owner: 'alice' }), await client({ owner: 'bob' })]
    expect((await one.inspect(key)) === undefined, 'a free key has a holder')
    const lease = await one.acquire(key)
    const waiting = begun(other.acquire(key))
    for (const lock of [one, other]) {
      const seen = await lock.inspect(key)
      expect(seen?.owner === lease.owner && seen.mode === 'exclusive', `it showed ${JSON.stringify(seen?.owner)}`)
      expect(seen.token === lease.token, `the token is ${lease.token}, and it showed ${seen.token}`)
      expect(seen.since instanceof Date && !Number.isNaN(+seen.since), 'it showed no date')
      expect((await lock.holders(key)).length === 1, 'one that waits was shown')
    }
    await lease.release()
    const next = await waiting
    expect((await one.inspect(key))?.owner === next.owner, 'it did not show the next holder')
    await next.release()
    expect((await one.holders(key)).length === 0, 'it showed a holder of a key that was given back')
    expect(thrownBy(() => one.inspect(7 as never)) instanceof TypeError, 'a key that is none was not refused')
  }),

  checkIf(['inspect'], 'the holder has the name that its user gave it', async (client, key) => {
    const [one, other] = [await client({ owner: 'alice' }), await client({ owner: 'bob' })]
    const lease = await one.acquire(key)
    expect(lease.owner === 'alice', `the lease names ${lease.owner}`)
    expect((await other.inspect(key))?.owner === 'alice', 'it showed another name')
    await lease.release()
  }),

  checkIf(['inspect', 'shared'], 'an inspection shows all that share a key', async (client, key) => {
    const [one, other] = [await client({ owner: 'alice' }), await client({ owner: 'bob' })]
    const leases = [await one.acquire(key, SHARED), await other.acquire(key, SHARED)]
    const holders = await one.holders(key)
    expect(
      holders.length === 2 && holders.every(({ mode }) => mode === 'shared'),
      `it showed ${holders.length} holders`
    )
    const names = holders.map(({ owner }) => owner).sort()
    expect(names.join() === leases.map(({ owner }) => owner).join(), `it showed ${names.join()}`)
    for (const lease of leases) await lease.release()
    expect((await other.holders(key)).length === 0, 'it showed a holder of a key that was given back')
  }),

  checkIf(['inspect', 'capacity'], 'an inspection shows all that hold a permit', async (client, key) => {
    const [one, other] = [await client({ capacity: CAPACITY }), await client({ capacity: CAPACITY })]
    const leases = [await one.acquire(key), await other.acquire(key)]
    expect((await other.holders(key)).length === 2, 'it did not show both')
    for (const lease of leases) await lease.release()
    expect((await one.inspect(key)) === undefined, 'it showed a holder of a permit that was given back')
  })
]
