import { KeyedMutex } from '../core/keyed-mutex.js'
import type { Lock } from '../core/lock.js'
import type { DistributedOptions, Guarantees } from './contract.js'
import { EngineLock } from './engine-lock.js'
import type { EngineGrant } from './lease.js'
import { mustBe, sourceOf } from './options.js'
import type { Wait } from './wait.js'

const KIND = 'InProcessLock'

/** What an `InProcessLock` is made with. */
export interface InProcessLockOptions extends DistributedOptions {
  /**
   * Where keys are locked: give several locks one mutex, and they exclude each other. It stays the caller's, and may be
   * used beside them. Default: one of its own.
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

  /** The engine. */
  readonly #mutex: KeyedMutex<string>

  /**
   * @throws TypeError or RangeError for a wrong option.
   */
  constructor(options?: InProcessLockOptions) {
    super(KIND, options)
    const { mutex = new KeyedMutex<string>() } = options ?? {}
    // By shape, not by class: another copy of the package is as good.
    const isMutex = (value: unknown) => typeof (value as KeyedMutex | null)?.tryAcquire === 'function'
    mustBe(sourceOf(KIND, options), 'options.mutex', 'a KeyedMutex', mutex, isMutex)
    this.#mutex = mutex
  }

  protected keyId(key: string): string {
    return key
  }

  protected async acquireKey(key: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    const lock = this.#mutex.tryAcquire(key)
    if (lock !== undefined || wait === undefined) return lock && grant(lock)
    const left = new AbortController()
    const stop = wait.onEnd(reason => left.abort(reason))
    try {
      return grant(await this.#mutex.acquire(key, { signal: left.signal }))
    } finally {
      stop()
    }
  }

  protected disconnect(): Promise<void> {
    return Promise.resolve()
  }
}

const grant = (lock: Lock): EngineGrant => ({
  owner: 'this process',
  release() {
    lock.release()
    return Promise.resolve(true)
  }
})
