// Mutexes that take a signal or have keys, with the faults that come with it. They are described by a `Subject`, as a
// lock of an unusual shape would be.

import type { Release, Subject } from 'latchkey/testing'
import type { Specimen } from './broken.js'

interface Waiter {
  resolve(): void
  reject(reason: unknown): void
  gone: boolean
}

/** Correct, with a few places to spoil. */
class Cancellable {
  locked = false
  line: Waiter[] = []

  acquire(signal?: AbortSignal): Promise<Release> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted && this.refusesAborted) return reject(signal.reason)
      const grant = () => resolve(this.once())
      if (!this.locked) {
        this.locked = true
        return grant()
      }
      const waiter: Waiter = { resolve: grant, reject, gone: false }
      const onAbort = () => this.leave(waiter, signal?.reason)
      waiter.resolve = () => {
        if (this.stopsListening) signal?.removeEventListener('abort', onAbort)
        grant()
      }
      signal?.addEventListener('abort', onAbort, { once: true })
      this.line.push(waiter)
    })
  }

  refusesAborted = true
  stopsListening = true

  leave(waiter: Waiter, reason: unknown): void {
    const at = this.line.indexOf(waiter)
    if (at >= 0) this.line.splice(at, 1)
    waiter.reject(reason)
  }

  once(): Release {
    let released = false
    return () => {
      if (!released) this.pass()
      released = true
    }
  }

  pass(): void {
    const next = this.line.shift()
    if (next) next.resolve()
    else this.locked = false
  }
}

class Ghosts extends Cancellable {
  override leave(waiter: Waiter, reason: unknown): void {
    waiter.reject(reason) // and stays in line
  }
}

class WrongReason extends Cancellable {
  override leave(waiter: Waiter): void {
    super.leave(waiter, new Error('aborted'))
  }
}

class FreesWhenLeft extends Cancellable {
  override leave(waiter: Waiter, reason: unknown): void {
    super.leave(waiter, reason)
    this.pass()
  }
}

class TakesTheFirst extends Cancellable {
  override leave(waiter: Waiter, reason: unknown): void {
    this.line.shift() // whoever that is
    waiter.reject(reason)
  }
}

function with_<T>(lock: T, change: (lock: T) => void): T {
  change(lock)
  return lock
}

const subjectOf = (lock: Cancellable): Subject => ({
  lock,
  shape: 'acquire(signal) → releaser function',
  kind: 'mutex',
  keyed: false,
  capacity: 1,
  takes: { signal: true, timeout: false },
  released: 'handle',
  acquire: (_, { signal }) => lock.acquire(signal)
})

/** A lock per key, whose entry goes too early, too late, or never. */
class Keyed {
  readonly entries = new Map<string, Cancellable>()
  readonly #deletes: (lock: Cancellable) => boolean

  constructor(deletes: (lock: Cancellable) => boolean) {
    this.#deletes = deletes
  }

  async acquire(key: string): Promise<Release> {
    const lock = this.entries.get(key) ?? new Cancellable()
    this.entries.set(key, lock)
    const release = await lock.acquire()
    return () => {
      release()
      if (this.#deletes(lock) && this.entries.get(key) === lock) this.entries.delete(key)
    }
  }
}

const keyedSubjectOf = (lock: { acquire(key: string): Promise<Release> }, entries: () => number): Subject => ({
  lock,
  shape: 'acquire(key) → releaser function',
  kind: 'mutex',
  keyed: true,
  capacity: 1,
  takes: { signal: false, timeout: false },
  released: 'handle',
  acquire: key => lock.acquire(key),
  entries
})

const keyed = (deletes: (lock: Cancellable) => boolean) => () => {
  const lock = new Keyed(deletes)
  return keyedSubjectOf(lock, () => lock.entries.size)
}

export const cancelling: readonly Specimen[] = [
  { what: 'a sound one', create: () => subjectOf(new Cancellable()), broken: [] },
  { what: 'hands over to those who have left', create: () => subjectOf(new Ghosts()), broken: ['G3', 'G5'] },
  { what: 'rejects with an error of its own', create: () => subjectOf(new WrongReason()), broken: ['G5'] },
  { what: 'passes on what it does not have', create: () => subjectOf(new FreesWhenLeft()), broken: ['G1'] },
  { what: 'removes the wrong waiter', create: () => subjectOf(new TakesTheFirst()), broken: ['G2', 'G3', 'G5'] },
  {
    what: 'goes on listening',
    create: () => subjectOf(with_(new Cancellable(), lock => (lock.stopsListening = false))),
    broken: ['G5']
  },
  {
    what: 'lets in who has aborted before',
    create: () => subjectOf(with_(new Cancellable(), lock => (lock.refusesAborted = false))),
    broken: ['G5']
  }
]

export const keyedOnes: readonly Specimen[] = [
  { what: 'a sound one', create: keyed(lock => !lock.locked), broken: [] },
  { what: 'deletes what a waiter needs', create: keyed(() => true), broken: ['G1'] },
  { what: 'never deletes', create: keyed(() => false), broken: ['G10'] },
  {
    what: 'has one lock for all keys',
    create: () => {
      const lock = new Cancellable()
      return keyedSubjectOf({ acquire: () => lock.acquire() }, () => 0)
    },
    broken: ['G3']
  }
]
