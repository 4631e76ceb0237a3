// RedisLock on a real server: renewal, loss, the queue, what is left behind, replicas and clients of both kinds.

import { Cluster, type Redis } from 'ioredis'
import { LeaseLostError, LockClosedError, LockTimeoutError } from 'latchkey'
import type { Lease } from 'latchkey/distributed'
import { RedisLock, type RedisLockOptions } from 'latchkey/redis'
import { createClient } from 'redis'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { closeAll } from '../fixtures/closing.js'
import { freePort } from '../fixtures/postgres.js'
import { eventually } from '../fixtures/processes.js'
import { describeRedis, RedisServer, useRedis } from '../fixtures/redis.js'
import { raceAbortsWithGrants } from './races.js'

const lossOf = ({ signal }: Lease): Promise<unknown> =>
  new Promise(resolve => {
    signal.addEventListener('abort', () => resolve(signal.reason))
  })

/** What the server keeps of a key: token, state, and the owner behind both durations. */
const parse = (value: string | null) => {
  const [, token, state, lease, memory, owner] = /^(\d{16})([01wW])(\d{10})(\d{10})(.*)$/.exec(value ?? '') ?? []
  return { token: BigInt(token ?? -1), state, lease: Number(lease), memory: Number(memory), owner }
}

describeRedis('RedisLock', () => {
  const server = useRedis()
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  const clients: Redis[] = []
  const connect = (of: RedisServer = server, options: object = {}): Redis => {
    const client = of.connect(options)
    client.on('error', () => {}) // some of the tests end servers
    clients.push(client)
    return client
  }
  const locks: RedisLock[] = []
  const open = (options: RedisLockOptions = {}, client = connect(), subscriber = connect()) => {
    const lock = new RedisLock(client, { subscriber, tokenMemory: 1, ...options })
    locks.push(lock)
    return lock
  }
  const keys = () => admin.keys('*')
  const waiting = async () => {
    const queues = await admin.keys('*:queue')
    return queues.length === 0 ? 0 : admin.zcard(queues[0] as string)
  }

  afterEach(async context => {
    const isClosed = await closeAll(context, locks)
    for (const client of clients.splice(0)) client.disconnect()
    if (!isClosed) await admin.flushall()
    await eventually(keys, left => left.length === 0)
  })

  test('the server shows who holds, with the token, in a key of its own slot', async () => {
    const lock = open({ name: 'mail', namespace: 'a{b' })
    const lease = await lock.acquire('k}{ %')
    const name = 'latchkey:{a%7bb:k%7d%7b %25}'
    const { token, owner } = lease
    expect(parse(await admin.get(name))).toEqual({ token, state: '1', lease: 10_000, memory: 1, owner })
    expect(lease.owner).toMatch(new RegExp(`^mail-${process.pid}@.+-[0-9a-f-]{36}:0$`))
    expect(await admin.pttl(name)).toBeGreaterThan(9000)
    await lease.release()
  })

  describe('a lease', () => {
    test('is renewed for as long as it is held', async () => {
      const lock = open({ lease: 400 })
      const lease = await lock.acquire('key')
      // It would have run out twice. The other lock's own timeout is what ends this wait.
      await expect(open().acquire('key', { timeout: 1000 })).rejects.toThrow(LockTimeoutError)
      expect(lease.held).toBe(true)
      await lease.release()
    })

    test('whose key was taken away is lost at the next renewal, and never made again', async () => {
      const lease = await open({ lease: 300 }).acquire('key')
      const loss = lossOf(lease)
      await admin.del('latchkey:{latchkey:key}')
      expect(await loss).toMatchObject({ message: expect.stringContaining('the engine has given the key up') })
      expect(await keys()).toEqual([])
      await lease.release()
    })

    test('that the server gave up is told by runExclusive, even if nobody had noticed', async () => {
      const lock = open()
      const running = lock.runExclusive('key', async () => {
        await admin.del('latchkey:{latchkey:key}')
        return 7
      })
      await expect(running).rejects.toMatchObject({ code: 'ERR_LEASE_LOST', result: 7 })
    })

    test('of a server that hangs: the signal aborts no later than the deadline', async () => {
      const lease = 1500
      const held = await open({ lease }).acquire('key')
      const loss = lossOf(held)
      process.kill(server.pid, 'SIGSTOP')
      // In this process too, so that a busy machine delays both.
      const deadline = new Promise(resolve => setTimeout(() => resolve('the deadline'), lease))
      try {
        expect(await Promise.race([loss, deadline])).toBeInstanceOf(LeaseLostError)
        expect(held.held).toBe(false)
        await held.release()
      } finally {
        process.kill(server.pid, 'SIGCONT')
      }
    })

    test('that is asked for again, because the answer was lost, is the same one', async () => {
      const client = connect()
      const lost = new Error('Connection is closed.')
      let swallowed = 0
      const forgetful = new Proxy(client, {
        get(target, name) {
          const value = Reflect.get(target, name) as unknown
          if (typeof value !== 'function') return value
          return async (...args: unknown[]) => {
            const answer = await (value as (...args: unknown[]) => unknown).apply(target, args)
            // The server has granted, and nobody hears of it.
            if (name === 'evalsha' && String(answer).startsWith('t') && swallowed++ === 0) throw lost
            return answer
          }
        }
      })
      const lease = await open({}, forgetful).acquire('key')
      expect(swallowed).toBe(2)
      const { token, owner } = lease
      expect(parse(await admin.get('latchkey:{latchkey:key}'))).toMatchObject({ token, owner, state: '1' })
      await lease.release()
    })
  })

  test('waiters are told, and poll only in case that was lost', async () => {
    const [one, other] = [open(), open()]
    const lease = await one.acquire('key')
    const next = other.acquire('key')
    await eventually(waiting, count => count === 1)
    await eventually(
      async () => ((await admin.pubsub('CHANNELS', 'latchkey:*')) as string[]).length,
      count => count === 1
    )
    await admin.config('RESETSTAT')
    await lease.release()
    await (await next).release()
    const stats = await admin.info('commandstats')
    // Release, claim, release.
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]).toBe('3')
    expect(/cmdstat_publish:calls=(\d+)/.exec(stats)?.[1]).toBe('1')
  })

  test('waiters whose messages are lost are served all the same', async () => {
    const deaf = connect()
    const lost = Object.assign(Object.create(deaf), { on: () => deaf }) as Redis
    const [one, other] = [open({ lease: 300 }), open({ lease: 300 }, connect(), lost)]
    const lease = await one.acquire('key')
    const next = other.acquire('key')
    await eventually(waiting, count => count === 1)
    await lease.release()
    await (await next).release()
  })

  test('tokens grow even when the clock of the server is set back', async () => {
    const lock = open({ tokenMemory: 10_000 })
    const ahead = 2n ** 52n
    await admin.set('latchkey:{latchkey:key}', `${String(ahead).padStart(16, '0')}0${'0'.repeat(20)}an earlier holder`)
    const lease = await lock.acquire('key')
    expect(lease.token).toBe(ahead + 1n)
    await lease.release()
    await admin.del('latchkey:{latchkey:key}')
  })

  test('10,000 races of a grant and an abort leave no key', async () => {
    const granted = await raceAbortsWithGrants(open(), open(), 10_000)
    // Both outcomes were seen, or it was no race.
    expect(granted).toBeGreaterThan(500)
    expect(granted).toBeLessThan(9500)
    await eventually(keys, left => left.length === 0)
  }, 60_000)

  test('1,000 waiters on one key are one waiter at the server', async () => {
    const [holder, lock] = [open(), open()]
    const lease = await holder.acquire('key')
    const served: number[] = []
    const all = Array.from({ length: 1000 }, (_, i) => lock.runExclusive('key', () => void served.push(i)))
    await eventually(waiting, count => count === 1)
    await lease.release()
    await Promise.all(all)
    expect(served).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  })

  test('closing rejects those who wait at the server, and leaves its channel', async () => {
    const [one, other] = [open(), open({ name: 'other' })]
    const lease = await one.acquire('key')
    const rejected = expect(other.acquire('key')).rejects.toThrow(LockClosedError)
    await eventually(waiting, count => count === 1)
    await other.close()
    await rejected
    expect(await waiting()).toBe(0)
    expect(await admin.pubsub('CHANNELS', 'latchkey:*')).toEqual([])
    await lease.release()
  })

  test('a restarted server is given the scripts again', async () => {
    const lock = open()
    await (await lock.acquire('key')).release()
    await admin.script('FLUSH')
    await (await lock.acquire('key')).release()
  })

  test('clients of both kinds exclude each other', async () => {
    const client = createClient({ url: `redis://${server.host}:${server.port}` })
    const subscriber = client.duplicate()
    await Promise.all([client.connect(), subscriber.connect()])
    const [one, other] = [open(), new RedisLock(client, { subscriber, tokenMemory: 1 })]
    const lease = await one.acquire('key')
    expect(await other.tryAcquire('key')).toBeUndefined()
    const next = other.acquire('key')
    await eventually(waiting, count => count === 1)
    await lease.release()
    expect((await next).token).toBeGreaterThan(lease.token!)
    await (await next).release()
    await other.close()
    await Promise.all([client.close(), subscriber.close()])
  })

  describe('refuses, and says what to do', () => {
    test('a user who may not run scripts', async () => {
      await admin.call('ACL', 'SETUSER', 'narrow', 'on', '>secret', '~*', '&*', '+@all', '-eval')
      const lock = open({}, connect(server, { username: 'narrow', password: 'secret' }))
      await expect(lock.acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_SCRIPT_REFUSED',
        message: expect.stringContaining('Allow +eval')
      })
    })

    test('nothing that its own advice does not allow', async () => {
      const lock = open({}, connect(server, { username: 'narrow', password: 'secret' }))
      const { message } = (await lock.acquire('key').catch((error: unknown) => error)) as Error
      const advice = message.split('Allow ')[1]?.match(/[+~&][^\s,]+/g) ?? []
      await admin.call('ACL', 'SETUSER', 'advised', 'on', '>secret', ...advice, '+info', '+client')
      const advised = open({}, connect(server, { username: 'advised', password: 'secret' }))
      const lease = await open().acquire('key')
      const next = advised.acquire('key')
      await eventually(waiting, count => count === 1)
      await lease.release()
      await (await next).release()
    })

    test('a server that does not answer', async () => {
      const lock = open({ commandTimeout: 100 })
      await (await lock.acquire('key')).release()
      process.kill(server.pid, 'SIGSTOP')
      try {
        await expect(lock.tryAcquire('key')).rejects.toMatchObject({
          code: 'ERR_ENGINE_TIMEOUT',
          message: expect.stringContaining('has not answered within 100 ms')
        })
      } finally {
        process.kill(server.pid, 'SIGCONT')
      }
    })

    test.each<[string, () => unknown, RegExp]>([
      ['no client', () => new RedisLock(undefined as never), /RedisLock: client must be a client of ioredis or/],
      [
        'a short lease',
        () => open({ lease: 50 }),
        /options.lease must be a whole number of ms from 100 to 2147483647, got 50/
      ],
      ['half a replica', () => open({ minReplicas: 0.5 }), /options.minReplicas must be a whole number >= 0, got 0.5/],
      ['no subscriber', () => open({ subscriber: 7 as never }), /options.subscriber must be a second client/]
    ])('%s', (_, call, message) => {
      expect(call).toThrow(message)
    })
  })

  describe('in a cluster', () => {
    const node = new RedisServer()
    beforeAll(async () => {
      const bus = String(await freePort())
      await node.start('--cluster-enabled', 'yes', '--cluster-announce-ip', node.host, '--cluster-port', bus)
      const first = node.connect()
      await first.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
      await eventually(
        async () => String(await first.call('CLUSTER', 'INFO')),
        info => info.includes('cluster_state:ok')
      )
      first.disconnect()
    })
    afterAll(() => node.stop())

    test('all that a lock keeps is in one slot, whatever its key', async () => {
      const clusters = [0, 1].map(() => new Cluster([{ host: node.host, port: node.port }]))
      const [one, other] = clusters.map(cluster => {
        const lock = new RedisLock(cluster, { subscriber: connect(node) })
        locks.push(lock)
        return lock
      }) as [RedisLock, RedisLock]
      for (const key of ['key', '}', '{', '{a}b', '']) {
        const lease = await one.acquire(key)
        const next = other.acquire(key)
        const expired = other.acquire(key, { timeout: 1 })
        await expect(expired).rejects.toThrow(LockTimeoutError)
        await lease.release()
        await (await next).release()
      }
      await Promise.all(locks.splice(0).map(lock => lock.close()))
      for (const cluster of clusters) cluster.disconnect()
    })
  })

  describe('with a replica', () => {
    const primary = new RedisServer()
    const replica = new RedisServer()
    let onReplica: Redis
    beforeAll(async () => {
      await primary.start('--repl-diskless-sync-delay', '0')
      await replica.start()
      onReplica = replica.connect()
      onReplica.on('error', () => {})
    })
    afterAll(async () => {
      onReplica.disconnect()
      await Promise.all([primary.stop(), replica.stop()])
    })

    const follow = async () => {
      await onReplica.replicaof(primary.host, primary.port)
      await eventually(
        () => onReplica.info('replication'),
        info => info.includes('master_link_status:up')
      )
    }

    test('that has the grant, minReplicas is content', async () => {
      await follow()
      const lock = open({ minReplicas: 1, replicaTimeout: 2000 }, connect(primary), connect(primary))
      const lease = await lock.acquire('key')
      const { token, owner } = lease
      expect(parse(await onReplica.get('latchkey:{latchkey:key}'))).toMatchObject({ token, owner })
      await lease.release()
    })

    test('that is asked itself, it refuses', async () => {
      const lock = open({}, connect(replica), connect(replica))
      await expect(lock.acquire('key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_REPLICA',
        message: expect.stringContaining('Connect to the primary')
      })
    })

    test('that lags and is promoted, a key is granted twice, with a greater token; minReplicas refuses', async () => {
      await onReplica.replicaof('NO', 'ONE') // from here on it misses what the primary does
      const before = await open({}, connect(primary), connect(primary)).acquire('key')
      const careful = open({ minReplicas: 1, replicaTimeout: 20 }, connect(primary), connect(primary))
      await expect(careful.acquire('another key')).rejects.toMatchObject({
        code: 'ERR_ENGINE_TOO_FEW_REPLICAS',
        message: expect.stringContaining('only 0 of 1 replicas')
      })
      const onPrimary = connect(primary)
      await eventually(
        () => onPrimary.get('latchkey:{latchkey:another key}'),
        left => left === null
      )
      const after = await open({}, connect(replica), connect(replica)).acquire('key')
      expect(before.held && after.held).toBe(true) // what failover does not promise
      expect(after.token).toBeGreaterThan(before.token!)
      await Promise.all([before.release(), after.release()])
    })
  })
})
