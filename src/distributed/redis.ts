// Keyed locks in Redis: a lease that is renewed, a queue at the server, and a token for whoever checks at the resource.
//
//   ask ──token──▶ held, renewed at a third of the lease ──▶ released: the next in the queue is told
//    │ taken
//    └── in the queue ──▶ told, or after a while ──▶ ask again
//
// Being told is a hint, since a message may be lost. What counts is asking: it takes the key if it is free and ours to
// take, says that we are still there, and is safe to repeat.

import { must } from '../core/errors.js'
import { type EngineOptions, type Guarantees, LockEngineError } from './contract.js'
import type { Grant } from './lease.js'
import { LocalFirstLock } from './local-first.js'
import { engineOptions, isWholeFrom, mustBe } from './options.js'
import type { Patience } from './patience.js'
import { isFinal, type RedisClient, RedisScripts, type RedisSubscriber, subscribe } from './redis-client.js'
import { keysOf } from './redis-scripts.js'
import { instant, Trust, unref } from './trust.js'

export type {
  IoredisClient,
  IoredisSubscriber,
  NodeRedisClient,
  NodeRedisSubscriber,
  RedisClient,
  RedisSubscriber
} from './redis-client.js'

/** What a `RedisLock` is made with. */
export interface RedisLockOptions extends EngineOptions {
  /**
   * A second connection, which the server tells whose turn it is: `client.duplicate()`, with node-redis connected.
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

/** One who asks. It may be told before it has begun to listen, between its question and the answer. */
interface Turn {
  told: boolean
  wake: () => void
}

/** How long a waiter is believed to be there without asking again, in ms. */
const BELIEF = 3000
/** How often a waiter asks that nobody can tell, in ms. */
const UNTOLD = 25

/**
 * A `KeyedLock` in Redis, over a client of ioredis or node-redis that stays yours.
 *
 * A lease is renewed while this process runs. One that stops for longer than `lease` has lost it, and the server grants
 * the key to the next: guard what must not be written twice with the token (docs/distributed/fencing.md).
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
export class RedisLock extends LocalFirstLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: true, survives: ['crash'] }
  readonly #scripts: RedisScripts
  readonly #subscriber: RedisSubscriber | undefined
  readonly #namespace: string
  /** What the channel of every process begins with. */
  readonly #channels: string
  readonly #lease: number
  readonly #belief: number
  readonly #minReplicas: number
  readonly #replicaTimeout: number
  readonly #tokenMemory: number
  /** This object, among all that use the server. */
  readonly #self: string
  #count = 0
  /** By owner: those who ask, and may be told that it is their turn. */
  readonly #turns = new Map<string, Turn>()
  #subscription: Promise<() => Promise<unknown>> | undefined
  /** Whether the subscription stands. */
  #isTold = false

  /**
   * @param client stays the caller's: `close()` does not end it
   * @throws TypeError or RangeError for a wrong argument.
   */
  constructor(client: RedisClient, options?: RedisLockOptions) {
    super('RedisLock', options)
    const isClient = typeof client === 'object' && client !== null && typeof client.eval === 'function'
    must(isClient, this, 'client', 'a client of ioredis or node-redis', client)
    const { namespace, lease } = engineOptions(this, options)
    const { subscriber, minReplicas = 0, replicaTimeout = 100, tokenMemory = 60_000 } = options ?? {}
    const { commandTimeout = Math.ceil(lease / 3) } = options ?? {}
    mustBe(this, 'options.subscriber', 'a second client of ioredis or node-redis', subscriber, isSubscriber)
    mustBe(this, 'options.minReplicas', 'a whole number >= 0', minReplicas, isWholeFrom(0))
    for (const [name, value] of Object.entries({ replicaTimeout, commandTimeout, tokenMemory }))
      mustBe(this, `options.${name}`, 'a whole number of ms >= 1', value, isWholeFrom(1))
    this.#scripts = new RedisScripts(this.label, client, commandTimeout)
    this.#subscriber = subscriber
    this.#namespace = encode(namespace)
    this.#channels = `latchkey:${this.#namespace}:`
    this.#lease = lease
    this.#belief = Math.min(lease, BELIEF)
    this.#minReplicas = minReplicas
    this.#replicaTimeout = replicaTimeout
    this.#tokenMemory = tokenMemory
    this.#self = `${encode(options?.name ?? 'lock')}-${globalThis.crypto.randomUUID()}`
  }

  /** In braces, which make all keys of a lock share a slot; braces in the user's own key cannot close them. */
  protected identify(key: string): string {
    return `latchkey:{${this.#namespace}:${encode(key)}}`
  }

  protected async take(id: string, patience: Patience | undefined): Promise<Grant | undefined> {
    const owner = `${this.#self}:${this.#count++}`
    try {
      const grant = await this.#ask(id, owner, patience)
      // Out of the queue again, if we ever stood in it.
      if (grant === undefined && patience !== undefined) await this.#release(keysOf(id), owner).catch(() => {})
      return grant
    } catch (error) {
      // What the server did of it is not known. It is asked to undo it, if it can be asked; if not, the lease ends.
      void this.#release(keysOf(id), owner).catch(() => {})
      throw error
    }
  }

  protected async disconnect(): Promise<void> {
    const unsubscribe = await this.#subscription?.catch(() => undefined)
    await unsubscribe?.().catch(() => {})
  }

  async #ask(id: string, owner: string, patience: Patience | undefined): Promise<Grant | undefined> {
    const keys = keysOf(id)
    const belief = patience === undefined ? 0 : this.#belief
    const settings = [owner, this.#channels, String(this.#lease), String(this.#tokenMemory), String(belief)]
    const turn: Turn = { told: false, wake: () => {} }
    this.#turns.set(owner, turn)
    try {
      let answered = performance.now()
      for (;;) {
        const asked = instant()
        let left = UNTOLD
        try {
          const answer = String(await this.#scripts.run('acquire', keys, settings))
          // Some clients can be told to return numbers as strings, so a token says that it is one.
          if (answer.startsWith('t')) return await this.#granted(keys, owner, BigInt(answer.slice(1)), asked)
          answered = performance.now()
          left = Number(answer)
        } catch (error) {
          // Who has a place in the queue does not lose it to one lost command.
          const inVain = performance.now() - answered > this.#lease
          if (patience === undefined || isFinal(error) || inVain) throw error
        }
        if (patience === undefined || patience.ended) return undefined
        this.#listen()
        await this.#waitForTurn(turn, left, patience)
        if (patience.ended) return undefined
      }
    } finally {
      this.#turns.delete(owner)
    }
  }

  async #release(keys: string[], owner: string): Promise<boolean> {
    return Number(await this.#scripts.run('release', keys, [owner, this.#channels])) === 1
  }

  async #granted(keys: string[], owner: string, token: bigint, asked: ReturnType<typeof instant>): Promise<Grant> {
    if (this.#minReplicas > 0) {
      const replicas = await this.#scripts.replicas(this.#minReplicas, this.#replicaTimeout)
      if (replicas < this.#minReplicas)
        throw new LockEngineError(
          'ERR_ENGINE_TOO_FEW_REPLICAS',
          `${this.label}: only ${replicas} of ${this.#minReplicas} replicas have the grant within ` +
            `${this.#replicaTimeout} ms, so it was given back. Look for replicas that are down or lag behind`
        )
    }
    const trust = new Trust(this.#lease)
    trust.renew(asked)
    const stop = this.#keep(keys, owner, trust)
    const release = async () => {
      stop()
      trust.end()
      return this.#release(keys, owner)
    }
    return { owner, token, trust, release }
  }

  /** Renews the lease for as long as it is trusted. Returns how to stop. */
  #keep(keys: string[], owner: string, trust: Trust): () => void {
    let pending = false
    const renew = async () => {
      if (pending) return
      pending = true
      const asked = instant()
      try {
        const ours = await this.#scripts.run('renew', keys, [owner, this.#channels, String(this.#lease)])
        if (Number(ours) === 1) trust.renew(asked)
        else trust.lose({ why: 'the server has given the key up, or to another' })
      } catch {
        // It is asked again, until the deadline that trust has of itself.
      }
      pending = false
    }
    const timer = unref(setInterval(() => void renew(), this.#lease / 3))
    const stop = () => clearInterval(timer)
    trust.onLoss(stop)
    return stop
  }

  /**
   * One subscription for all that wait here, from the first that has to. Nobody waits for it: until it stands they ask
   * often, and then once more, for what was said before. If it fails the next waiter tries again.
   */
  #listen(): void {
    if (this.#subscriber === undefined || this.#subscription !== undefined) return
    const tell = (turn: Turn) => {
      turn.told = true
      turn.wake()
    }
    const hear = (owner: string) => {
      const turn = this.#turns.get(owner)
      if (turn !== undefined) tell(turn)
    }
    this.#subscription = subscribe(this.#subscriber, this.#channels + this.#self, hear)
    this.#subscription.then(
      () => {
        this.#isTold = true
        for (const turn of this.#turns.values()) tell(turn)
      },
      () => {
        this.#subscription = undefined
      }
    )
  }

  async #waitForTurn(turn: Turn, left: number, patience: Patience): Promise<void> {
    const longest = this.#isTold ? this.#belief / 3 : UNTOLD * (0.75 + Math.random() / 2)
    if (!turn.told) {
      await patience.pause(Math.max(1, Math.min(left + 1, longest)), wake => {
        turn.wake = wake
      })
    }
    turn.told = false
  }
}

/** What would end the hash tag, stand for an escape, or not survive as UTF-8, as `%` and its code. */
const encode = (text: string): string =>
  text.replace(/[%{}\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)

const isSubscriber = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && typeof (value as RedisSubscriber).subscribe === 'function'
