// The locks that can be watched: which of their methods take something, and when that has to wait.
//
// A lock is known by its members rather than by its class: another copy of the package has other classes.

import type { KeyedMutex } from '../core/keyed-mutex.js'
import type { AcquireOptions } from '../core/lock.js'
import { $fits, $isReturning } from '../core/members.js'
import type { Mutex } from '../core/mutex.js'

/** A lock that can be watched: what all of them have in common. */
export interface Watchable {
  readonly waiting: number
  readonly closed: boolean
  /** Rejects the waiters. */
  cancelWaiters(reason?: unknown): void
  /** Waits until it is free. */
  whenFree(options?: AcquireOptions): Promise<void>
}

/** A lock that holds beyond this process: those of `latchkey/distributed` and its engines. */
export interface WatchableEngineLock {
  /** How many callers of this process wait. */
  readonly waiting: number
  /** Whether it was closed. */
  readonly closed: boolean
  /** What it offers. */
  readonly offers: object
  /** Takes many keys in the order of its engine. */
  acquireMany(keys: Iterable<string>): Promise<object>
  /** The same without waiting. */
  tryAcquireMany(keys: Iterable<string>): Promise<object | undefined>
}

/** A method that takes something: what its arguments mean, by their places. */
export interface Method {
  /** Its task, which runs while it is held. Undefined: its caller releases by hand. */
  readonly task?: number
  /** Where its options are. */
  readonly options?: number
  /** Whatever its options say, it does not wait. Those without options never do. */
  readonly tries?: true
  /** The keys it is for. May put an array where an iterable was, which can be read only once. */
  readonly keys?: (args: unknown[]) => readonly unknown[]
  /** How much it takes. Default 1. */
  readonly amount?: (args: readonly unknown[], lock: Watchable) => number
}

export interface Kind {
  readonly keyed: boolean
  /** Its holders are leases: it tells of a grant, of a release and of one that has left only some time after. */
  readonly leased?: true
  readonly methods: Readonly<Record<string, Method>>
  /** Whether a caller that comes now for so much would have to wait. */
  readonly waits: (lock: Watchable, keys: readonly unknown[], amount: number) => boolean
  /** How much there is, where several may hold. */
  readonly capacity?: (lock: Watchable) => number
  /** How much a holder has now, where that is not what it asked for. */
  readonly heldAmount?: (lock: Watchable) => number
}

/** What the class of a semaphore, a read-write lock or a pool says to this package alone. */
interface Admitting {
  readonly waiting: number
  [$fits](amount: number): boolean
}

const isTaken = (lock: Watchable, _keys: readonly unknown[], amount: number): boolean =>
  lock.waiting > 0 || !(lock as Watchable & Admitting)[$fits](amount)

const oneKey = (args: unknown[]): readonly unknown[] => [args[0]]

function manyKeys(args: unknown[]): readonly unknown[] {
  const [keys] = args
  // What is no iterable is refused by the lock.
  const isIterable = typeof keys === 'object' && keys !== null && Symbol.iterator in keys
  if (!isIterable) return []
  const list = [...new Set(keys as Iterable<unknown>)]
  args[0] = list
  return list
}

const numberOr1 = (value: unknown): number => (typeof value === 'number' ? value : 1)
const permitsOf = (options: unknown): number =>
  numberOr1((options as { permits?: unknown } | null | undefined)?.permits)

const MUTEX: Kind = {
  keyed: false,
  methods: { acquire: { options: 0 }, tryAcquire: {}, runExclusive: { task: 0, options: 1 } },
  waits: lock => (lock as Mutex).locked
}

const REENTRANT: Kind = {
  keyed: false,
  methods: { runExclusive: { task: 0, options: 1 } },
  waits: lock => {
    const { locked, inside } = lock as Watchable & { locked: boolean; inside: boolean }
    return locked && !inside
  }
}

const KEYED: Kind = {
  keyed: true,
  methods: {
    acquire: { keys: oneKey, options: 1 },
    tryAcquire: { keys: oneKey },
    runExclusive: { keys: oneKey, task: 1, options: 2 },
    acquireMany: { keys: manyKeys, options: 1 },
    tryAcquireMany: { keys: manyKeys },
    runExclusiveMany: { keys: manyKeys, task: 1, options: 2 }
  },
  waits: (lock, keys) => keys.some(key => (lock as unknown as KeyedMutex<unknown>).isLocked(key))
}

const SEMAPHORE: Kind = {
  keyed: false,
  methods: {
    acquire: { options: 0, amount: ([options]) => permitsOf(options) },
    tryAcquire: { amount: ([permits]) => numberOr1(permits) },
    run: { task: 0, options: 1, amount: ([, options]) => permitsOf(options) }
  },
  waits: isTaken,
  capacity: lock => (lock as Watchable & { capacity: number }).capacity
}

const READ = 1
/** A writer takes all there is. What this package calls it inside does not matter: nothing but a fit is asked of it. */
const WRITE = 2 ** 31
const READ_WRITE: Kind = {
  keyed: false,
  methods: {
    acquireRead: { options: 0, amount: () => READ },
    acquireWrite: { options: 0, amount: () => WRITE },
    tryAcquireRead: { amount: () => READ },
    tryAcquireWrite: { amount: () => WRITE },
    runRead: { task: 0, options: 1, amount: () => READ },
    runWrite: { task: 0, options: 1, amount: () => WRITE }
  },
  waits: isTaken,
  capacity: () => WRITE,
  // Locks are upgraded and downgraded while they are held.
  heldAmount: lock => ((lock as Watchable & { writing: boolean }).writing ? WRITE : READ)
}

/** For one key, and what a mode takes of it. With a capacity all take one, and no mode but the exclusive one is offered. */
const ofMode =
  (place: number) =>
  (args: readonly unknown[], lock: Watchable): number => {
    const isShared = (args[place] as { mode?: unknown } | null | undefined)?.mode === 'shared'
    return isShared || leasesOf(lock) > 1 ? READ : WRITE
  }

const leasesOf = (lock: Watchable): number => (lock as Watchable & { capacity: number }).capacity

/** What waits in its queue of this process, or at the engine for a holder of this process. */
const ENGINE: Kind = {
  keyed: true,
  leased: true,
  methods: {
    acquire: { keys: oneKey, options: 1, amount: ofMode(1) },
    tryAcquire: { keys: oneKey, options: 1, amount: ofMode(1), tries: true },
    runExclusive: { keys: oneKey, task: 1, options: 2, amount: ofMode(2) },
    runShared: { keys: oneKey, task: 1, options: 2, amount: () => READ },
    acquireMany: { keys: manyKeys, options: 1, amount: ofMode(1) },
    tryAcquireMany: { keys: manyKeys, options: 1, amount: ofMode(1), tries: true },
    runExclusiveMany: { keys: manyKeys, task: 1, options: 2, amount: ofMode(2) }
  },
  // Another process may hold it: so it is looked at each time what is held here.
  waits: () => true,
  capacity: lock => (leasesOf(lock) > 1 ? leasesOf(lock) : WRITE)
}

const POOL: Kind = {
  keyed: false,
  methods: { acquire: { options: 0 }, use: { task: 0, options: 1 } },
  waits: isTaken,
  // All places are taken when a caller has to wait.
  capacity: lock => {
    const { size, idle } = lock as Watchable & { size: number; idle: number }
    return size - idle
  }
}

export function kindOf(lock: unknown): Kind | undefined {
  if (typeof lock !== 'object' || lock === null) return undefined
  if ($isReturning in lock) return ENGINE
  if (!('whenFree' in lock)) return undefined
  if ('acquireMany' in lock) return KEYED
  if ('acquireRead' in lock) return READ_WRITE
  if ('inside' in lock) return REENTRANT
  if ('capacity' in lock) return SEMAPHORE
  if ('use' in lock) return POOL
  return 'runExclusive' in lock ? MUTEX : undefined
}
