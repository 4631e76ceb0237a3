// Mutexes as people write them, each with one fault, and what a check has to say of it. Beside them sound ones.

import { setTimeout as sleep } from 'node:timers/promises'
import type { Guarantee, Subject } from 'latchkey/testing'

type Release = () => void

export interface Specimen {
  readonly what: string
  readonly create: () => unknown
  readonly broken: readonly Guarantee[]
  /** What it claims beyond what any lock is held to. */
  readonly claims?: readonly Guarantee[]
}

/** A correct mutex, to be spoilt: hands over in order, and each releaser works once. */
export class Sound {
  protected locked = false
  protected readonly line: (() => void)[] = []

  async acquire(): Promise<Release> {
    if (this.locked) await new Promise<void>(resolve => this.line.push(resolve))
    this.locked = true
    return this.once()
  }

  async runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const release = await this.acquire()
    try {
      return await task()
    } finally {
      release()
    }
  }

  protected once(): Release {
    let released = false
    return () => {
      if (released) return
      released = true
      this.pass()
    }
  }

  protected pass(): void {
    const next = this.line.shift()
    if (next) next()
    else this.locked = false
  }
}

class TwoAtOnce extends Sound {
  override async acquire(): Promise<Release> {
    // Looks, lets others run, and only then takes.
    if (this.locked) await new Promise<void>(resolve => this.line.push(resolve))
    else await Promise.resolve()
    this.locked = true
    return this.once()
  }
}

class LastFirst extends Sound {
  protected override pass(): void {
    const next = this.line.pop()
    if (next) next()
    else this.locked = false
  }
}

class Barging extends Sound {
  override async acquire(): Promise<Release> {
    while (this.locked) await new Promise<void>(resolve => this.line.push(resolve))
    this.locked = true
    return this.once()
  }

  protected override pass(): void {
    this.locked = false
    this.line.shift()?.()
  }
}

class TwiceReleased extends Sound {
  protected override once(): Release {
    return () => this.pass()
  }
}

class Forgets extends Sound {
  override async runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const release = await this.acquire()
    const result = await task() // and if it throws?
    release()
    return result
  }
}

class Poisoned {
  #tail: Promise<unknown> = Promise.resolve()

  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const result = this.#tail.then(task)
    this.#tail = result
    return result
  }
}

class Chain {
  #tail: Promise<unknown> = Promise.resolve()

  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const result = this.#tail.then(task)
    this.#tail = result.catch(() => {})
    return result
  }
}

class Strays {
  #tail: Promise<unknown> = Promise.resolve()

  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const result = this.#tail.then(task)
    this.#tail = result.catch(() => {})
    result.finally(() => {}) // a promise of its own, which fails as well, and which nobody has
    return result
  }
}

/** Starts the next task inside the end of the one before. */
export class Nested {
  #busy = false
  readonly #line: (() => void)[] = []

  runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const start = () => {
        let result: unknown
        try {
          result = task()
        } catch (error) {
          result = Promise.reject(error)
        }
        if (result instanceof Promise) result.then(resolve, reject).then(() => this.#next())
        else {
          resolve(result as T)
          this.#next()
        }
      }
      if (this.#busy) this.#line.push(start)
      else {
        this.#busy = true
        start()
      }
    })
  }

  #next(): void {
    const next = this.#line.shift()
    if (next) next()
    else this.#busy = false
  }
}

class Swallows extends Sound {
  override async runExclusive<T>(task: () => T | PromiseLike<T>): Promise<T> {
    const release = await this.acquire()
    try {
      return await task()
    } catch (error) {
      console.assert(error !== undefined)
      return undefined as T
    } finally {
      release()
    }
  }
}

class Leased extends Sound {
  override async acquire(): Promise<Release> {
    const release = await super.acquire()
    setTimeout(release, 30_000) // in case the holder never comes back
    return release
  }
}

class Polling {
  #locked = false

  async acquire(): Promise<Release> {
    while (this.#locked) await new Promise(resolve => setTimeout(resolve, 10))
    this.#locked = true
    let released = false
    return () => {
      if (!released) this.#locked = false
      released = true
    }
  }
}

class Sleeping {
  #locked = false

  async acquire(): Promise<Release> {
    while (this.#locked) await sleep(10)
    this.#locked = true
    let released = false
    return () => {
      if (!released) this.#locked = false
      released = true
    }
  }
}

class Spinning {
  #locked = false

  async acquire(): Promise<Release> {
    while (this.#locked) await undefined
    this.#locked = true
    let released = false
    return () => {
      if (!released) this.#locked = false
      released = true
    }
  }
}

/** Given as a subject: to find out its shape one has to let somebody wait, which it does not survive. */
const subjectOf = (lock: Spinning): Subject => ({
  lock,
  shape: 'acquire() → releaser function',
  kind: 'mutex',
  keyed: false,
  capacity: 1,
  takes: { signal: false, timeout: false },
  released: 'handle',
  acquire: () => lock.acquire()
})

class AnyoneReleases {
  #locked = false
  readonly #line: (() => void)[] = []

  async acquire(): Promise<void> {
    if (this.#locked) await new Promise<void>(resolve => this.#line.push(resolve))
    this.#locked = true
  }

  release(): void {
    const next = this.#line.shift()
    if (next) next()
    else this.#locked = false
  }
}

export const unsound: readonly Specimen[] = [
  { what: 'looks before it takes', create: () => new TwoAtOnce(), broken: ['G1'] },
  { what: 'serves the last first', create: () => new LastFirst(), broken: ['G2'] },
  { what: 'frees the lock and lets all run for it', create: () => new Barging(), broken: ['G2'] },
  { what: 'can be released twice', create: () => new TwiceReleased(), broken: ['G4'] },
  { what: 'can be released by anyone', create: () => new AnyoneReleases(), broken: ['G4'] },
  { what: 'stays locked after a failure', create: () => new Forgets(), broken: ['G6'] },
  { what: 'hands a failure down its chain', create: () => new Poisoned(), broken: ['G6'] },
  { what: 'swallows failures', create: () => new Swallows(), broken: ['G6'] },
  { what: 'leaves a promise to nobody', create: () => new Strays(), broken: ['G6'] },
  { what: 'runs a task in the context of another', create: () => new Nested(), broken: ['G8'], claims: ['G8'] },
  { what: 'takes the lock back after a while', create: () => new Leased(), broken: ['G7'] },
  { what: 'spins in microtasks', create: () => subjectOf(new Spinning()), broken: ['G3'] }
]

export const sound: readonly Specimen[] = [
  { what: 'a queue', create: () => new Sound(), broken: [] },
  // Its `then(task)` hands on what the task before came to.
  { what: 'a chain of promises', create: () => new Chain(), broken: ['G6'] },
  { what: 'one that polls, in no order', create: () => new Polling(), broken: ['G2'] },
  { what: "one that sleeps with Node's own timers", create: () => new Sleeping(), broken: ['G2'] }
]
