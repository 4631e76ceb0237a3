/// <reference lib="esnext.disposable" preserve="true" />
/// <reference types="node" />
// Keyed locks between the processes of one machine, without a server.
//
// The half that queues callers of this process is `EngineLock`; what stands between processes is a `Backend`. Here is
// what joins them: the options, turns, and the synchronous calls.

import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { LockTimeoutError } from '../../core/errors.js'
import { inspect, type Lock } from '../../core/lock.js'
import { type DistributedOptions, type Guarantees, LockEngineError } from '../contract.js'
import { EngineLock } from '../engine-lock.js'
import type { EngineGrant } from '../lease.js'
import { isWholeFrom, mustBe } from '../options.js'
import type { Wait } from '../wait.js'
import { type Backend, type Held, type LocalEntry, TURNS_PER_NUMBER, tokenOf } from './backend.js'
import { type Access, defaultDirectory, MODES } from './directory.js'
import { ourselves } from './self.js'
import { SocketBackend } from './sockets.js'
import { SqliteBackend, sqlite } from './sqlite.js'
import { SyncLease } from './sync-lease.js'
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
  readonly #kept = new Map<string, Kept>()

  /**
   * Touches no file yet.
   *
   * @throws TypeError or RangeError for a wrong option; `LockEngineError` with `ERR_ENGINE_UNSUPPORTED` where this
   * runtime has not what it stands on.
   */
  constructor(options?: LocalLockOptions) {
    super('LocalLock', options)
    const { directory = defaultDirectory(), access = 'private', turns = 16, engine } = options ?? {}
    const isDirectory = (value: unknown) => typeof value === 'string' && value !== '' && !value.includes('\0')
    mustBe(this, 'options.directory', 'the path of a directory', directory, isDirectory)
    mustBe(this, 'options.access', "'private', 'group' or 'everyone'", access, value => Object.hasOwn(MODES, value as string))
    const isTurns = (value: unknown) => isWholeFrom(1)(value) && (value as number) <= TURNS_PER_NUMBER
    mustBe(this, 'options.turns', `a whole number from 1 to ${TURNS_PER_NUMBER}`, turns, isTurns)
    mustBe(this, 'options.engine', "'sockets' or 'sqlite'", engine, value => value === 'sockets' || value === 'sqlite')
    this.directory = resolve(directory)
    this.#turns = turns
    this.#backend = open(this.label, this.directory, access, engine)
    const fifo = this.#backend instanceof SocketBackend
    this.guarantees = { fifo, fencing: true, survives: ['crash', 'pause'] }
  }

  /**
   * Takes `key` and blocks the thread until it is free: for code that has to be synchronous. Everything else in this
   * thread stands still meanwhile, so do not hold keys that its asynchronous callers wait for.
   *
   * *Cancellation*: only by `timeout` (ms); nothing of the caller is left in the queue then.
   *
   * @throws TypeError or RangeError for a wrong argument, `LockTimeoutError`, `LockEngineError`, what `close` was given;
   * and `DeadlockError` if the key is held by an asynchronous caller of this thread, or waited for: it could never go on.
   */
  acquireSync(key: string, options?: SyncWaitOptions): SyncLease {
    this.check_(key, options)
    const { timeout = Infinity } = options ?? {}
    const lease = this.#acquireSync(key, timeout === 0 ? -Infinity : performance.now() + timeout)
    if (lease !== undefined) return lease
    const what = timeout === 0 ? 'would have to wait, and timeout is 0 ms' : `waited longer than ${timeout} ms`
    throw new LockTimeoutError(`${this.label} key ${JSON.stringify(key)}: ${what}`)
  }
}
