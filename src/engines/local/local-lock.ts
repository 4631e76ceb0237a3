/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="node" />
// Keyed locks between the processes of one machine, without a server.
//
// The half that queues callers of this process is `EngineLock`; what stands between processes is a `Backend`. Here is
// what joins them: the options, turns, and the synchronous calls.

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { check, type Named, readAcquireOptions } from '../../core/arguments.js'
import { DeadlockError, LockTimeoutError } from '../../core/errors.js'
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
import { type EngineAbilities, EXCLUSIVE_ONLY, isWholeFrom, mustBe } from '../options.js'
import type { Wait } from '../wait.js'
import { type Backend, type Held, type LocalEntry, TURNS_PER_NUMBER, tokenOf } from './backend.js'
import { type Access, defaultDirectory, MODES } from './directory.js'
import { ourselves } from './self.js'
import { SocketBackend } from './sockets.js'
import { SqliteBackend, sqlite } from './sqlite.js'
import { HeldSyncLease, type SyncLease } from './sync-lease.js'
import { FileValidity } from './watch.js'

/** What a `LocalLock` stands on. */
export type LocalEngine = 'sockets' | 'sqlite'

/** What a `LocalLock` is made with. */
export interface LocalLockOptions extends DistributedOptions {
  /**
   * Where the locks are: a directory on a disk of this machine, the same for all processes. Default: one that is fixed
   * by the id of the user, such as `/tmp/latchkey-1000`, whatever `TMPDIR` says. Name one explicitly for services that
   * have a `/tmp` of their own, and for containers.
   */
  directory?: string | undefined
  /** Which users may share the locks: this one, its group, or all. The same for all processes. Default `'private'`. */
  access?: Access | undefined
  /**
   * How many callers of this process may hold a key in a row while another process waits, before it comes to that one:
   * 1 to 64. Default 16.
   */
  turns?: number | undefined
  /**
   * `'sockets'`: first come, first served; needs Linux. `'sqlite'`: not in order; needs Node 22.13 or newer. All
   * processes must take the same. Default: sockets on Linux, SQLite elsewhere.
   */
  engine?: LocalEngine | undefined
}

/** How one synchronous call waits. */
export interface SyncWaitOptions {
  /** How long to wait, in ms, while the thread is blocked. `0` does not wait; `undefined` and `Infinity` wait forever. */
  timeout?: number | undefined
}

/** A place that its process has not given up yet, although its holder has released: for the next caller here. */
interface Kept {
  readonly held: Held
  readonly turn: number
}

/**
 * A `KeyedLock` for the processes of one machine. There is no server, and nothing to be kept alive: the kernel says
 * which process holds a key, and frees the key in the moment in which that process ends.
 *
 * A holder that is stopped keeps its key. Leases are lost only if their entry, or the directory, is removed.
 *
 * @example
 * ```ts
 * import { LocalLock } from 'latchkey/local'
 *
 * const locks = new LocalLock()
 * const token = await locks.runExclusive('config of the example', lease => lease.token) // one process at a time
 * console.log(typeof token) // → bigint
 * ```
 */
export class LocalLock extends EngineLock<string> {
  readonly guarantees: Guarantees
  /** Where the locks are. */
  readonly directory: string
  readonly #backend: Backend
  readonly #turns: number
  readonly #owner: string
  readonly #kept = new Map<string, Kept>()

  /**
   * Touches no file yet.
   *
   * @throws TypeError or RangeError for a wrong option; `LockEngineError` with `ERR_ENGINE_UNSUPPORTED` where this
   * runtime has not what it stands on.
   */
  constructor(options?: LocalLockOptions) {
    super('LocalLock', options, abilitiesOf(options?.engine))
    const { directory = defaultDirectory(), access = 'private', turns = 16, engine } = options ?? {}
    const isDirectory = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0')
    mustBe(this, 'options.directory', 'the path of a directory', directory, isDirectory)
    mustBeOneOf(this, 'options.access', Object.keys(MODES), access)
    const isTurns = (value: unknown) => isWholeFrom(1)(value) && (value as number) <= TURNS_PER_NUMBER
    mustBe(this, 'options.turns', `a whole number from 1 to ${TURNS_PER_NUMBER}`, turns, isTurns)
    mustBeOneOf(this, 'options.engine', ['sockets', 'sqlite'], engine)
    this.directory = resolve(directory)
    this.#turns = turns
    this.#backend = open(this[$label], this.directory, access, engine)
    const fifo = this.#backend instanceof SocketBackend
    this.#owner = options?.owner ?? ownerName()
    this.guarantees = { fifo, fencing: this.capacity === 1, survives: ['crash', 'pause'] }
  }

  /**
   * Takes `key` and blocks the thread until it is free: for code that has to be synchronous. Everything else in this
   * thread stands still meanwhile.
   *
   * *Cancellation*: only by `timeout` (ms). Nothing of the caller is left in the queue then.
   *
   * @throws TypeError or RangeError for a wrong argument, `LockTimeoutError`, `LockEngineError`, what `close` was given;
   * and `DeadlockError` if a caller of this thread holds the key, or waits for it before this one: it could never go on.
   */
  acquireSync(key: string, options?: SyncWaitOptions): SyncLease {
    const { timeout = Infinity } = this.#checkSync(key, options)
    this.#mustBeAlone()
    this.throwIfClosed()
    const lease = this.#acquireSync(key, timeout === 0 ? -Infinity : performance.now() + timeout)
    if (lease !== undefined) return lease
    const why = timeout === 0 ? 'would have to wait, and timeout is 0 ms' : `waited longer than ${timeout} ms`
    throw new LockTimeoutError(`${this[$label]} key ${JSON.stringify(key)}: ${why}`)
  }

  /**
   * Takes `key` if it is free now, and else returns `undefined`, as it does when the lock is closed.
   *
   * *Cancellation*: none; it does not wait. Where the end of another process cannot be told by its number (a container,
   * a worker thread) it asks its socket, which takes some 50 ms.
   */
  tryAcquireSync(key: string): SyncLease | undefined {
    this.#checkSync(key, undefined)
    this.#mustBeAlone()
    return this.closed ? undefined : this.#acquireSync(key, -Infinity)
  }

  /**
   * Which processes hold `key` or wait for it, in queue order: the first one holds. Callers of one process that wait for
   * each other are one entry.
   */
  check(key: string): Promise<LocalEntry[]> {
    this.#checkSync(key, undefined)
    return this.#backend.check(this.keyId(key))
  }

  /**
   * Removes what is left in the directory of keys that no process uses now. Resolves to how many keys those were. A key
   * that is used again afterwards has greater tokens all the same, unless the clock was set back meanwhile.
   */
  sweep(): Promise<number> {
    return this.#backend.sweep()
  }

  protected keyId(key: string): string {
    return keyIdOf(key)
  }

  protected async acquireKey(id: string, wait: Wait | undefined, mode: LockMode): Promise<EngineGrant | undefined> {
    const want = { shared: mode === 'shared', capacity: this.capacity, owner: this.#owner }
    if (want.shared || want.capacity > 1) {
      const held = await this.#backend.acquire(id, want, wait)
      // Several may hold: only those that share a key have numbers that a later one who holds it alone is above.
      return held && grantOf(held, this.#owner, want.shared ? tokenOf(held.number, 0) : undefined)
    }
    const kept = this.#kept.get(id)
    if (kept !== undefined) {
      this.#kept.delete(id)
      if (kept.held.isThere()) return this.#grant(id, kept.held, kept.turn)
      kept.held.release()
    }
    const held = await this.#backend.acquire(id, want, wait)
    return held && this.#grant(id, held, 0)
  }

  protected override inspectKey(id: string): Promise<readonly KeyHolder[]> {
    return this.#backend.holders(id)
  }

  protected async disconnect(): Promise<void> {
    for (const { held } of this.#kept.values()) held.release()
    this.#kept.clear()
    this.#backend.close()
  }

  #mustBeAlone(): void {
    if (this.capacity > 1)
      throw new LockEngineError(
        'ERR_ENGINE_UNSUPPORTED',
        `${this[$label]}: a synchronous call holds its key alone, and the capacity of this lock is ${this.capacity}. Wait with acquire()`
      )
  }

  #checkSync(key: unknown, options: SyncWaitOptions | undefined): SyncWaitOptions {
    check(typeof key === 'string', this, 'key', 'a string', key)
    return readAcquireOptions(this, options, undefined) ?? {}
  }

  #acquireSync(key: string, until: number): SyncLease | undefined {
    const place = this.tryEnter(key)
    if (place === undefined) {
      if (until === -Infinity) return undefined
      throw new DeadlockError(
        `${this[$label]} key ${JSON.stringify(key)}: another caller of this thread holds it or is about to, and cannot go on while this one blocks the thread. Wait with acquire(), or take it with tryAcquireSync()`
      )
    }
    const id = this.keyId(key)
    let held: Held | undefined
    try {
      // A place that was kept for a caller who has left since would be in the way of this one.
      this.#kept.get(id)?.held.release()
      held = this.#backend.acquireSync(id, this.#owner, until)
    } finally {
      if (held === undefined) place.release()
    }
    if (held === undefined) return undefined
    held.tell(tokenOf(held.number, 0))
    place.granted()
    return new HeldSyncLease(key, this.#owner, held, place)
  }

  #grant(id: string, held: Held, turn: number): EngineGrant {
    return grantOf(held, this.#owner, tokenOf(held.number, turn), () => {
      // The next caller here goes on in the same place, for as many turns as there may be.
      if (turn + 1 >= this.#turns || this.waitingHere(id) === 0 || !held.isThere()) return held.release()
      this.#keep(id, { held, turn: turn + 1 })
      return true
    })
  }

  /** The next caller of this process takes it in a microtask. If that one has left instead, it is given back. */
  #keep(id: string, kept: Kept): void {
    this.#kept.set(id, kept)
    setImmediate(() => {
      if (this.#kept.get(id) !== kept) return
      this.#kept.delete(id)
      kept.held.release()
    })
  }
}

/** A key that is held, as an `EngineLock` knows it. @internal */
export function grantOf(held: Held, owner: string, token?: bigint, release = () => held.release()): EngineGrant {
  const validity = new FileValidity(held)
  held.tell(token)
  return {
    owner,
    token,
    validity,
    watch: () => validity.watch(),
    release: async () => {
      validity.end()
      return release()
    }
  }
}

/** @internal */
export function mustBeOneOf(source: Named, argument: string, choices: readonly string[], value: unknown): void {
  const expected = choices.map(choice => `'${choice}'`).join(' or ')
  mustBe(source, argument, expected, value, value => choices.includes(value as string))
}

/** The name of the folder of a key. By its code units: in UTF-8, surrogates that stand alone would all be one. @internal */
export const keyIdOf = (key: string): string =>
  createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('base64url').slice(0, 22)

/** @internal */
export function ownerName(): string {
  const { pid, thread } = ourselves()
  return thread === 0 ? `process ${pid}` : `process ${pid}, thread ${thread}`
}

/** Elsewhere than on Linux a refused connection does not prove that its process is gone. */
const hasSockets = process.platform === 'linux'

/** @internal */
export const usesSockets = (engine: LocalEngine | undefined): boolean => hasSockets && engine !== 'sqlite'

/** SQLite's own lock has one holder; readers of a database that come and go would starve a writer. */
const abilitiesOf = (engine: LocalEngine | undefined): EngineAbilities =>
  usesSockets(engine) ? { modes: ['exclusive', 'shared'], capacity: true } : EXCLUSIVE_ONLY

function open(label: string, directory: string, access: Access, engine: LocalEngine | undefined): Backend {
  if (usesSockets(engine)) return new SocketBackend(label, directory, access)
  const Database = engine === 'sockets' ? undefined : sqlite()
  if (Database !== undefined) return new SqliteBackend(label, directory, access, Database)
  throw new LockEngineError(
    'ERR_ENGINE_UNSUPPORTED',
    engine === 'sockets'
      ? `${label}: sockets prove that a process is gone on Linux alone. Leave \`engine\` out`
      : `${label}: this needs node:sqlite, which Node has from 22.13 on${hasSockets ? ". Or take `engine: 'sockets'`" : ''}`
  )
}
