// Keyed locks between the tabs, windows and workers of one origin, on the Web Locks of the browser.

import { $label } from '../../core/members.js'
import { type DistributedOptions, type Guarantees, LockEngineError } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import { Losable } from '../losable.js'
import { mustBe } from '../options.js'
import type { Wait } from '../wait.js'

/** What a `WebLock` needs of `navigator.locks`. */
export interface WebLockManager {
  /** Asks for a lock, and holds it until what the callback returns has settled. */
  request(
    name: string,
    options: { signal?: AbortSignal; ifAvailable?: boolean },
    callback: (lock: unknown) => Promise<void> | undefined
  ): Promise<unknown>
}

/** What a `WebLock` is made with. */
export interface WebLockOptions extends DistributedOptions {
  /** Keeps the keys of one program apart from those of another of the same origin. Default `'latchkey'`. */
  namespace?: string | undefined
  /** Where the locks are. Default: `navigator.locks`. */
  locks?: WebLockManager | undefined
}

/**
 * A `KeyedLock` for the tabs, windows and workers of one origin, in one profile and one storage partition of a browser.
 *
 * The browser frees a key when the tab that holds it is closed, crashes or goes elsewhere. A tab that is merely slow, or
 * in the background, keeps it. A lease is lost if other code takes the lock with `steal`.
 *
 * @example
 * ```ts no-run
 * import { WebLock } from 'latchkey/web'
 *
 * const locks = new WebLock()
 * await locks.runExclusive('token', async () => {
 *   await fetch('/refresh', { method: 'POST' }) // one tab at a time
 * })
 * ```
 */
export class WebLock extends EngineLock<string> {
  readonly guarantees: Guarantees = { fifo: true, fencing: false, survives: ['crash', 'pause'] }
  readonly #locks: WebLockManager
  readonly #prefix: string

  /**
   * @throws TypeError or RangeError for a wrong option; `LockEngineError` with `ERR_ENGINE_UNSUPPORTED` where there are
   * no Web Locks, or none that exclude.
   */
  constructor(options?: WebLockOptions) {
    super('WebLock', options)
    const { namespace = 'latchkey', locks } = options ?? {}
    mustBe(this, 'options.namespace', 'a string', namespace, value => typeof value === 'string')
    const isManager = (value: unknown) => typeof (value as WebLockManager | null)?.request === 'function'
    mustBe(this, 'options.locks', 'a LockManager', locks, isManager)
    this.#locks = locks ?? managerOf(this[$label])
    // Nothing in a namespace can stand for the colon behind it. The platform keeps names with a leading "-" to itself.
    this.#prefix = `${encode(namespace).replaceAll(':', '%3a')}:`
    if (this.#prefix.startsWith('-')) this.#prefix = `%2d${this.#prefix.slice(1)}`
  }

  protected keyId(key: string): string {
    return this.#prefix + encode(key)
  }

  protected async acquireKey(name: string, wait: Wait | undefined): Promise<EngineGrant | undefined> {
    const abort = new AbortController()
    const stop = wait?.onEnd(() => abort.abort())
    try {
      return await this.#request(name, wait === undefined ? { ifAvailable: true } : { signal: abort.signal })
    } catch (error) {
      if (wait?.ended) return undefined
      throw new LockEngineError('ERR_ENGINE_FAILED', `${this[$label]}: ${adviceOn(error)}`, { cause: error })
    } finally {
      stop?.()
    }
  }

  protected async disconnect(): Promise<void> {}

  /** Resolves when the lock is granted, or is not available. */
  #request(name: string, options: { signal?: AbortSignal; ifAvailable?: boolean }): Promise<EngineGrant | undefined> {
    return new Promise((resolve, reject) => {
      const validity = new Losable()
      let free = (): void => {}
      const held = new Promise<void>(settle => {
        free = settle
      })
      const request = this.#locks.request(name, options, lock => {
        if (lock === null) {
          resolve(undefined)
          return undefined
        }
        const release = async () => {
          validity.end()
          free()
          // Only then has the browser given it back.
          return ended.then(
            () => true,
            () => false
          )
        }
        resolve({ owner: 'this context', validity, release })
        return held
      })
      const ended = Promise.resolve(request)
      // Before the grant it rejects the caller; after it, the browser has given the lock to code that stole it.
      ended.catch((cause: unknown) => {
        validity.invalidate({ why: 'other code has taken it by force (steal)', cause })
        reject(cause)
      })
    })
  }
}

/** The platform refuses surrogates that stand alone, or makes them all one. */
const encode = (text: string): string =>
  text.replace(/[%\p{Surrogate}]/gu, character => `%${character.charCodeAt(0).toString(16)}`)

const adviceOn = (error: unknown): string =>
  (error as { name?: string } | null)?.name === 'SecurityError'
    ? 'this document may not use Web Locks (an opaque origin: a sandboxed frame, a data: address)'
    : `the browser refuses: ${(error as Error | null)?.message}`

/** The manager of this platform, if it has one that excludes. */
function managerOf(label: string): WebLockManager {
  const { navigator } = globalThis as { navigator?: { locks?: WebLockManager; userAgent?: string } }
  const isNode = navigator?.userAgent?.startsWith('Node.js/')
  if (navigator?.locks !== undefined && !isNode) return navigator.locks
  const why = isNode
    ? 'the Web Locks of Node, where it has them, reach no other process, and are reported to let two threads hold one lock. Take latchkey/local, or give another LockManager as `locks`'
    : 'there are no Web Locks here. In a browser they need a secure context (https, or localhost)'
  throw new LockEngineError('ERR_ENGINE_UNSUPPORTED', `${label}: ${why}`)
}
