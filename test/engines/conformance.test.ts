// One suite over all engines, each with a real server, and over locks that are wrong on purpose.

import { KeyedMutex, LockTimeoutError } from 'latchkey'
import {
  checkKeyedLock,
  EngineLock,
  type Guarantees,
  InProcessLock,
  type KeyedLock,
  type KeyHolder,
  type Lease,
  type LockClient,
  type LockClientOptions,
  type LockMode,
  type Wait,
  type WaitOptions
} from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkAll, checksWithout } from '../fixtures/conformance.js'
import { usePostgres } from '../fixtures/postgres.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

describe('InProcessLock', () => {
  const mutex = new KeyedMutex<string>()
  checkAll(options => new InProcessLock({ mutex, ...options }))
  test('leaves no key', () => {
    expect(mutex.size).toBe(0)
  })
})

describe('PostgresLock', () => {
  const server = usePostgres()
  checkAll(options => new PostgresLock(() => new pg.Client({ ...server }), options))
  test('leaves no lock and no connection', async () => {
    const admin = new pg.Client({ ...server })
    await admin.connect()
    const { rows } = await admin.query("select * from pg_locks where locktype = 'advisory'")
    await admin.end()
    expect(rows).toEqual([])
  })
})

describeRedis('RedisLock', () => {
  const server = useRedis()
  const connections: { quit(): Promise<unknown> }[] = []
  const connect = () => {
    const client = server.connect()
    connections.push(client)
    return client
  }
  afterAll(() => Promise.all(connections.map(client => client.quit())))
  const options = { tokenMemory: 1 }

  describe('with ioredis and a subscriber', () => {
    checkAll(own => new RedisLock(connect(), { subscriber: connect(), ...options, ...own }))
  })

  describe('with ioredis alone', () => {
    checkAll(own => new RedisLock(connect(), { ...options, ...own }))
  })

  describe('with node-redis', () => {
    let client: ReturnType<typeof createClient>
    let subscriber: ReturnType<typeof createClient>
    beforeAll(async () => {
      client = createClient({ url: `redis://${server.host}:${server.port}` })
      subscriber = client.duplicate()
      await Promise.all([client.connect(), subscriber.connect()])
    })
    afterAll(() => Promise.all([client.close(), subscriber.close()]))
    checkAll(own => new RedisLock(client, { subscriber, ...options, ...own }))
  })

  test('leaves no key', async () => {
    expect(await connect().keys('*')).toEqual([])
  })
})

/** What stands in the place of a server: the holders of each key, which clients look at again and again. */
type Table = Map<string, KeyHolder[]>

/** An engine that polls: whichever client looks first has the key. */
class PollingLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: false, fencing: false, survives: [] }
  readonly #table: Table
  readonly #pause: (wait: Wait) => Promise<void>
  readonly #options: LockClientOptions
  constructor(table: Table, pause: (wait: Wait) => Promise<void>, options: LockClientOptions = {}) {
    super('PollingLock', options, { modes: ['exclusive', 'shared'], capacity: true })
    this.#table = table
    this.#pause = pause
    this.#options = options
  }
  protected keyId(key: string) {
    return key
  }
  protected async acquireKey(id: string, wait: Wait | undefined, mode: LockMode) {
    for (;;) {
      if (wait?.ended) return undefined
      const holders = this.#table.get(id) ?? []
      const limit = mode === 'shared' ? Infinity : (this.#options.capacity ?? 1)
      if (holders.every(holder => holder.mode === mode) && holders.length < limit) return this.#grant(id, mode)
      if (wait === undefined) return undefined
      await this.#pause(wait)
    }
  }
  protected override async inspectKey(id: string) {
    return [...(this.#table.get(id) ?? [])]
  }
  protected async disconnect() {}
  #grant(id: string, mode: LockMode) {
    const holder = { owner: this.#options.owner ?? crypto.randomUUID(), since: new Date(), mode }
    this.#table.set(id, [...(this.#table.get(id) ?? []), holder])
    const release = async () => {
      const holders = this.#table.get(id) ?? []
      const others = holders.filter(other => other !== holder)
      if (others.length > 0) this.#table.set(id, others)
      else this.#table.delete(id)
      return others.length < holders.length
    }
    return { owner: holder.owner, release }
  }
}

describe('an engine that polls', () => {
  const table: Table = new Map()
  let turn = 0
  // Some look often and some do not, so that they are served in any order; all leave as soon as they should.
  checkAll(
    options => {
      const ms = [1, 7, 3][turn++ % 3] as number
      return new PollingLock(table, wait => wait.pause(ms), options)
    },
    ['fifo']
  )
  test('leaves no key', () => {
    expect(table.size).toBe(0)
  })
})

describe('a lock that serves the last waiter first, and says so', () => {
  const held = new Map<string, (() => void)[]>()
  const open = (): LockClient => {
    const lock: LockClient = {
      guarantees: { fifo: false, fencing: false, survives: [] },
      async acquire(key, options) {
        const inner = new InProcessLock()
        const checked = inner.acquire(key, options) // what is wrong with the arguments
        const lease = await checked
        await lease.release()
        if (held.has(key)) {
          if (options?.timeout === 0) throw new LockTimeoutError('no time')
          await new Promise<void>((resolve, reject) => {
            const wake = () => {
              clearTimeout(timer)
              options?.signal?.removeEventListener('abort', leave)
              resolve()
            }
            const leaveWith = (reason: unknown) => {
              const waiters = held.get(key) ?? []
              if (waiters.includes(wake)) waiters.splice(waiters.indexOf(wake), 1)
              clearTimeout(timer)
              options?.signal?.removeEventListener('abort', leave)
              reject(reason)
            }
            const leave = () => leaveWith(options?.signal?.reason)
            const { timeout } = options ?? {}
            const timer =
              timeout === undefined ? undefined : setTimeout(() => leaveWith(new LockTimeoutError('late')), timeout)
            options?.signal?.addEventListener('abort', leave)
            if (options?.signal?.aborted) leave()
            else held.get(key)?.push(wake)
          })
        } else held.set(key, [])
        return leaseOf(key)
      },
      async tryAcquire(key) {
        if (held.has(key)) return undefined
        held.set(key, [])
        return leaseOf(key)
      },
      async runExclusive(key, task, options) {
        const lease = await lock.acquire(key, options)
        try {
          return await task(lease)
        } finally {
          await lease.release()
        }
      }
    }
    const { acquire, tryAcquire, runExclusive } = lock
    const mustBeString = (key: unknown) => {
      if (typeof key !== 'string') throw new TypeError('key must be a string')
    }
    return Object.assign(lock, {
      acquire(key: string, options?: WaitOptions) {
        mustBeString(key)
        if (options?.timeout !== undefined && !(options.timeout >= 0)) throw new RangeError('timeout')
        if (options?.signal !== undefined && typeof options.signal !== 'object') throw new TypeError('signal')
        return acquire(key, options)
      },
      tryAcquire(key: string) {
        mustBeString(key)
        return tryAcquire(key)
      },
      runExclusive: ((key, task, options) => {
        mustBeString(key)
        if (typeof task !== 'function') throw new TypeError('task')
        return runExclusive(key, task, options)
      }) as KeyedLock['runExclusive']
    })
  }
  const leaseOf = (key: string): Lease => {
    let isHeld = true
    const release = async () => {
      if (!isHeld) return
      isHeld = false
      const next = held.get(key)?.pop()
      if (next === undefined) held.delete(key)
      else next()
    }
    const lease = {
      key,
      owner: 'test',
      get held() {
        return isHeld
      },
      signal: new AbortController().signal,
      release
    }
    return Object.assign(lease, { [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: release }) as never
  }
  checkAll(open, ['shared', 'capacity', 'many', 'inspect', 'fifo'])
})

describe('what the checks find', () => {
  /** A lock with one fault. */
  const faulty = (mutex: KeyedMutex<string>, fault: (inner: InProcessLock) => Partial<KeyedLock>): LockClient => {
    const inner = new InProcessLock({ mutex })
    const sound: KeyedLock = {
      acquire: (key, options) => inner.acquire(key, options),
      tryAcquire: key => inner.tryAcquire(key),
      runExclusive: (key, task, options) => inner.runExclusive(key, task, options)
    }
    return { ...sound, ...fault(inner) }
  }
  const copy = (lease: Lease, over: Partial<Lease>): Lease =>
    Object.defineProperties(Object.create(lease), Object.getOwnPropertyDescriptors(over)) as Lease

  const faults: [string, (inner: InProcessLock) => Partial<KeyedLock>, RegExp][] = [
    [
      'keys that are compared without their end',
      inner => ({ tryAcquire: key => inner.tryAcquire(key.slice(0, 5)) }),
      /a free key is granted/
    ],
    [
      'a task that runs without the key',
      () => ({ runExclusive: async (_, task) => task(undefined as unknown as Lease) }),
      /clients never hold one key/
    ],
    [
      'a reason that is wrapped',
      inner => ({
        acquire: (key, options) =>
          inner.acquire(key, options).catch((cause: unknown) => Promise.reject(new Error('gave up', { cause })))
      }),
      /gives up is rejected with the reason/
    ],
    [
      'tokens that stand still',
      inner => ({ acquire: async (key, options) => copy(await inner.acquire(key, options), { token: 1n }) }),
      /tokens grow/
    ]
  ]

  test.each(faults)('%s', async (_, fault, told) => {
    const mutex = new KeyedMutex<string>()
    await expect(checkKeyedLock(() => faulty(mutex, fault), 2000)).rejects.toThrow(told)
  })

  test('nothing in a sound lock', async () => {
    const mutex = new KeyedMutex<string>()
    expect(await checkKeyedLock(() => faulty(mutex, () => ({})))).toEqual(
      checksWithout(['shared', 'capacity', 'many', 'inspect', 'fifo']).map(({ name }) => name)
    )
  })

  test('an order that is not what the lock says', async () => {
    const served = (inner: InProcessLock): Partial<KeyedLock> => ({
      // An earlier caller comes later.
      runExclusive: async (key, task) => {
        const turns = 50 - (calls++ % 50)
        for (let i = 0; i < turns; i++) await new Promise<void>(resolve => setImmediate(resolve))
        return inner.runExclusive(key, task)
      }
    })
    let calls = 0
    const mutex = new KeyedMutex<string>()
    const open = () => faulty(mutex, served)
    await expect(checkKeyedLock(open, 2000)).rejects.toThrow(/served in order of arrival.*they were served as \d/)
  })

  test('an engine that fails rejects the checks, and nothing else', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const failing = () => {
      let calls = 0
      return faulty(new KeyedMutex<string>(), inner => ({
        acquire: (key, options) =>
          ++calls % 2 === 0 ? Promise.reject(new Error('out of order')) : inner.acquire(key, options)
      }))
    }
    await expect(checkKeyedLock(failing, 300)).rejects.toThrow(/out of order/)
    await new Promise(resolve => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  }, 30_000)

  test('a lock that hangs', async () => {
    const hanging = () => faulty(new KeyedMutex(), () => ({ tryAcquire: () => new Promise(() => {}) }))
    await expect(checkKeyedLock(hanging, 20)).rejects.toThrow(/still running after 20 ms/)
  })
})
