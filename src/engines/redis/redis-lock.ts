// Keyed locks in Redis: a lease that is renewed, a queue at the server, and a token that a resource can check.
//
//   ask ──token──▶ held, renewed at a third of the lease ──▶ released: the next in the queue is notified
//    │ taken
//    └── in the queue ──▶ notified, or after a while ──▶ ask again
//
// A notification is a hint, since a message may be lost. What counts is asking: it takes the key if it is free and ours to
// take, says that we still wait, and is safe to repeat.

import { check } from '../../core/arguments.js'
import { type EngineOptions, type Guarantees, LockEngineError } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import { Renewal } from '../keep-alive.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, mustBeMs, sourceOf } from '../options.js'
import { pollInterval, startPolling } from '../polling.js'
import { SharedTimer } from '../timers.js'
import { type Instant, instant, spanOf, Validity } from '../validity.js'
import type { Wait } from '../wait.js'
import {
  canWaitForReplicas,
  isClient,
  isCluster,
  isSubscriber,
  type RedisClient,
  type RedisSubscriber
} from './client.js'
import { RedisCommands } from './commands.js'
import { isFinal, noAnswer } from './errors.js'
import { Notifications, type PendingWaiter } from './notifications.js'
import { columnsOf, keysOf, tryKeysOf, WAITER_TTL_MS } from './scripts.js'

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
   * For how long the last token of a key is remembered after its lease, in ms: tokens grow even if the server's clock is
   * set back by less than that. Each key that was used leaves a small entry for this long. Default `60000`.
   */
  tokenMemory?: number | undefined
}

/** How often a waiter asks that cannot be notified, in ms. */
const POLL_MS = 25
/** After how many ms a question counts as not answered, for a caller whose time is over. */
const UNANSWERED_MS = 100

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
  readonly #lease: number
  readonly #waiterTtl: number
  readonly #minReplicas: number
  readonly #replicaTimeout: number
  readonly #commandTimeout: number
  /** Lease and memory, as the server keeps them. */
  readonly #columns: string
  /** Both together. */
  readonly #lifetime: string
  /** What a release is told beside the owner. */
  readonly #released: readonly string[]
  /** This object, among all that use the server. */
  readonly #self: string
  #count = 0
  /** For the leases that are released early, as most are. */
  readonly #deadlines: SharedTimer
  readonly #renewals: SharedTimer

  /**
   * @param client stays the caller's: `close()` does not end it
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(client: RedisClient, options?: RedisLockOptions) {
    super(KIND, options)
    const source = sourceOf(KIND, options)
    check(isClient(client), source, 'client', 'a client of ioredis or node-redis', client)
    const { namespace, lease } = engineOptions(source, options)
    const { subscriber, minReplicas = 0, replicaTimeout = 100, tokenMemory = 60_000 } = options ?? {}
    const { commandTimeout = Math.ceil(lease / 3) } = options ?? {}
    mustBe(source, 'options.subscriber', 'a second client of ioredis or node-redis', subscriber, isSubscriber)
    if ((subscriber as unknown) === client)
      throw new TypeError(`${source}: options.subscriber must be another client than the one that locks`)
    mustBe(source, 'options.minReplicas', 'a whole number >= 0', minReplicas, isWholeFrom(0))
    for (const [name, value] of Object.entries({ replicaTimeout, commandTimeout, tokenMemory }))
      mustBeMs(source, `options.${name}`, value, 1)
    if (minReplicas > 0) mustAnswerForReplicas(source, client)
    this.#label = source
    this.#commands = new RedisCommands(source, client, commandTimeout)
    this.#namespace = encode(namespace).replaceAll(':', '%3a')
    this.#lease = lease
    this.#deadlines = new SharedTimer(spanOf(lease))
    this.#renewals = new SharedTimer(lease / 3)
    this.#waiterTtl = Math.min(lease, WAITER_TTL_MS)
    this.#columns = columnsOf(lease, tokenMemory)
    this.#lifetime = String(lease + tokenMemory)
    this.#released = tokenMemory < lease ? [String(tokenMemory)] : []
    this.#minReplicas = minReplicas
    this.#replicaTimeout = replicaTimeout
    this.#commandTimeout = commandTimeout
    this.#self = `${encode(options?.name ?? 'lock')}-${globalThis.crypto.randomUUID()}`
    this.#notifications = new Notifications(source, subscriber, `latchkey:${this.#namespace}:${this.#self}`)
  }

  /** In braces, which make all keys of a lock share a slot; braces in the user's own key cannot close them. */
  protected keyId(key: string): string {
    return `latchkey:{${this.#namespace}:${encode(key)}}`
  }

  protected async acquireKey(id: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    const owner = `${this.#self}:${this.#count++}`
    try {
      if (wait === undefined) return await this.#askWithoutWaiting(id, owner)
      const grant = await this.#wait(id, owner, wait)
      // Out of the queue again, if we ever stood in it.
      if (grant === undefined) await this.#release(id, owner).catch(() => {})
      return grant
    } catch (error) {
      // What the server did of it is not known. It is asked to undo it, if it can be asked; if not, the lease ends.
      void this.#release(id, owner).catch(() => {})
      throw error
    }
  }

  protected disconnect(): Promise<void> {
    return this.#notifications.close(this.#commandTimeout)
  }

  /** Takes a key that is probably free: a grant, or for how long (ms) nothing is going to happen by itself. */
  #try(id: string, owner: string): Promise<EngineGrant | number> {
    const settings = [owner, this.#columns, this.#lifetime]
    return this.#commands.run('try', tryKeysOf(id), settings, this.#reader(id, owner))
  }

  /** The same for any key. `ttl`: for how long I am believed to wait, in ms. */
  #ask(id: string, owner: string, ttl: number): Promise<EngineGrant | number> {
    const settings = [owner, this.#columns, this.#lifetime, String(ttl)]
    return this.#commands.run('acquire', keysOf(id), settings, this.#reader(id, owner))
  }

  /** Reads the answer to a question of this moment. */
  #reader(id: string, owner: string): (answer: unknown) => EngineGrant | Promise<EngineGrant> | number {
    const asked = instant()
    return answer => {
      // Some clients can be told to return numbers as strings, so a token says that it is one.
      const text = String(answer)
      if (!text.startsWith('t')) return Number(text)
      const grant = this.#granted(id, owner, BigInt(text.slice(1)), asked)
      return this.#minReplicas > 0 ? this.#replicated(grant) : grant
    }
  }

  async #askWithoutWaiting(id: string, owner: string): Promise<EngineGrant | undefined> {
    let answer = await this.#try(id, owner)
    if (answer === 0) answer = await this.#ask(id, owner, 0)
    return typeof answer === 'number' ? undefined : answer
  }

  /** Asks until the key is granted. */
  async #wait(id: string, owner: string, wait: Wait): Promise<EngineGrant | undefined> {
    const began = performance.now()
    let asked: number | undefined
    let answered: number | undefined
    let failure: unknown
    wait.diagnosis = () => {
      const unanswered = asked !== undefined && (answered === undefined || performance.now() - asked > UNANSWERED_MS)
      return failure ?? (unanswered ? noAnswer(this.#label) : this.#notifications.failure)
    }
    let waiter: PendingWaiter | undefined
    let stopPolling: (() => void) | undefined
    try {
      for (;;) {
        let left = Infinity
        asked = performance.now()
        try {
          const answer = waiter === undefined ? await this.#try(id, owner) : await this.#ask(id, owner, this.#waiterTtl)
          if (typeof answer !== 'number') return answer
          left = answer
          answered = performance.now()
          failure = undefined
        } catch (error) {
          // A waiter with a place in the queue does not lose it to one lost command.
          const unreachable = performance.now() - (answered ?? began) > this.#lease
          if (isFinal(error) || unreachable) throw error
          failure = error
        }
        asked = undefined
        if (wait.ended) return undefined
        if (waiter === undefined) {
          waiter = this.#notifications.register(owner)
          if (failure === undefined) continue // to join the queue
        }
        this.#notifications.subscribe()
        if (!this.#notifications.subscribed) stopPolling ??= startPolling()
        else if (stopPolling !== undefined) stopPolling = void stopPolling()
        await this.#pause(waiter, left, wait)
        if (wait.ended) return undefined
      }
    } finally {
      stopPolling?.()
      if (waiter !== undefined) this.#notifications.unregister(owner)
    }
  }

  #release(id: string, owner: string): Promise<boolean> {
    return this.#commands.run('release', keysOf(id), [owner, ...this.#released], isOne)
  }

  #granted(id: string, owner: string, token: bigint, asked: Instant): EngineGrant {
    const validity = new Validity(this.#lease)
    validity.begin(asked, this.#deadlines)
    const renew = async () => isOne(await this.#commands.send('renew', [id], [owner, this.#lifetime]))
    const renewal = new Renewal(validity, this.#lease, renew, this.#renewals)
    const release = () => {
      renewal.stop()
      validity.end()
      return this.#release(id, owner)
    }
    return { owner, token, validity, release }
  }

  /** Gives a grant back that too few replicas have. */
  async #replicated(grant: EngineGrant): Promise<EngineGrant> {
    try {
      const replicas = await this.#commands.replicas(this.#minReplicas, this.#replicaTimeout)
      if (replicas >= this.#minReplicas) return grant
      throw new LockEngineError(
        'ERR_ENGINE_TOO_FEW_REPLICAS',
        `${this.#label}: only ${replicas} of ${this.#minReplicas} replicas have the grant within ` +
          `${this.#replicaTimeout} ms, so it was given back. Look for replicas that are down or lag behind`
      )
    } catch (error) {
      void grant.release().catch(() => {})
      throw error
    }
  }

  /** Until the server notifies us, or it is time to ask again. */
  async #pause(waiter: PendingWaiter, left: number, wait: Wait): Promise<void> {
    const longest = this.#waiterTtl / 3
    const interval = this.#notifications.subscribed ? longest : pollInterval(POLL_MS, longest)
    if (!waiter.notified) {
      await wait.pause(Math.max(1, Math.min(left + 1, interval)), wake => {
        waiter.wake = wake
      })
    }
    waiter.notified = false
  }
}

const isOne = (answer: unknown): boolean => Number(answer) === 1

/** `WAIT` has no key: a cluster would send it to any node, which knows nothing of what another has written. */
function mustAnswerForReplicas(source: string, client: RedisClient): void {
  if (isCluster(client))
    throw new TypeError(
      `${source}: options.minReplicas must be 0 for a cluster: WAIT names no key, so a cluster asks any of its ` +
        'nodes. Guard the resource with the token of the lease'
    )
  check(canWaitForReplicas(client), source, 'client', 'one that can WAIT, because of options.minReplicas', client)
}

/** What would end the hash tag, stand for an escape, or not survive as UTF-8, as `%` and its code. */
const encode = (text: string): string =>
  text.replace(/[%{}\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)
