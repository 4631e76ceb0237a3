// What a wait for a key of Redis hears, and what it leaves in this process.

import { EventEmitter } from 'node:events'
import type { Redis } from 'ioredis'
import { Wait, type WaitOptions } from 'latchkey/distributed'
import type { RedisClient, RedisLockOptions } from 'latchkey/redis'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { pollInterval, startPolling } from '../../src/engines/polling.js'
import { Notifications } from '../../src/engines/redis/notifications.js'
import { NAMES } from '../../src/engines/redis/scripts.js'
import { type Alarm, SharedTimer } from '../../src/engines/timers.js'
import { closeAll } from '../fixtures/closing.js'
import { freePort } from '../fixtures/postgres.js'
import { eventually, useProcesses } from '../fixtures/processes.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'
import { DirectLock } from './redis-direct.js'

const KEY = 'latchkey:{latchkey:key}'

describeRedis('a wait for a key of Redis', () => {
  const server = useRedis()
  const start = useProcesses('test/engines/redis-exit.ts')
  let admin: Redis
  beforeAll(() => {
    admin = server.connect()
  })
  afterAll(() => admin.quit())

  const clients: Redis[] = []
  const connect = (options: object = {}): Redis => {
    const client = server.connect(options)
    client.on('error', () => {})
    clients.push(client)
    return client
  }
  const locks: DirectLock[] = []
  const open = (options: RedisLockOptions = {}, client: RedisClient = connect()) => {
    const lock = new DirectLock(client, { tokenMemory: 1, ...options })
    locks.push(lock)
    return lock
  }
  const untilWaiting = (count: number) =>
    eventually(
      () => admin.zcard(`${KEY}:queue`),
      waiting => waiting === count
    )
  /** A client whose scripts are watched: `after` is called with what it was asked and what it answers. */
  const watched = (after: (args: unknown[], answer: unknown) => unknown) => {
    const client = connect()
    return new Proxy(client, {
      get(target, name) {
        const value = Reflect.get(target, name) as unknown
        if (typeof value !== 'function') return value
        return async (...args: unknown[]) => {
          const answer = await (value as (...args: unknown[]) => unknown).apply(target, args)
          // By its name, or as a whole where the server has not seen it; not the one that tells the names.
          if (name === 'evalsha' || (name === 'eval' && args[0] !== NAMES)) await after(args, answer)
          return answer
        }
      }
    })
  }
  /** Stands for a subscriber: the test decides when it listens, and says what it hears. */
  const subscriberByHand = () => {
    let stand = () => {}
    const stands = new Promise<void>(resolve => {
      stand = resolve
    })
    const channels: string[] = []
    const subscriber = Object.assign(new EventEmitter(), {
      subscribe: (channel: string) => {
        channels.push(channel)
        return stands
      },
      unsubscribe: async () => {}
    })
    return {
      subscriber: subscriber as never,
      stand,
      say: (text: string) => subscriber.emit('message', channels[0], text)
    }
  }

  afterEach(async context => {
    vi.restoreAllMocks()
    const isClosed = await closeAll(context, locks)
    for (const client of clients.splice(0)) client.disconnect()
    if (!isClosed) await admin.flushall()
    await eventually(
      () => admin.keys('*'),
      left => left.length === 0
    )
  })

  test('hears a notification that comes between its question and the answer', async () => {
    const { subscriber, stand, say } = subscriberByHand()
    stand()
    let onAnswer = async (_question: number, _owner: string) => {}
    let questions = 0
    const lock = open(
      { subscriber },
      watched(args => onAnswer(++questions, String(args[7])))
    )
    // It listens, since it has waited before.
    const before = await open().take('other')
    await expect(lock.take('other', 'exclusive', { timeout: 50 })).rejects.toThrow('waited longer than 50 ms')
    await before.release()

    const holder = await open().take('key')
    questions = 0
    onAnswer = async (question, owner) => {
      // The second joins the queue. Before it has its answer the key is free, and it is told so.
      if (question !== 2) return
      await holder.release()
      say(owner)
    }
    const pauses = vi.spyOn(Wait.prototype, 'pause')
    const grant = await lock.take('key')
    expect(questions).toBe(3)
    expect(pauses).not.toHaveBeenCalled()
    await grant.release()
  })

  test('asks again at once when its subscription stands, for what was said before', async () => {
    const holder = await open().take('key')
    const { subscriber, stand } = subscriberByHand()
    // So many poll in this process that it would ask by itself after a second.
    const stops = Array.from({ length: 2000 }, startPolling)
    try {
      let questions = 0
      const lock = open(
        { subscriber },
        watched(() => questions++)
      )
      const pauses = vi.spyOn(Wait.prototype, 'pause')
      const next = lock.take('key')
      await eventually(
        async () => pauses.mock.calls.length,
        count => count === 1
      )
      const before = questions
      const [ms] = pauses.mock.calls[0] as [number]
      expect(ms).toBeGreaterThan(700)
      stand()
      await eventually(
        async () => questions,
        count => count > before,
        100
      )
      await holder.release()
      await (await next).release()
    } finally {
      for (const stop of stops) stop()
    }
  })

  test.each<[string, WaitOptions]>([
    ['granted', {}],
    ['cancelled', { timeout: 100 }]
  ])('that was %s is forgotten, and polls no more', async (_, options) => {
    const register = vi.spyOn(Notifications.prototype, 'register')
    const unregister = vi.spyOn(Notifications.prototype, 'unregister')
    const holder = await open().take('key')
    const next = open().take('key', 'exclusive', options)
    await untilWaiting(1)
    // One that polls counts: 5 ms for each, and a quarter less.
    expect(pollInterval(0.1, 1000)).toBeGreaterThan(3)
    if (options.timeout === undefined) await holder.release()
    await next.then(
      grant => grant.release(),
      () => holder.release()
    )
    await eventually(
      async () => pollInterval(0.1, 1000),
      ms => ms < 1
    )
    expect(register).toHaveBeenCalledTimes(1)
    expect(unregister.mock.calls).toEqual(register.mock.calls)
  })

  test('polls no more once it listens', async () => {
    const holder = await open().take('key')
    const { subscriber, stand } = subscriberByHand()
    const next = open({ subscriber }).take('key')
    await untilWaiting(1)
    await eventually(
      async () => pollInterval(0.1, 1000),
      ms => ms > 3
    )
    stand()
    await eventually(
      async () => pollInterval(0.1, 1000),
      ms => ms < 1
    )
    await holder.release()
    await (await next).release()
  })

  test('is rejected after a lease without an answer, though it would wait longer', async () => {
    const client = connect({ port: await freePort(), retryStrategy: () => 50 })
    const waiting = open({ lease: 300 }, client).take('key')
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ENGINE_TIMEOUT' })
  })

  test('has ended, and nothing is renewed that was released', async () => {
    const renewed: unknown[] = []
    const lock = open(
      { lease: 300 },
      watched(args => renewed.push(args[2]))
    )
    const [released, held] = [await lock.take('key'), await lock.take('other')]
    const losses: unknown[] = []
    released.validity?.onLoss(loss => losses.push(loss))
    await released.release()
    // What was granted, and given back because too few replicas have it.
    const careful = open(
      { lease: 300, minReplicas: 1, replicaTimeout: 10 },
      watched(args => renewed.push(args[2]))
    )
    await expect(careful.take('third')).rejects.toMatchObject({ code: 'ERR_ENGINE_TOO_FEW_REPLICAS' })
    await eventually(
      () => admin.exists('latchkey:{latchkey:third}'),
      count => count === 0
    )
    renewed.length = 0
    await eventually(
      async () => renewed.length,
      count => count >= 4
    )
    expect(new Set(renewed)).toEqual(new Set(['latchkey:{latchkey:other}']))
    // Their lease would be over by now.
    expect(released.validity?.isValid).toBe(true)
    expect(losses).toEqual([])
    await held.release()
  })

  test('has ended, and a server that has lost its scripts is given them again to renew', async () => {
    for (const mode of ['exclusive', 'shared'] as const) {
      let renewals = 0
      const lock = open(
        { lease: 300 },
        watched(() => renewals++)
      )
      const grant = await lock.take('key', mode)
      await admin.script('FLUSH')
      const before = renewals
      await eventually(
        async () => renewals,
        count => count >= before + 2
      )
      expect(await grant.release()).toBe(true)
    }
  })

  test('is over, and no alarm of it waits for its time', async () => {
    const alarms = vi.spyOn(SharedTimer.prototype, 'add')
    const lock = open()
    await (await lock.take('key')).release() // the first tells it the names of the scripts
    alarms.mockClear()
    const grant = await lock.take('key')
    // Of the commands: they have been answered, so their alarms are out of the ring, alone with themselves.
    const isOut = (alarm: unknown) => (alarm as { next: unknown }).next === alarm
    const [command, ...others] = alarms.mock.results.map(({ value }) => value as Alarm)
    expect(isOut(command)).toBe(true)
    // The deadline and the renewal of what is held.
    expect(others.map(isOut)).toEqual([false, false])
    await grant.release()
    expect(alarms.mock.results.every(({ value }) => isOut(value))).toBe(true)
  })

  test('is believed to last no longer than its lease', async () => {
    const holder = await open().take('key')
    const next = open({ lease: 400 }).take('key')
    await untilWaiting(1)
    const [until] = await admin.hvals(`${KEY}:expiry`)
    expect(Number(until)).toBeLessThanOrEqual(Date.now() + 400)
    await holder.release()
    await (await next).release()
  })

  test('does not subscribe for the next 5 s after it was refused, and never after its lock was closed', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      let asked = 0
      const subscriber = Object.assign(new EventEmitter(), {
        subscribe: async () => {
          asked++
          throw new Error('not now')
        },
        unsubscribe: async () => {}
      })
      const notifications = new Notifications('RedisLock', subscriber as never, 'channel')
      const subscribe = async () => {
        notifications.subscribe()
        await new Promise(resolve => setImmediate(resolve))
        return asked
      }
      expect([await subscribe(), await subscribe()]).toEqual([1, 1])
      vi.advanceTimersByTime(4999)
      expect(await subscribe()).toBe(1)
      vi.advanceTimersByTime(1)
      expect([await subscribe(), await subscribe()]).toEqual([2, 2])
      await notifications.close(10)
      vi.advanceTimersByTime(5000)
      expect(await subscribe()).toBe(2)
    } finally {
      vi.useRealTimers()
    }
  })

  test('leaves no timer that keeps the process alive, and neither does what is held', async () => {
    const process = await start({ host: server.host, port: server.port })
    const done = await process.hear('done')
    expect(done).toMatchObject({ codes: ['ERR_LOCK_TIMEOUT', 'enough', 'ERR_ENGINE_TOO_FEW_REPLICAS'], held: true })
    expect(done.timers).toEqual([])
    expect(await process.exit()).toBe(0)
    await admin.flushall()
  })
})
