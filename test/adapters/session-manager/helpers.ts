// Stores and locks whose every step the test decides.

import { KeyedMutex, LeaseLostError, type Lock } from 'latchkey'
import {
  MemorySessionStore,
  type Session,
  type SessionLease,
  type SessionLock,
  type SessionOptions,
  type SessionStore
} from 'latchkey/adapters/session-manager'

/** Lets everything run that can run without a timer. */
export const flush = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

export type Method = keyof SessionStore<unknown>

/** A store whose calls all go through `through`: it decides when and whether each takes effect. */
export class ControlledStore<Data> implements SessionStore<Data> {
  readonly inside = new MemorySessionStore<Data>()
  /** Every call made, as `method id`. */
  readonly calls: string[] = []
  readonly #through: <R>(effect: () => R, call: string) => R | PromiseLike<R>
  readonly #busy = new Set<string>()

  constructor(through: <R>(effect: () => R, call: string) => R | PromiseLike<R>) {
    this.#through = through
  }

  get(id: string) {
    return this.#alone(id, 'get', () => this.inside.get(id))
  }

  set(session: Session<Data>, _lease: SessionLease) {
    return this.#alone(session.id, 'set', () => this.inside.set(session))
  }

  delete(id: string, _lease: SessionLease) {
    return this.#alone(id, 'delete', () => this.inside.delete(id))
  }

  expired(now: number) {
    return this.#call('expired', () => [...this.inside.expired(now)])
  }

  count(now: number) {
    return this.#call('count', () => this.inside.count(now))
  }

  #call<R>(call: string, effect: () => R): R | PromiseLike<R> {
    this.calls.push(call)
    return this.#through(effect, call)
  }

  /** What the contract of `SessionStore` says: never two calls for one id at a time. */
  async #alone<R>(id: string, method: Method, effect: () => R): Promise<R> {
    if (this.#busy.has(id)) throw new Error(`two calls at once for ${id}`)
    this.#busy.add(id)
    try {
      return await this.#call(`${method} ${id}`, effect)
    } finally {
      this.#busy.delete(id)
    }
  }
}

export interface PendingCall {
  readonly call: string
  /** Lets the call take effect and answer. */
  go(): Promise<void>
  /** Lets it fail without an effect. */
  fail(error: unknown): Promise<void>
}

/**
 * A store whose calls stay pending until the test lets them go, in any order. With effect and answer apart, each is let
 * go twice: to take effect, and to tell its caller, who may learn then what is no longer true.
 */
export function steppedStore<Data>(steps?: 'effect and answer apart'): {
  store: ControlledStore<Data>
  pending: PendingCall[]
} {
  const pending: PendingCall[] = []
  const wait = (call: string, go: () => void, fail: (error: unknown) => void) => {
    const settle = (how: () => void) => {
      pending.splice(pending.indexOf(entry), 1)
      how()
      return flush()
    }
    const entry: PendingCall = { call, go: () => settle(go), fail: error => settle(() => fail(error)) }
    pending.push(entry)
  }
  const store = new ControlledStore<Data>(
    (effect, call) =>
      new Promise((resolve, reject) => {
        const go = () => {
          const result = effect()
          if (steps) wait(`answer to ${call}`, () => resolve(result), reject)
          else resolve(result)
        }
        wait(call, go, reject)
      })
  )
  return { store, pending }
}

/** A lock that notes what it was asked. */
export class RecordingLock implements SessionLock {
  readonly inside = new KeyedMutex<string>()
  readonly asked: { key: string; options: SessionOptions | undefined }[] = []

  runExclusive<R>(key: string, task: (lease: Lock) => R | PromiseLike<R>, options?: SessionOptions): Promise<R> {
    this.asked.push({ key, options })
    return this.inside.runExclusive(key, task, options)
  }

  tryAcquire(key: string): Lock | undefined {
    return this.inside.tryAcquire(key)
  }
}

/** A lease as locks across processes give it. */
export interface Lease extends AsyncDisposable {
  readonly key: string
  readonly owner: string
  readonly held: boolean
  readonly signal: AbortSignal
  readonly token?: bigint
  release(): Promise<void>
}

/** What locks across processes look like. */
export interface KeyedLock {
  acquire(key: string, options?: { signal?: AbortSignal; timeout?: number }): Promise<Lease>
  tryAcquire(key: string): Promise<Lease | undefined>
  runExclusive<T>(
    key: string,
    task: (lease: Lease) => T | PromiseLike<T>,
    options?: { signal?: AbortSignal; timeout?: number }
  ): Promise<T>
}

/** An engine that two processes could share: it answers later, releases later, counts tokens and can lose a lease. */
export class RemoteLock implements KeyedLock {
  readonly #engine = new KeyedMutex<string>()
  readonly #leases = new Map<string, { lose: () => void }>()
  #tokens = 0n

  get size(): number {
    return this.#engine.size
  }

  async acquire(key: string, options?: { signal?: AbortSignal; timeout?: number }): Promise<Lease> {
    await flush()
    return this.#lease(key, await this.#engine.acquire(key, options))
  }

  async tryAcquire(key: string): Promise<Lease | undefined> {
    await flush()
    const lock = this.#engine.tryAcquire(key)
    return lock && this.#lease(key, lock)
  }

  async runExclusive<T>(
    key: string,
    task: (lease: Lease) => T | PromiseLike<T>,
    options?: { signal?: AbortSignal; timeout?: number }
  ): Promise<T> {
    await using lease = await this.acquire(key, options)
    const result = await task(lease)
    if (!lease.held) throw lease.signal.reason
    return result
  }

  /** What a pause longer than the lease does: the engine gives the key to the next. */
  lose(key: string): void {
    this.#leases.get(key)?.lose()
  }

  #lease(key: string, lock: Lock): Lease {
    const loss = new AbortController()
    const release = async () => {
      await flush()
      lock.release()
    }
    const lease = {
      key,
      owner: 'test',
      get held() {
        return lock.held && !loss.signal.aborted
      },
      signal: loss.signal,
      token: ++this.#tokens,
      release,
      [Symbol.asyncDispose]: release
    }
    const lose = () => {
      loss.abort(new LeaseLostError(`lost ${key}`))
      lock.release()
    }
    this.#leases.set(key, { lose })
    return lease
  }
}
