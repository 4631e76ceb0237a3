// What stands behind a `KeyedMutex` when a key may have several holders: the engine of `InProcessLock`.
//
// Several holders of one kind are a *group*. The first of them takes the key in the mutex, the last one gives it back, so
// code that uses the mutex directly is excluded by all of them. A caller joins the group if no caller waits in the mutex.
//
// Callers that wait stand in the mutex itself, as long as all want the key alone. One that would share it stands there for
// the others behind it: it has the *turn* of its key until it is in, and then the next one finds a group to join. That
// keeps the order of arrival, and gives those that use the mutex directly a place between two of ours.

import { KeyedMutex } from '../core/keyed-mutex.js'
import type { Lock } from '../core/lock.js'
import type { KeyHolder, LockMode } from './contract.js'

/** A caller of a lock, as the room knows it. */
export interface Visitor {
  readonly mode: LockMode
  /** How many may hold a key, if it is not shared. */
  readonly capacity: number
  readonly owner: string
}

/** Who holds one key together. */
interface Group {
  /** Callers that share a key, and those that count its holders, are not let in together. */
  readonly isShared: boolean
  readonly lock: Lock
  size: number
  /** The caller that has the turn waits for a permit. */
  wake: (() => void) | undefined
}

const rooms = new WeakMap<object, Room>()

/** The holders of the keys of one mutex. */
export class Room {
  readonly #mutex: KeyedMutex<string>
  readonly #turns = new KeyedMutex<string>()
  readonly #groups = new Map<string, Group>()
  readonly #holders = new Map<string, Set<KeyHolder>>()

  private constructor(mutex: KeyedMutex<string>) {
    this.#mutex = mutex
  }

  /** Locks that are given one mutex meet in one room. */
  static of(mutex: KeyedMutex<string>): Room {
    let room = rooms.get(mutex)
    if (room === undefined) {
      room = new Room(mutex)
      rooms.set(mutex, room)
    }
    return room
  }

  /** Who holds a key through the room, in order of arrival. */
  holders(key: string): KeyHolder[] {
    return [...(this.#holders.get(key) ?? [])]
  }

  /** Enters if that needs no waiting. Returns how to leave. */
  tryEnter(key: string, visitor: Visitor): (() => void) | undefined {
    if (this.#turns.isLocked(key)) return undefined
    const group = this.#open(key, visitor)
    if (group !== undefined && group.size < limitOf(visitor)) return this.#join(key, group, visitor)
    const lock = this.#mutex.tryAcquire(key)
    return lock && this.#hold(key, lock, visitor)
  }

  /** Waits until it can enter, and leaves the queue when `signal` aborts. Returns how to leave. */
  async enter(key: string, visitor: Visitor, signal: AbortSignal): Promise<() => void> {
    const isAlone = limitOf(visitor) === 1
    if (isAlone && !this.#turns.isLocked(key))
      return this.#hold(key, await this.#mutex.acquire(key, { signal }), visitor)
    const turn = await this.#turns.acquire(key, { signal })
    try {
      for (;;) {
        const group = this.#open(key, visitor)
        if (group === undefined) break
        if (group.size < limitOf(visitor)) return this.#join(key, group, visitor)
        await this.#leaving(group, signal)
      }
      const entering = this.#mutex.acquire(key, { signal })
      // It stands in the queue: the next one may stand behind it.
      if (isAlone) turn.release()
      return this.#hold(key, await entering, visitor)
    } finally {
      turn.release()
    }
  }

  /** The group that a caller may join. */
  #open(key: string, { mode, capacity }: Visitor): Group | undefined {
    const group = this.#groups.get(key)
    const isOurs = group?.isShared === (mode === 'shared') && (mode === 'shared' || capacity > 1)
    return isOurs && this.#mutex.waitingFor(key) === 0 ? group : undefined
  }

  #leaving(group: Group, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (settle: () => void) => {
        signal.removeEventListener('abort', abort)
        group.wake = undefined
        settle()
      }
      const abort = () => done(() => reject(signal.reason))
      group.wake = () => done(resolve)
      signal.addEventListener('abort', abort)
      if (signal.aborted) abort()
    })
  }

  /** With the key of the mutex: alone, or as the first of a group. */
  #hold(key: string, lock: Lock, visitor: Visitor): () => void {
    if (limitOf(visitor) === 1) return this.#enlist(key, visitor, () => lock.release())
    const group: Group = { isShared: visitor.mode === 'shared', lock, size: 0, wake: undefined }
    this.#groups.set(key, group)
    return this.#join(key, group, visitor)
  }

  #join(key: string, group: Group, visitor: Visitor): () => void {
    group.size++
    return this.#enlist(key, visitor, () => {
      group.size--
      if (group.size === 0) {
        this.#groups.delete(key)
        group.lock.release()
      }
      group.wake?.()
    })
  }

  #enlist(key: string, { owner, mode }: Visitor, leave: () => void): () => void {
    const holder: KeyHolder = { owner, since: new Date(), mode }
    const holders = this.#holders.get(key) ?? new Set()
    this.#holders.set(key, holders.add(holder))
    return () => {
      holders.delete(holder)
      if (holders.size === 0 && this.#holders.get(key) === holders) this.#holders.delete(key)
      leave()
    }
  }
}

/** How many holders there may be beside each other. */
const limitOf = ({ mode, capacity }: Visitor): number => (mode === 'shared' ? Infinity : capacity)
