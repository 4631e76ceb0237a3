// Keyed locks between the tabs, windows and workers of one origin, on the Web Locks of the browser.

import { $label } from '../../core/members.js'
import {
  type DistributedOptions,
  type Guarantees,
  type KeyHolder,
  LockEngineError,
  type LockMode
} from '../contract.js'
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
    options: WebLockRequest,
    callback: (lock: unknown) => Promise<void> | undefined
  ): Promise<unknown>
  /** What is held, in all contexts. Without it no holder is shown. */
  query?(): Promise<{ held?: { name?: string; mode?: LockMode }[] }>
}

/** How a `WebLock` asks for a lock. */
export interface WebLockRequest {
  mode?: LockMode
  signal?: AbortSignal
  ifAvailable?: boolean
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
  readonly #owner: string | undefined

  /**
   * @throws TypeError or RangeError for a wrong option; `LockEngineError` with `ERR_ENGINE_UNSUPPORTED` where there are
   * no Web Locks, or none that exclude.
   */
  constructor(options?: WebLockOptions) {
    super('WebLock', options, {
      modes: ['exclusive', 'shared'],
      capacity: false,
      // The platform tells names and modes; who holds is told by a lock of its own beside that of the key.
      inspect: options?.owner !== undefined
    })
    const { namespace = 'latchkey', locks, owner } = options ?? {}
    this.#owner = owner
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

  protected async acquireKey(name: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    const abort = new AbortController()
    const stop = wait?.onEnd(() => abort.abort())
    try {
      const how = wait === undefined ? { ifAvailable: true } : { signal: abort.signal }
      const grant = await this.#request(name, { mode, ...how })
      return grant && this.#owner !== undefined ? await this.#named(grant, name, this.#owner) : grant
    } catch (error) {
      if (wait?.ended) return undefined
      throw new LockEngineError('ERR_ENGINE_FAILED', `${this[$label]}: ${adviceOn(error)}`, { cause: error })
    } finally {
      stop?.()
    }
  }

  protected override async inspectKey(name: string): Promise<readonly KeyHolder[]> {
    const { held = [] } = (await this.#locks.query?.()) ?? {}
    const mode = held.find(lock => lock.name === name)?.mode
    if (mode === undefined) return []
    const beginning = `${OWNER}${name}${OWNER}`
    const holders = held.flatMap((lock): KeyHolder[] => {
      if (lock.name?.startsWith(beginning) !== true) return []
      const [since, , owner = ''] = lock.name.slice(beginning.length).split(' ')
      return [{ owner: decode(owner), since: new Date(Number(since)), mode }]
    })
    // It is held by a lock without `owner`, or by other code: that it is held is all that can be told.
    if (holders.length === 0) return [{ owner: 'another context', since: new Date(), mode }]
    return holders.sort((a, b) => +a.since - +b.since)
  }

  protected async disconnect(): Promise<void> {}

  /** A grant with a second lock beside it, whose name tells who holds. */
  async #named(grant: EngineGrant, name: string, owner: string): Promise<EngineGrant> {
    const id = Math.random().toString(36).slice(2)
    try {
      const label = await this.#request(`${OWNER}${name}${OWNER}${Date.now()} ${id} ${encode(owner)}`, {})
      return {
        ...grant,
        owner,
        async release() {
          const [ours] = await Promise.all([grant.release(), label?.release().catch(() => false)])
          return ours
        }
      }
    } catch (error) {
      await grant.release()
      throw error
    }
  }

  /** Resolves when the lock is granted, or is not available. */
  #request(name: string, options: WebLockRequest): Promise<EngineGrant | undefined> {
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

const decode = (text: string): string =>
  text.replace(/%(d[89a-f][0-9a-f]{2}|25)/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

/** Begins what names the holder of a lock: no name of a key has it, since `encode` leaves no `%` before an `@`. */
const OWNER = '%@'

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
