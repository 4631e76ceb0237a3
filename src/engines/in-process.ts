import { KeyedMutex } from '../core/keyed-mutex.js'
import type { DistributedOptions, Guarantees, KeyHolder, LockMode } from './contract.js'
import { EngineLock } from './engine-lock.js'
import type { EngineGrant } from './lease.js'
import { mustBe, sourceOf } from './options.js'
import { Room, type Visitor } from './room.js'
import type { Wait } from './wait.js'

const KIND = 'InProcessLock'

/** What an `InProcessLock` is made with. */
export interface InProcessLockOptions extends DistributedOptions {
  /**
   * Where keys are locked: give several locks one mutex, and they exclude each other. It stays the caller's, and may be
   * used beside them; what is held there directly is not shown by `inspect`. Default: one of its own.
   */
  mutex?: KeyedMutex<string> | undefined
}

/**
 * The `KeyedLock` of one process: a `KeyedMutex` that gives leases. They are never lost and their signals never abort, so
 * code that is written for many processes runs on it unchanged.
 *
 * @example
 * ```ts
 * import { InProcessLock, type KeyedLock } from 'latchkey/distributed'
 *
 * const lock: KeyedLock = new InProcessLock() // or new PostgresLock(…), or new RedisLock(…)
 * const paid = await lock.runExclusive('order 7', async lease => {
 *   await Promise.resolve()
 *   return lease.held
 * })
 * console.log(paid) // → true
 * ```
 */
export class InProcessLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: false, survives: ['pause'] }

  readonly #owner: string
  readonly #capacity: number
  /** The engine. */
  readonly #room: Room

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: InProcessLockOptions) {
    super(KIND, options, { modes: ['exclusive', 'shared'], capacity: true })
    const { mutex = new KeyedMutex<string>() } = options ?? {}
    // By shape, not by class: another copy of the package is as good.
    const isMutex = (value: unknown) => typeof (value as KeyedMutex | null)?.tryAcquire === 'function'
    mustBe(sourceOf(KIND, options), 'options.mutex', 'a KeyedMutex', mutex, isMutex)
    this.#owner = options?.owner ?? 'this process'
    this.#capacity = options?.capacity ?? 1
    this.#room = Room.of(mutex)
  }

  protected keyId(key: string): string {
    return key
  }

  protected async acquireKey(key: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    const visitor = this.#visitor(mode)
    const leave = this.#room.tryEnter(key, visitor)
    if (leave !== undefined || wait === undefined) return leave && this.#grant(leave)
    const left = new AbortController()
    const stop = wait.onEnd(reason => left.abort(reason))
    try {
      return this.#grant(await this.#room.enter(key, visitor, left.signal))
    } finally {
      stop()
    }
  }

  protected override async acquireKeys(
    keys: readonly string[],
    mode: LockMode
  ): Promise<readonly EngineGrant[] | undefined> {
    const leaves: (() => void)[] = []
    for (const key of keys) {
      const leave = this.#room.tryEnter(key, this.#visitor(mode))
      if (leave === undefined) {
        for (const leave of leaves) leave()
        return undefined
      }
      leaves.push(leave)
    }
    return leaves.map(leave => this.#grant(leave))
  }

  protected override async inspectKey(key: string): Promise<readonly KeyHolder[]> {
    return this.#room.holders(key)
  }

  protected disconnect(): Promise<void> {
    return Promise.resolve()
  }

  #visitor(mode: LockMode): Visitor {
    return { mode, capacity: this.#capacity, owner: this.#owner }
  }

  #grant(leave: () => void): EngineGrant {
    return {
      owner: this.#owner,
      release() {
        leave()
        return Promise.resolve(true)
      }
    }
  }
}
