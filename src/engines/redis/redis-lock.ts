// Keyed locks in Redis: a lease that is renewed, a queue at the server, and a token that a resource can check.
//
//   ask ──token──▶ held, renewed at a third of the lease ──▶ released: the next in the queue is notified
//    │ taken
//    └── in the queue ──▶ notified, or after a while ──▶ ask again
//
// A notification is a hint, since a message may be lost. What counts is asking: it takes the key if it is free and ours to
// take, says that we still wait, and is safe to repeat.

import { must } from '../../core/errors.js'
import { type EngineOptions, type Guarantees, LockEngineError } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import { keepAlive } from '../keep-alive.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, sourceOf } from '../options.js'
import { type Instant, instant, Validity } from '../validity.js'
import type { Wait } from '../wait.js'
import { isClient, isSubscriber, type RedisClient, type RedisSubscriber } from './client.js'
import { RedisCommands } from './commands.js'
import { isFinal } from './errors.js'
import { Notifications, type PendingWaiter } from './notifications.js'
import { keysOf } from './scripts.js'

const KIND = 'RedisLock'

/** What a `RedisLock` is made with. */
export interface RedisLockOptions extends EngineOptions {
  /**
   * A second connection, on which the server notifies the next waiter: `client.duplicate()`, with node-redis connected.
   * Without one, a waiter asks about every 25 ms.
   */
  subscriber?: RedisSubscriber | undefined
  /**
   * How many replicas must have a grant before it counts (`WAIT`); fewer reject with a `LockEngineError`. It narrows the
   * window in which a failover grants a key twice, and does not close it. Default `0`.
   */
  minReplicas?: number | undefined
  /** How long to wait for these replicas, in ms. The connection does nothing else meanwhile. Default `100`. */
  replicaTimeout?: number | undefined
  /** How long one command may take, in ms. Default a third of `lease`. */
  commandTimeout?: number | undefined
  /**
   * For how long the last token of a key is remembered, in ms: tokens grow even if the server's clock is set back by less
   * than that. Each key that was used leaves two small entries for this long. Default `60000`.
   */
  tokenMemory?: number | undefined
}

/** How long a waiter is believed to be there without asking again, in ms. */
const WAITER_TTL_MS = 3000
/** How often a waiter asks that cannot be notified, in ms. */
const POLL_MS = 25

/**
 * A `KeyedLock` in Redis, over a client of ioredis or node-redis that stays yours.
 *
 * A lease is renewed while this process runs. A process that stops for longer than `lease` has lost it, and the server
 * grants the key to the next: guard what must not be written twice with the token (docs/distributed/fencing.md).
 *
 * @example
 * ```ts no-run
 * import { Redis } from 'ioredis'
 * import { RedisLock } from 'latchkey/redis'
 *
 * const redis = new Redis()
 * const locks = new RedisLock(redis, { subscriber: redis.duplicate() })
 * await locks.runExclusive('report 7', async lease => {
 *   await fetch('https://example.org/render', { method: 'POST', signal: lease.signal })
 * })
 * await locks.close()
 * ```
 */
export class RedisLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: true, survives: ['crash'] }
  readonly #label: string
  readonly #commands: RedisCommands
  readonly #notifications: Notifications
  readonly #namespace: string
  /** What the channel of every process begins with. */
  readonly #channels: string
  readonly #lease: number
  readonly #waiterTtl: number
  readonly #minReplicas: number
  readonly #replicaTimeout: number
  readonly #tokenMemory: number
  /** This object, among all that use the server. */
  readonly #self: string
  #count = 0

  /**
   * @param client stays the caller's: `close()` does not end it
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(client: RedisClient, options?: RedisLockOptions) {
    super(KIND, options)
    const source = sourceOf(KIND, options)
    must(isClient(client), source, 'client', 'a client of ioredis or node-redis', client)
    const { namespace, lease } = engineOptions(source, options)
    const { subscriber, minReplicas = 0, replicaTimeout = 100, tokenMemory = 60_000 } = options ?? {}
    const { commandTimeout = Math.ceil(lease / 3) } = options ?? {}
    mustBe(source, 'options.subscriber', 'a second client of ioredis or node-redis', subscriber, isSubscriber)
    mustBe(source, 'options.minReplicas', 'a whole number >= 0', minReplicas, isWholeFrom(0))
    for (const [name, value] of Object.entries({ replicaTimeout, commandTimeout, tokenMemory }))
      mustBe(source, `options.${name}`, 'a whole number of ms >= 1', value, isWholeFrom(1))
    this.#label = source.label
    this.#commands = new RedisCommands(source.label, client, commandTimeout)
    this.#namespace = encode(namespace)
    this.#channels = `latchkey:${this.#namespace}:`
    this.#lease = lease
    this.#waiterTtl = Math.min(lease, WAITER_TTL_MS)
    this.#minReplicas = minReplicas
    this.#replicaTimeout = replicaTimeout
    this.#tokenMemory = tokenMemory
    this.#self = `${encode(options?.name ?? 'lock')}-${globalThis.crypto.randomUUID()}`
    this.#notifications = new Notifications(subscriber, this.#channels + this.#self)
  }

  /** In braces, which make all keys of a lock share a slot; braces in the user's own key cannot close them. */
  protected keyId(key: string): string {
    return `latchkey:{${this.#namespace}:${encode(key)}}`
  }

  protected async acquireKey(id: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    const owner = `${this.#self}:${this.#count++}`
    try {
      const grant = await this.#ask(id, owner, wait)
      // Out of the queue again, if we ever stood in it.
      if (grant === undefined && wait !== undefined) await this.#release(keysOf(id), owner).catch(() => {})
      return grant
    } catch (error) {
      // What the server did of it is not known. It is asked to undo it, if it can be asked; if not, the lease ends.
      void this.#release(keysOf(id), owner).catch(() => {})
      throw error
    }
  }

  protected disconnect(): Promise<void> {
    return this.#notifications.close()
  }

  async #ask(id: string, owner: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    const keys = keysOf(id)
    const waiterTtl = wait === undefined ? 0 : this.#waiterTtl
    const settings = [owner, this.#channels, String(this.#lease), String(this.#tokenMemory), String(waiterTtl)]
    const waiter = this.#notifications.register(owner)
    try {
      let answered = performance.now()
      for (;;) {
        const asked = instant()
        let left = POLL_MS
        try {
          const answer = String(await this.#commands.run('acquire', keys, settings))
          // Some clients can be told to return numbers as strings, so a token says that it is one.
          if (answer.startsWith('t')) return await this.#granted(keys, owner, BigInt(answer.slice(1)), asked)
          answered = performance.now()
          left = Number(answer)
        } catch (error) {
          // A waiter with a place in the queue does not lose it to one lost command.
          const unreachable = performance.now() - answered > this.#lease
          if (wait === undefined || isFinal(error) || unreachable) throw error
        }
        if (wait === undefined || wait.ended) return undefined
        this.#notifications.subscribe()
        await this.#pause(waiter, left, wait)
        if (wait.ended) return undefined
      }
    } finally {
      this.#notifications.unregister(owner)
    }
  }

  async #release(keys: string[], owner: string): Promise<boolean> {
    return Number(await this.#commands.run('release', keys, [owner, this.#channels])) === 1
  }

  async #granted(keys: string[], owner: string, token: bigint, asked: Instant): Promise<EngineGrant> {
    if (this.#minReplicas > 0) {
      const replicas = await this.#commands.replicas(this.#minReplicas, this.#replicaTimeout)
      if (replicas < this.#minReplicas)
        throw new LockEngineError(
          'ERR_ENGINE_TOO_FEW_REPLICAS',
          `${this.#label}: only ${replicas} of ${this.#minReplicas} replicas have the grant within ` +
            `${this.#replicaTimeout} ms, so it was given back. Look for replicas that are down or lag behind`
        )
    }
    const validity = new Validity(this.#lease)
    validity.renew(asked)
    const settings = [owner, this.#channels, String(this.#lease)]
    const renew = async () => Number(await this.#commands.send('renew', keys, settings)) === 1
    const stop = keepAlive(validity, this.#lease, renew)
    const release = () => {
      stop()
      validity.end()
      return this.#release(keys, owner)
    }
    return { owner, token, validity, release }
  }

  /** Until the server notifies us, or it is time to ask again. */
  async #pause(waiter: PendingWaiter, left: number, wait: Wait): Promise<void> {
    const longest = this.#notifications.subscribed ? this.#waiterTtl / 3 : POLL_MS * (0.75 + Math.random() / 2)
    if (!waiter.notified) {
      await wait.pause(Math.max(1, Math.min(left + 1, longest)), wake => {
        waiter.wake = wake
      })
    }
    waiter.notified = false
  }
}

/** What would end the hash tag, stand for an escape, or not survive as UTF-8, as `%` and its code. */
const encode = (text: string): string =>
  text.replace(/[%{}\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)
