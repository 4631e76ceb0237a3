// Keyed locks in Redis: a lease that is renewed, a queue at the server, and a token that a resource can check.
//
//   ask ──token──▶ held, renewed at a third of the lease ──▶ released: the next in the queue is notified
//    │ taken
//    └── in the queue ──▶ notified, or after a while ──▶ ask again
//
// A notification is a hint, since a message may be lost. What counts is asking: it takes the key if it is free and ours to
// take, says that we still wait, and is safe to repeat.

import { check } from '../../core/arguments.js'
import {
  type EngineOptions,
  type Guarantees,
  type KeyHolder,
  LockEngineError,
  type LockMode,
  type Offers
} from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import { Renewal } from '../keep-alive.js'
import type { EngineGrant } from '../lease.js'
import { engineOptions, isWholeFrom, mustBe, mustBeMs, sourceOf } from '../options.js'
import { pollInterval, startPolling } from '../polling.js'
import { SharedTimer } from '../timers.js'
import { type Instant, instant, spanOf, Validity } from '../validity.js'
import type { Wait } from '../wait.js'
import {
  isClient,
  isCluster,
  isSubscriber,
  mustAnswerForReplicas,
  type RedisClient,
  type RedisSubscriber
} from './client.js'
import { RedisCommands } from './commands.js'
import { isCrossSlot, isFinal, noAnswer, otherCapacity } from './errors.js'
import { groupKeysOf } from './group-scripts.js'
import { encodeNamespace, lockNameOf, objectNameOf, shownOwner } from './names.js'
import { Notifications, type PendingWaiter } from './notifications.js'
import { type Answer, ExclusiveRequests, GroupRequests, type Requests } from './requests.js'
import { WAITER_TTL_MS } from './script-parts.js'

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
  /**
   * What decides where a key is in a Redis Cluster. `'key'` spreads the keys of a namespace over the nodes, and several keys
   * are taken one after the other. `'namespace'` has all of them on one node, so that several are taken in one step. The same
   * for all processes, since keys of the one are not those of the other. Default `'key'`.
   */
  hashTag?: 'key' | 'namespace' | undefined
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
  readonly guarantees: Guarantees
  /** What this lock can do. In a cluster, several keys are one step only with `hashTag: 'namespace'`. */
  declare readonly offers: Offers
  readonly #label: string
  readonly #commands: RedisCommands
  readonly #notifications: Notifications
  readonly #namespace: string
  readonly #hashTag: 'key' | 'namespace'
  readonly #lease: number
  readonly #waiterTtl: number
  readonly #minReplicas: number
  readonly #replicaTimeout: number
  readonly #commandTimeout: number
  readonly #capacity: number
  readonly #requests: Record<LockMode, Requests>
  /** This object, among all that use the server. */
  readonly #self: string
  /** What the user calls it. */
  readonly #owner: string | undefined
  #count = 0
  /** Holders that ask or hold. What the server grants to any other, too late, is given back. */
  readonly #inUse = new Set<string>()
  /** Whether several keys can be asked for in one step. */
  #isOneStep: boolean
  /** For the leases that are released early, as most are. */
  readonly #deadlines: SharedTimer
  readonly #renewals: SharedTimer

  /**
   * @param client stays the caller's: `close()` does not end it
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(client: RedisClient, options?: RedisLockOptions) {
    super(KIND, options, { modes: ['exclusive', 'shared'], capacity: true })
    const source = sourceOf(KIND, options)
    check(isClient(client), source, 'client', 'a client of ioredis or node-redis', client)
    const { namespace, lease } = engineOptions(source, options)
    const { subscriber, minReplicas = 0, replicaTimeout = 100, tokenMemory = 60_000 } = options ?? {}
    const { commandTimeout = Math.ceil(lease / 3), capacity = 1, owner, hashTag = 'key' } = options ?? {}
    mustBe(source, 'options.subscriber', 'a second client of ioredis or node-redis', subscriber, isSubscriber)
    if ((subscriber as unknown) === client)
      throw new TypeError(`${source}: options.subscriber must be another client than the one that locks`)
    mustBe(source, 'options.minReplicas', 'a whole number >= 0', minReplicas, isWholeFrom(0))
    for (const [name, value] of Object.entries({ replicaTimeout, commandTimeout, tokenMemory }))
      mustBeMs(source, `options.${name}`, value, 1)
    if (minReplicas > 0) mustAnswerForReplicas(source, client)
    mustBe(
      source,
      'options.hashTag',
      "'key' or 'namespace'",
      hashTag,
      value => value === 'key' || value === 'namespace'
    )
    this.guarantees = { fifo: true, fencing: capacity === 1, survives: ['crash'] }
    this.#label = source
    this.#commands = new RedisCommands(source, client, commandTimeout)
    this.#namespace = encodeNamespace(namespace)
    this.#hashTag = hashTag
    this.#isOneStep = hashTag === 'namespace' || !isCluster(client)
    if (!this.#isOneStep) this.offers = { ...this.offers, many: 'in order' }
    this.#lease = lease
    this.#deadlines = new SharedTimer(spanOf(lease))
    this.#renewals = new SharedTimer(lease / 3)
    this.#waiterTtl = Math.min(lease, WAITER_TTL_MS)
    this.#minReplicas = minReplicas
    this.#replicaTimeout = replicaTimeout
    this.#commandTimeout = commandTimeout
    this.#capacity = capacity
    const durations = { lease, memory: tokenMemory }
    const group = new GroupRequests(this.#commands, durations, capacity === 1 ? 0 : capacity)
    this.#requests = {
      exclusive: capacity === 1 ? new ExclusiveRequests(this.#commands, durations) : group,
      shared: group
    }
    this.#owner = owner
    this.#self = objectNameOf(owner, options?.name)
    this.#notifications = new Notifications(source, subscriber, `latchkey:${this.#namespace}:${this.#self}`)
  }

  /** In braces, which make all keys of a lock share a slot; braces in the user's own key cannot close them. */
  protected keyId(key: string): string {
    return lockNameOf(this.#namespace, key, this.#hashTag)
  }

  protected async acquireKey(id: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    const requests = this.#requests[mode]
    const holder = this.#newHolder()
    try {
      if (wait === undefined) {
        const taken = await this.#askWithoutWaiting(requests, id, holder)
        if (taken === undefined) this.#inUse.delete(holder)
        return taken
      }
      const grant = await this.#wait(requests, id, holder, wait)
      // Out of the queue again, if we ever stood in it.
      if (grant === undefined) await this.#undo(requests, id, holder)
      return grant
    } catch (error) {
      // What the server did of it is not known. It is asked to undo it, if it can be asked; if not, the lease ends.
      void this.#undo(requests, id, holder)
      throw error
    }
  }

  protected override async acquireKeys(
    ids: readonly string[],
    mode: LockMode
  ): Promise<readonly EngineGrant[] | undefined> {
    if (!this.#isOneStep) return undefined
    const requests = this.#requests[mode]
    const holders = ids.map(() => this.#newHolder())
    const asked = instant()
    try {
      const late = () => {
        for (const [i, id] of ids.entries()) this.#undoLate(requests, id, holders[i] as string)
      }
      const tokens = await requests.tryMany(ids, holders, late)
      if (tokens === undefined) for (const holder of holders) this.#inUse.delete(holder)
      const grants = tokens?.map((token, i) =>
        this.#granted(requests, ids[i] as string, holders[i] as string, token, asked)
      )
      if (grants !== undefined && this.#minReplicas > 0) await this.#replicated(grants)
      return grants
    } catch (error) {
      if (isCrossSlot(error)) {
        // A node of a cluster, whose client does not show that it is one.
        this.#isOneStep = false
        for (const holder of holders) this.#inUse.delete(holder)
        return undefined
      }
      // As for one key: what the server did of it is not known, and is undone.
      for (const [i, id] of ids.entries()) void this.#undo(requests, id, holders[i] as string)
      if (isFinal(error)) throw error
      // One after the other they are asked for again and again, if the caller waits.
      return undefined
    }
  }

  protected override async inspectKey(id: string): Promise<readonly KeyHolder[]> {
    const fields = await this.#commands.run('inspect', [id, ...groupKeysOf(id)], [], answer =>
      (answer as []).map(String)
    )
    const seen: { mode: string; holder: string; token: bigint }[] = []
    for (let i = 0; i < fields.length; i += 3) {
      const [mode, holder, token] = fields.slice(i, i + 3) as [string, string, string]
      seen.push({ mode, holder, token: BigInt(token) })
    }
    seen.sort((a, b) => (a.token < b.token ? -1 : 1))
    return seen.map(({ mode, holder, token }) => {
      const shown = { owner: shownOwner(holder), since: new Date(Number(token) / 1000) }
      // Of those that have a permit each none is later than the others, so they have no token.
      if (mode === 'permit') return { ...shown, mode: 'exclusive' }
      return { ...shown, mode: mode as LockMode, token }
    })
  }

  protected disconnect(): Promise<void> {
    return this.#notifications.close(this.#commandTimeout)
  }

  /** Each grant is another holder to the server, and each waiter may become one. */
  #newHolder(): string {
    const holder = `${this.#self}:${this.#count++}`
    this.#inUse.add(holder)
    return holder
  }

  async #undo(requests: Requests, id: string, holder: string): Promise<void> {
    this.#inUse.delete(holder)
    await requests.release(id, holder).catch(() => {})
  }

  /**
   * The server has answered when no caller believed in it any more. It may have run what undoes a question before the question:
   * a restarted server knows some scripts sooner than others. So it is undone again.
   */
  #undoLate(requests: Requests, id: string, holder: string): void {
    if (!this.#inUse.has(holder)) void this.#undo(requests, id, holder)
  }

  #try(requests: Requests, id: string, holder: string): Promise<EngineGrant | number> {
    return requests.try(id, holder, this.#reader(requests, id, holder), () => this.#undoLate(requests, id, holder))
  }

  /** `ttl`: for how long I am believed to wait, in ms. */
  #ask(requests: Requests, id: string, holder: string, ttl: number): Promise<EngineGrant | number> {
    return requests.ask(id, holder, ttl, this.#reader(requests, id, holder), () => this.#undoLate(requests, id, holder))
  }

  /** Reads the answer to a question of this moment: a grant, or for how long (ms) nothing is going to happen by itself. */
  #reader(requests: Requests, id: string, holder: string) {
    const asked = instant()
    return (answer: Answer): EngineGrant | Promise<EngineGrant> | number => {
      if ('left' in answer) return answer.left
      if ('limit' in answer) throw otherCapacity(this.#label, id, this.#capacity, answer.limit)
      const grant = this.#granted(requests, id, holder, answer.token, asked)
      return this.#minReplicas > 0 ? this.#replicated([grant]).then(() => grant) : grant
    }
  }

  async #askWithoutWaiting(requests: Requests, id: string, holder: string): Promise<EngineGrant | undefined> {
    let answer = await this.#try(requests, id, holder)
    if (answer === 0) answer = await this.#ask(requests, id, holder, 0)
    return typeof answer === 'number' ? undefined : answer
  }

  /** Asks until the key is granted. */
  async #wait(requests: Requests, id: string, holder: string, wait: Wait): Promise<EngineGrant | undefined> {
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
          const answer = await (waiter === undefined
            ? this.#try(requests, id, holder)
            : this.#ask(requests, id, holder, this.#waiterTtl))
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
          waiter = this.#notifications.register(holder)
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
      if (waiter !== undefined) this.#notifications.unregister(holder)
    }
  }

  #granted(requests: Requests, id: string, holder: string, token: bigint, asked: Instant): EngineGrant {
    const validity = new Validity(this.#lease)
    validity.begin(asked, this.#deadlines)
    const renewal = new Renewal(validity, this.#lease, () => requests.renew(id, holder), this.#renewals)
    const release = () => {
      this.#inUse.delete(holder)
      renewal.stop()
      validity.end()
      return requests.release(id, holder)
    }
    const owner = this.#owner ?? holder
    // Where several have a permit each, none of them is the later one.
    return this.#capacity === 1 ? { owner, token, validity, release } : { owner, validity, release }
  }

  /** Gives grants back that too few replicas have. */
  async #replicated(grants: readonly EngineGrant[]): Promise<void> {
    try {
      const replicas = await this.#commands.replicas(this.#minReplicas, this.#replicaTimeout)
      if (replicas >= this.#minReplicas) return
      throw new LockEngineError(
        'ERR_ENGINE_TOO_FEW_REPLICAS',
        `${this.#label}: only ${replicas} of ${this.#minReplicas} replicas have the grant within ` +
          `${this.#replicaTimeout} ms, so it was given back. Look for replicas that are down or lag behind`
      )
    } catch (error) {
      for (const grant of grants) void grant.release().catch(() => {})
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
