// RedisLock when something is not as it should be: a server that pauses, is down or set back, a user without rights, a
// client that is not connected, keys of others.

import { createHash } from 'node:crypto'
import { EventEmitter } from 'node:events'
import { Cluster, type Redis } from 'ioredis'
import { LockTimeoutError, QueueFullError } from 'latchkey'
import type { Lease } from 'latchkey/distributed'
import { type RedisClient, RedisLock, type RedisLockOptions } from 'latchkey/redis'
import { createClient, createCluster } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { SCRIPTS } from '../../src/engines/redis/commands.js'
import { closeAll } from '../fixtures/closing.js'
import { freePort } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { describeRedis, RedisServer, useRedis } from '../fixtures/redis.js'

const KEY = 'latchkey:{latchkey:key}'
const lossOf = ({ signal }: Lease): Promise<unknown> =>
  new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(signal.reason))
  })
const rejectionOf = (promise: Promise<unknown>) =>
  promise.then(
    () => Promise.reject(new Error('it did not reject')),
    (error: unknown) => error as Error & { code?: string; cause?: { code?: string; message: string } }
  )

describeRedis('RedisLock', () => {
  const server = useRedis()
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  const clients: Redis[] = []
  const connect = (options: object = {}, of: RedisServer = server): Redis => {
    const client = of.connect(options)
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const locks: RedisLock[] = []
  const open = (options: RedisLockOptions = {}, client: RedisClient = connect()) => {
    const lock = new RedisLock(client, { tokenMemory: 1, ...options })
    locks.push(lock)
    return lock
  }
  const keys = () => admin.keys('*')
  const waiting = async () => {
    const queues = await admin.keys('*:queue')
    return queues.length === 0 ? 0 : admin.zcard(queues[0] as string)
  }
  const state = async () => (await admin.getrange(KEY, 16, 16)) || 'none'

  afterEach(async context => {
    const isClosed = await closeAll(context, locks)
    for (const client of clients.splice(0)) client.disconnect()
    if (!isClosed) await admin.flushall()
    await eventually(keys, left => left.length === 0)
  })

  describe('what the server keeps', () => {
    test('is one string while no caller waits, and says whether one may', async () => {
      const [one, other] = [open({ tokenMemory: 60_000 }), open({ tokenMemory: 60_000, subscriber: connect() })]
      const lease = await one.acquire('key')
      expect(await keys()).toEqual([KEY])
      expect(await state()).toBe('1')
      const next = other.acquire('key')
      await eventually(waiting, count => count === 1)
      expect(await state()).toBe('W')
      await lease.release()
      const second = await next
      expect(second.token).toBeGreaterThan(lease.token!)
      expect(await state()).toBe('1')
      expect(await keys()).toEqual([KEY])
      await second.release()
      expect(await state()).toBe('0')
      expect(await admin.pttl(KEY)).toBeGreaterThan(60_000)
      // Another that takes it now finds the last token, and is greater than that even if the clock is not.
      const third = await one.acquire('key')
      expect(third.token).toBeGreaterThan(second.token!)
      await third.release()
      await admin.del(KEY)
    })

    test('tells that a waiter may be there for as long as one is, until it has left', async () => {
      const [one, other] = [open(), open()]
      const lease = await one.acquire('key')
      const abort = new AbortController()
      const next = other.acquire('key', { signal: abort.signal })
      await eventually(waiting, count => count === 1)
      abort.abort('enough')
      await expect(next).rejects.toBe('enough')
      await eventually(waiting, count => count === 0)
      await lease.release()
      const again = await one.acquire('key')
      expect(await state()).toBe('1')
      await again.release()
    })

    test('may be evicted: waiters keep their places', async () => {
      const [one, first, second] = [open(), open(), open()]
      const lease = await one.acquire('key')
      const served: string[] = []
      const waiters = [first, second].map(async (lock, i) => {
        await eventually(waiting, count => count === i)
        await lock.runExclusive('key', () => served.push(`waiter ${i}`))
      })
      await eventually(waiting, count => count === 2)
      await admin.del(KEY)
      await Promise.all(waiters)
      expect(served).toEqual(['waiter 0', 'waiter 1'])
      await lease.release()
    })

    test('a key that is not written by the lock is taken, until it is gone', async () => {
      await admin.set(KEY, 'by hand')
      const lock = open()
      expect(await lock.tryAcquire('key')).toBeUndefined()
      const waiter = lock.acquire('key')
      await eventually(waiting, count => count === 1)
      await admin.del(KEY)
      await (await waiter).release()
    })
  })

  describe('a question that was undone before it reached the server', () => {
    const shaOf = (name: keyof typeof SCRIPTS) => createHash('sha1').update(SCRIPTS[name]).digest('hex')
    const TAKING = (['try', 'tryMany', 'acquire', 'join'] as const).map(shaOf)
    const UNDOING = (['release', 'leave'] as const).map(shaOf)

    /** Keeps back what takes a key until it is let go, and sends all the rest: so does a server that lost some scripts. */
    const overtaken = () => {
      const client = connect()
      const seen = { keeps: false, kept: 0, undone: 0, answers: [] as string[], letGo: () => {} }
      const until = new Promise<void>(resolve => {
        seen.letGo = resolve
      })
      const proxy = new Proxy(client, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown
          if (typeof value !== 'function') return value
          if (name !== 'evalsha' || !seen.keeps) return value.bind(target)
          return async (sha: string, ...args: unknown[]) => {
            if (!TAKING.includes(sha)) {
              const answer = await value.call(target, sha, ...args)
              if (UNDOING.includes(sha)) seen.undone++
              return answer
            }
            seen.kept++
            await until
            try {
              const answer = await value.call(target, sha, ...args)
              seen.answers.push(String(answer))
              return answer
            } catch (error) {
              seen.answers.push(String(error)) // it does not know the script, and is sent the whole
              throw error
            }
          }
        }
      })
      return { client: proxy as RedisClient, seen }
    }

    test.each<[string, (lock: RedisLock) => Promise<unknown>]>([
      ['a try', lock => lock.tryAcquire('key')],
      ['a try of a shared key', lock => lock.tryAcquire('key', { mode: 'shared' })],
      ['a wait until its time is over', lock => lock.acquire('key', { timeout: 20 })],
      ['a wait until the lock is closed', lock => lock.acquire('key')],
      ['a try of several keys', lock => lock.tryAcquireMany(['key', 'other'])],
      ['a try of several shared keys', lock => lock.tryAcquireMany(['key', 'other'], { mode: 'shared' })]
    ])('leaves nothing: %s', async (what, ask) => {
      const { client, seen } = overtaken()
      const lock = open({ lease: 60_000, commandTimeout: 40 }, client)
      // From then on the server knows the scripts, and the lock their names.
      await lock.runExclusive('first', () => {})
      await lock.runShared('first', () => {})
      seen.keeps = true
      const asking = rejectionOf(ask(lock))
      if (what.endsWith('closed')) {
        await eventually(
          async () => seen.kept,
          kept => kept > 1
        )
        void lock.close()
      }
      await asking
      const undone = await eventually(
        async () => seen.undone,
        count => count > 0
      )
      seen.letGo()
      await eventually(
        async () => seen.answers.length,
        count => count === seen.kept
      )
      expect(seen.answers.filter(answer => answer.startsWith('t'))).not.toEqual([])
      await eventually(
        async () => seen.undone,
        count => count > undone
      )
      // A lease of a minute would keep them for longer than the test, and a renewal for longer than that.
      await (await open().acquireMany(['key', 'other'], { timeout: 2000 })).release()
    })
  })

  describe('a pause of the server', () => {
    test('that is shorter than the lease by a third costs nothing', async () => {
      const lease = 1500
      const held = await open({ lease }).acquire('key')
      const stopped = performance.now()
      process.kill(server.pid, 'SIGSTOP')
      const pause = new Promise(resolve => setTimeout(resolve, lease * 0.6))
      await pause
      process.kill(server.pid, 'SIGCONT')
      // It was renewed since: the lease is longer than the time from before the pause.
      await eventually(
        async () => performance.now() - stopped,
        passed => passed > lease * 1.1
      )
      expect(held.held).toBe(true)
      await held.release()
    })

    test('that outlives the lease at the server does not lose it, if no other caller was granted', async () => {
      const held = await open({ lease: 900, tokenMemory: 5000 }).acquire('key')
      // As if the renewals had been lost there, in a failover: the lease has ended, and is remembered.
      await admin.pexpire(KEY, 4990)
      await eventually(
        () => admin.pttl(KEY),
        left => left > 5000
      )
      expect(held.held).toBe(true)
      await held.release()
      await admin.del(KEY)
    })

    test('after which another caller was granted loses it', async () => {
      const held = await open({ lease: 900, tokenMemory: 5000 }).acquire('key')
      const loss = lossOf(held)
      await admin.pexpire(KEY, 4990)
      const other = await open({ tokenMemory: 5000 }).acquire('key', { timeout: 0 })
      expect(other.token).toBeGreaterThan(held.token!)
      expect(await loss).toMatchObject({ code: 'ERR_LEASE_LOST' })
      await held.release()
      expect(other.held).toBe(true)
      await other.release()
      await admin.del(KEY)
    })

    test('what was released is not taken up by a renewal that comes late', async () => {
      const client = connect()
      const held = await open({ tokenMemory: 5000 }, client).acquire('key')
      const lifetime = '15000'
      await held.release()
      // The last script that the client learnt is the one that renews.
      const answer = await admin.eval(
        (await import('../../src/engines/redis/scripts.js')).RENEW,
        1,
        KEY,
        held.owner,
        lifetime
      )
      expect(answer).toBe(0)
      expect(await state()).toBe('0')
      await admin.del(KEY)
    })
  })

  describe('a clock of the server that was set back', () => {
    const HOUR = 3_600_000
    test('makes no waiter that has died believed for as long', async () => {
      // It died when the clock was an hour ahead.
      await admin.zadd(`${KEY}:queue`, 1, 'dead-1:0')
      await admin.hset(`${KEY}:expiry`, 'dead-1:0', Date.now() + HOUR)
      const lease = await open().acquire('key', { timeout: 10_000 })
      await lease.release()
    })

    test('makes no holder that has died believed for as long', async () => {
      const token = String(Date.now() * 1000).padStart(16, '0')
      const [duration, memory] = [500, 1].map(ms => String(ms).padStart(10, '0'))
      await admin.set(KEY, `${token}1${duration}${memory}dead-1:0`, 'PX', HOUR)
      const lease = await open().acquire('key', { timeout: 10_000 })
      await lease.release()
    })

    test('or a key that was made to last has an end all the same', async () => {
      const token = String(Date.now() * 1000).padStart(16, '0')
      const [duration, memory] = [500, 1].map(ms => String(ms).padStart(10, '0'))
      await admin.set(KEY, `${token}1${duration}${memory}dead-1:0`)
      const lease = await open().acquire('key', { timeout: 10_000 })
      await lease.release()
    })
  })

  describe('the number of questions', () => {
    const asked = async () => {
      const stats = await admin.info('commandstats')
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }
    /** How long (ms) it takes until so many more have been asked. */
    const timeFor = async (count: number) => {
      await admin.config('RESETSTAT')
      const from = performance.now()
      await eventually(asked, seen => seen >= count, 10_000)
      return performance.now() - from
    }

    test('of waiters that cannot be notified is limited for all of them together', async () => {
      const count = 400
      const names = Array.from({ length: count }, (_, i) => `key ${i}`)
      for (const name of names) await admin.set(`latchkey:{latchkey:${name}}`, 'by hand')
      const lock = open()
      const abort = new AbortController()
      const waiters = names.map(name => lock.acquire(name, { signal: abort.signal }).catch(() => {}))
      await eventually(
        async () => (await admin.keys('*:queue')).length,
        queues => queues === count
      )
      // Each asks about every second, as it has to keep its place: 25 ms each would be 16,000 a second.
      expect(await timeFor(2 * count)).toBeGreaterThan(1000)
      abort.abort()
      await Promise.all(waiters)
      await admin.flushall()
    })

    test('about a key that does not expire is that of any other', async () => {
      await admin.set(KEY, 'by hand')
      const lock = open({ lease: 300, subscriber: connect() })
      const abort = new AbortController()
      const waiter = lock.acquire('key', { signal: abort.signal }).catch(() => {})
      await eventually(waiting, count => count === 1)
      await timeFor(2) // until the subscription stands
      expect(await timeFor(8)).toBeGreaterThan(500) // every 100 ms
      abort.abort()
      await waiter
      await admin.flushall()
    })
  })

  describe('a timeout tells what kept the engine from answering', () => {
    test('a server that is not there', async () => {
      const port = await freePort()
      const lock = open({ lease: 900 }, connect({ port })) // to close it, the last command is waited for
      const error = await rejectionOf(lock.acquire('key', { timeout: 200 }))
      expect(error).toBeInstanceOf(LockTimeoutError)
      expect(error.message).toMatch(/key "key": waited longer than 200 ms; RedisLock: the server has not answered/)
      expect(error.cause).toMatchObject({ code: 'ERR_ENGINE_TIMEOUT' })
    })

    test('a wrong password', async () => {
      await admin.call('ACL', 'SETUSER', 'somebody', 'on', '>secret', '~*', '&*', '+@all')
      const lock = open({}, connect({ username: 'somebody', password: 'wrong', maxRetriesPerRequest: 1 }))
      const error = await rejectionOf(lock.acquire('key', { timeout: 500 }))
      expect(error).toMatchObject({ code: 'ERR_LOCK_TIMEOUT', message: expect.stringContaining('WRONGPASS') })
      expect(error.cause).toMatchObject({ code: 'ERR_ENGINE_FAILED' })
    })

    test('a client of node-redis that is not connected', async () => {
      const lock = open({}, createClient({ url: `redis://${server.host}:${server.port}` }))
      const error = await rejectionOf(lock.acquire('key', { timeout: 100 }))
      expect(error).toMatchObject({ code: 'ERR_LOCK_TIMEOUT', message: expect.stringContaining('closed') })
    })

    test('a server that hangs after it has answered', async () => {
      const [one, other] = [open(), open()]
      const lease = await one.acquire('key')
      const waiter = rejectionOf(other.acquire('key', { timeout: 600 }))
      await eventually(waiting, count => count === 1)
      process.kill(server.pid, 'SIGSTOP')
      const error = await waiter
      process.kill(server.pid, 'SIGCONT')
      expect(error.cause).toMatchObject({ code: 'ERR_ENGINE_TIMEOUT' })
      await lease.release()
    })

    test('to callers that wait behind that one, too', async () => {
      const port = await freePort()
      const lock = open({ lease: 1200 }, connect({ port }))
      const [, behind] = await Promise.all([
        rejectionOf(lock.acquire('key', { timeout: 400 })),
        rejectionOf(lock.acquire('key', { timeout: 200 }))
      ])
      expect(behind).toBeInstanceOf(LockTimeoutError)
      expect(behind?.cause).toMatchObject({ code: 'ERR_ENGINE_TIMEOUT' })
    })

    test('and has no cause where a holder is slow', async () => {
      const [one, other] = [open(), open()]
      const lease = await one.acquire('key')
      const error = await rejectionOf(other.acquire('key', { timeout: 200 }))
      expect(error.message).toMatch(/key "key": waited longer than 200 ms$/)
      expect(error.cause).toBeUndefined()
      await lease.release()
    })
  })

  describe('a user without all rights', () => {
    const RIGHTS = ['~latchkey:*', '&latchkey:*', '+info', '+client', '+select']
    const SCRIPTS = (
      '+get +set +setrange +time +exists +pttl +pexpire +del +zadd +zrem +zremrangebyscore +zrange +zrangebyscore ' +
      '+zcount +zscore +hset +hget +hdel'
    ).split(' ')
    const as = (username: string) => connect({ username, password: 'secret' })

    test.each(['-get', '-set', '-time'])('%s in a script is told as what it is', async denied => {
      const user = `without${denied}`
      await admin.call('ACL', 'SETUSER', user, 'on', '>secret', '~*', '&*', '+@all', denied)
      await expect(open({}, as(user)).acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_SCRIPT_REFUSED',
        message: expect.stringContaining('+subscribe')
      })
    })

    test('a key that is not among theirs', async () => {
      await admin.call('ACL', 'SETUSER', 'elsewhere', 'on', '>secret', '~other:*', '&*', '+@all')
      await expect(open({}, as('elsewhere')).acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_SCRIPT_REFUSED'
      })
    })

    test('who may not subscribe is served by asking, keeps no listener, and a timeout says why', async () => {
      await admin.call(
        'ACL',
        'SETUSER',
        'deaf',
        'on',
        '>secret',
        ...RIGHTS,
        ...SCRIPTS,
        '+eval',
        '+evalsha',
        '+publish'
      )
      const subscriber = as('deaf')
      const lock = open({ subscriber }, as('deaf'))
      const lease = await open().acquire('key')
      const refused = await rejectionOf(lock.acquire('key', { timeout: 300 }))
      expect(refused.cause).toMatchObject({ code: 'ERR_ENGINE_SCRIPT_REFUSED' })
      expect(refused.message).toContain('subscribe')
      expect(subscriber.listenerCount('message')).toBe(0)
      const next = lock.acquire('key')
      await eventually(waiting, count => count === 1)
      await lease.release()
      await (await next).release()
    })

    test('the rights of the documentation are enough, and each is needed', async () => {
      const { readFileSync } = await import('node:fs')
      const { fromRoot } = await import('../../scripts/project.js')
      const page = readFileSync(fromRoot('docs/distributed/redis.md'), 'utf8')
      const rule = /ACL SETUSER locks on >secret ([^\n`]+)/.exec(page)?.[1] ?? ''
      const rights = rule.split(' ')
      expect(rights.length).toBeGreaterThan(15)
      await admin.call('ACL', 'SETUSER', 'exact', 'on', '>secret', ...rights)
      const lock = open({ subscriber: as('exact') }, as('exact'))
      const lease = await open().acquire('key')
      const next = lock.acquire('key')
      await eventually(waiting, count => count === 1)
      await eventually(
        async () => ((await admin.pubsub('CHANNELS', 'latchkey:*')) as string[]).length,
        count => count === 1
      )
      await lease.release()
      await (await next).release()
      // Every mode, with a waiter.
      const others = open()
      const shared = await lock.acquire('key', { mode: 'shared' })
      const alone = lock.acquire('key')
      await eventually(waiting, count => count === 1)
      expect(await lock.inspect('key')).toMatchObject({ mode: 'shared' })
      const behind = others.acquire('key', { mode: 'shared' })
      await shared.release()
      await (await alone).release()
      await (await behind).release()
      await (await lock.acquireMany(['a', 'b'])).release()
      await (await lock.acquireMany(['a', 'b'], { mode: 'shared' })).release()
      await (await open({ capacity: 2 }, as('exact')).acquire('permit')).release()
      await lock.close()
      expect(await admin.pubsub('CHANNELS', 'latchkey:*')).toEqual([])

      const { SCRIPTS } = await import('../../src/engines/redis/commands.js')
      const called = new Set(
        Object.values(SCRIPTS).flatMap(script =>
          [...script.matchAll(/redis\.p?call\('(\w+)'/g)].map(([, name]) => name)
        )
      )
      const sent = ['eval', 'evalsha', 'subscribe', 'unsubscribe', 'wait']
      const needed = [...sent, ...[...called].map(name => String(name).toLowerCase())].map(name => `+${name}`)
      const ofClients = ['+info']
      expect(rights.filter(right => right.startsWith('+') && !ofClients.includes(right)).sort()).toEqual(needed.sort())
    })
  })

  describe('close ends in bounded time', () => {
    test('while the server is down', async () => {
      const gone = new RedisServer()
      await gone.start()
      const lock = open({ commandTimeout: 200, subscriber: connect({}, gone) }, connect({}, gone))
      const lease = await lock.acquire('key')
      const waiter = rejectionOf(lock.acquire('key'))
      const other = open({ commandTimeout: 200, subscriber: connect({}, gone) }, connect({}, gone))
      const behind = rejectionOf(other.acquire('key'))
      await eventually(
        async () => other.waiting,
        count => count === 1
      )
      await gone.stop()
      const closing = Promise.all([lock.close(), other.close()])
      await waiter
      await behind
      await lease.release()
      await closing
    })

    test('with a subscriber that was never connected', async () => {
      const subscriber = connect({ port: await freePort() })
      const lock = open({ commandTimeout: 200, subscriber })
      const lease = await open().acquire('key')
      const waiter = rejectionOf(lock.acquire('key', { timeout: 100 }))
      expect(await waiter).toBeInstanceOf(LockTimeoutError)
      await lock.close()
      await lease.release()
    })

    test('a subscription that stands only after the lock was closed is ended', async () => {
      const subscriber = Object.assign(new EventEmitter(), {
        subscribe: () => subscribed,
        unsubscribe: async () => void left++
      })
      let stand = () => {}
      let left = 0
      const subscribed = new Promise<void>(resolve => {
        stand = resolve
      })
      const lock = open({ commandTimeout: 50, subscriber: subscriber as never })
      const lease = await open().acquire('key')
      await rejectionOf(lock.acquire('key', { timeout: 50 }))
      await lock.close()
      expect(left).toBe(0)
      stand()
      await eventually(
        async () => left,
        count => count === 1
      )
      expect(subscriber.listenerCount('message')).toBe(0)
      await lease.release()
    })
  })

  describe('minReplicas', () => {
    test('is refused for clusters, whose WAIT asks any node', () => {
      const cluster = new Cluster([], { lazyConnect: true })
      for (const client of [cluster, createCluster({ rootNodes: [{ url: 'redis://127.0.0.1:1' }] })])
        expect(() => new RedisLock(client, { minReplicas: 1 })).toThrow(
          /^RedisLock: options.minReplicas must be 0 for a cluster: WAIT names no key/
        )
      cluster.disconnect()
    })

    test('is refused for a client that cannot WAIT', () => {
      const client = { eval: async () => {}, evalsha: async () => {} }
      expect(() => new RedisLock(client, { minReplicas: 1 })).toThrow(/client must be one that can WAIT/)
    })

    test('asks by a command where node-redis has no method for it', async () => {
      const client = createClient({ url: `redis://${server.host}:${server.port}` })
      await client.connect()
      const sent: unknown[] = []
      const old = {
        eval: client.eval.bind(client),
        evalSha: client.evalSha.bind(client),
        sendCommand: (args: string[]) => {
          sent.push(args)
          return client.sendCommand(args)
        }
      }
      const lock = open({ minReplicas: 1, replicaTimeout: 20 }, old as never)
      await expect(lock.acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_TOO_FEW_REPLICAS',
        message: expect.stringContaining('only 0 of 1 replicas')
      })
      expect(sent).toEqual([['WAIT', '1', '20']])
      await lock.close()
      await client.close()
    })
  })

  test('namespaces and keys that read alike are not one', async () => {
    const [one, other] = [open({ namespace: 'app' }), open({ namespace: 'app:admin' })]
    const lease = await one.acquire('admin:job')
    const second = await other.acquire('job', { timeout: 0 })
    await Promise.all([lease.release(), second.release()])
  })

  test('a long key is cut in messages', async () => {
    const lock = open({ maxWaiting: 0 })
    const key = 'k'.repeat(1_000_000)
    const lease = await lock.acquire(key)
    const error = await rejectionOf(open().acquire(key, { timeout: 0 }))
    expect(error.message).toMatch(/ key "k{100}"… \(1000000 characters\): would have to wait/)
    expect(await rejectionOf(lock.acquire(key))).toBeInstanceOf(QueueFullError)
    await lease.release()
  })

  test.each<[string, RedisLockOptions, RegExp]>([
    ['a timeout that no timer can run', { commandTimeout: 2 ** 31 }, /options.commandTimeout must be a whole number/],
    ['a memory without an end', { tokenMemory: Infinity }, /options.tokenMemory must be a whole number of ms from 1/],
    ['no time for replicas', { replicaTimeout: 0 }, /options.replicaTimeout must be a whole number of ms from 1/]
  ])('misuse: %s', (_, options, message) => {
    const client = connect()
    expect(() => new RedisLock(client, options)).toThrow(message)
  })

  test('misuse: one client for both', () => {
    const client = connect()
    expect(() => new RedisLock(client, { subscriber: client })).toThrow(
      'RedisLock: options.subscriber must be another client than the one that locks'
    )
  })
})
