// The locks that are compared, each as its documentation uses it: how to take a key and how to give it back.

import { Verrou } from '@verrou/core'
import { redisStore } from '@verrou/core/drivers/redis'
import advisoryLock from 'advisory-lock'
import { Redis } from 'ioredis'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import redisSemaphore from 'redis-semaphore'
import Redlock from 'redlock'

/** It needs Node 22 or newer, and npm leaves it out on an older one. */
const UNIVERSAL = 'redlock-universal'
const universal = await import(UNIVERSAL).catch(() => undefined)

/**
 * @typedef {object} Contender
 * @property {(key: string) => Promise<() => Promise<unknown>>} acquire resolves to how to release
 * @property {() => Promise<unknown>} close
 * @property {(lost: () => void) => Promise<unknown>} [watch] takes a key with a lease of 1500 ms and tells of its loss
 */

const lease = 10_000
export const shortLease = 1500

/** @param {pg.ClientConfig} config */
const latchkeyPostgres = config => {
  const open = (/** @type {object} */ options) => new PostgresLock(() => new pg.Client(config), options)
  const lock = open({ lease })
  return {
    acquire: async key => {
      const held = await lock.acquire(key)
      return () => held.release()
    },
    close: () => lock.close()
  }
}

/** @param {pg.ClientConfig} config */
const rawPostgres = async config => {
  const client = new pg.Client(config)
  await client.connect()
  const lock = { name: 'lock', text: 'select pg_try_advisory_lock($1)' }
  const unlock = { name: 'unlock', text: 'select pg_advisory_unlock($1)' }
  const ids = new Map()
  return {
    acquire: async key => {
      const id = ids.get(key) ?? ids.set(key, ids.size).get(key)
      await client.query({ ...lock, values: [id] })
      return () => client.query({ ...unlock, values: [id] })
    },
    close: () => client.end()
  }
}

/** @param {pg.ClientConfig} config */
const advisory = ({ user, password, host, port, database }) => {
  const { default: make } = /** @type {any} */ (advisoryLock)
  const mutex = (make ?? advisoryLock)(`postgres://${user}:${password}@${host}:${port}/${database}`)
  return { acquire: key => mutex(key).lock(), close: async () => {} }
}

/** @typedef {{ host: string, port: number }} Where */

const connect = (/** @type {Where} */ where) => {
  const client = new Redis({ ...where, maxRetriesPerRequest: null })
  client.on('error', () => {})
  return client
}

const latchkeyRedis = (/** @type {Where} */ where) => {
  const [client, subscriber] = [connect(where), connect(where)]
  const lock = new RedisLock(client, { subscriber, lease })
  return {
    acquire: async key => {
      const held = await lock.acquire(key)
      return () => held.release()
    },
    async watch(lost) {
      const short = new RedisLock(client, { subscriber, lease: shortLease })
      const held = await short.acquire('watched')
      held.signal.addEventListener('abort', lost)
    },
    async close() {
      await lock.close()
      client.disconnect()
      subscriber.disconnect()
    }
  }
}

const rawRedis = (/** @type {Where} */ where) => {
  const client = connect(where)
  client.defineCommand('rawLock', {
    numberOfKeys: 2,
    // The token is the time, or the last one and one more: a counter that a replica has missed would not be one.
    lua: `if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return nil end
      local time = redis.call('TIME')
      local last = tonumber(redis.call('GET', KEYS[2]) or 0)
      local token = string.format('%.0f', math.max(time[1] * 1000000 + time[2], last + 1))
      redis.call('SET', KEYS[2], token, 'PX', 60000)
      return token`
  })
  client.defineCommand('rawUnlock', {
    numberOfKeys: 1,
    lua: `if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0`
  })
  const { rawLock, rawUnlock } = /** @type {any} */ (client)
  let count = 0
  return {
    acquire: async key => {
      const owner = `owner ${count++}`
      await rawLock.call(client, key, `${key}:token`, owner, lease)
      return () => rawUnlock.call(client, key, owner)
    },
    close: async () => client.disconnect()
  }
}

const semaphore = (/** @type {Where} */ where) => {
  const client = connect(where)
  const { Mutex } = redisSemaphore
  return {
    acquire: async key => {
      const mutex = new Mutex(client, key, { lockTimeout: lease, acquireTimeout: 60_000 })
      await mutex.acquire()
      return () => mutex.release()
    },
    watch: lost => new Mutex(client, 'watched', { lockTimeout: shortLease, onLockLost: lost }).acquire(),
    close: async () => client.disconnect()
  }
}

const redlock = (/** @type {Where} */ where) => {
  const client = connect(where)
  const lock = new Redlock([client], { retryCount: 300 })
  return {
    acquire: async key => {
      const held = await lock.lock(key, lease)
      return () => held.unlock()
    },
    close: async () => client.disconnect()
  }
}

const redlockUniversal = (/** @type {Where} */ where) => {
  const { createLock, IoredisAdapter } = universal
  const client = connect(where)
  const adapter = new IoredisAdapter(client)
  const quiet = { debug() {}, info() {}, warn() {}, error() {} }
  const make = (/** @type {string} */ key, ttl = lease) =>
    createLock({ adapter, key, ttl, retryAttempts: 600, logger: quiet })
  return {
    acquire: async key => {
      const lock = make(key)
      const held = await lock.acquire()
      return () => lock.release(held)
    },
    watch: lost =>
      new Promise(resolve => {
        make('watched', shortLease)
          .using(async signal => {
            resolve(undefined)
            await new Promise(done => signal.addEventListener('abort', () => done(lost())))
          })
          .catch(() => {})
      }),
    close: async () => client.disconnect()
  }
}

const verrou = (/** @type {Where} */ where) => {
  const client = connect(where)
  const locks = new Verrou({ default: 'redis', stores: { redis: { driver: redisStore({ connection: client }) } } })
  return {
    acquire: async key => {
      const lock = locks.createLock(key, lease)
      await lock.acquire()
      return () => lock.release()
    },
    close: async () => client.disconnect()
  }
}

/** What cannot run on this runtime. */
export const missing = universal ? [] : [UNIVERSAL]

/** The first is the floor, the second latchkey. @type {Record<string, Record<string, (config: any) => Contender | Promise<Contender>>>} */
export const contenders = {
  postgres: { 'raw pg': rawPostgres, latchkey: latchkeyPostgres, 'advisory-lock': advisory },
  redis: {
    'raw script': rawRedis,
    latchkey: latchkeyRedis,
    'redis-semaphore': semaphore,
    redlock,
    ...(universal && { [UNIVERSAL]: redlockUniversal }),
    '@verrou/core': verrou
  }
}
