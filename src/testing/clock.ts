// Time that passes only when the explorer says so.
//
// While a lock is explored, the timers of the platform are replaced by these, so that a timeout of an hour costs nothing
// and nothing depends on how fast the machine is. The originals are kept from the moment this file was loaded.

import { randomFrom } from './prng.js'

type Callback = (...values: unknown[]) => void

interface Timer {
  readonly id: number
  due: number
  readonly every: number | undefined
  readonly call: () => void
}

type Host = Record<string, unknown>
declare global {
  interface ErrorConstructor {
    stackTraceLimit: number
  }
}

const host = globalThis as unknown as Host

const NAMES = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'clearImmediate',
  'Date'
] as const
const { setTimeout: realTimeout, setImmediate: realImmediate } = host as {
  setTimeout: (call: () => void, ms: number) => unknown
  setImmediate?: (call: () => void) => unknown
}
const RealDate = Date
const realNow = performance.now
const realRandom = Math.random

/** The timers of Node's own modules, which locks that poll like to sleep with. Nothing of Node is imported for it. */
function timerModules(): { timers: Host; promises: Host; sync(): void } | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  const load = (name: string) => process?.getBuiltinModule?.(name)
  const timers = load('node:timers') as Host | undefined
  const promises = load('node:timers/promises') as Host | undefined
  const { syncBuiltinESMExports: sync } = (load('node:module') ?? {}) as { syncBuiltinESMExports?: () => void }
  return timers && promises && sync ? { timers, promises, sync } : undefined
}

/** A timer as Node gives it: an object that can be unreferenced, and counts as its own number. */
class Handle {
  readonly id: number
  constructor(id: number) {
    this.id = id
  }
  ref(): this {
    return this
  }
  unref(): this {
    return this
  }
  hasRef(): boolean {
    return true
  }
  [Symbol.toPrimitive](): number {
    return this.id
  }
}

/** Time in ms from 0, and the timers that wait for it. */
export class Clock {
  #now = 0
  #ids = 0
  #stacks = 0
  #restoreModules = () => {}
  #saved: Map<string, PropertyDescriptor | undefined> | undefined
  readonly #timers = new Map<number, Timer>()

  get now(): number {
    return this.#now
  }

  /** How many timers are running. */
  get pending(): number {
    return this.#timers.size
  }

  /** Whether something is to be done without time passing. */
  get isDue(): boolean {
    for (const { due } of this.#timers.values()) if (due <= this.#now) return true
    return false
  }

  /** Forgets every timer, and draws the same random numbers again. */
  reset(): void {
    this.#timers.clear()
    if (this.#saved) Math.random = randomFrom(1)
  }

  /** Lets time pass up to the next timer, if that is not after `limit`, and calls it. */
  step(limit: number): boolean {
    let next: Timer | undefined
    for (const timer of this.#timers.values()) if (next === undefined || timer.due < next.due) next = timer
    if (next === undefined || next.due > limit) return false
    this.#now = Math.max(this.#now, next.due)
    if (next.every === undefined) this.#timers.delete(next.id)
    else next.due = this.#now + Math.max(1, next.every)
    next.call()
    return true
  }

  /** Time is `moment` now. What should have happened before it has not. */
  jump(moment: number): void {
    this.#now = Math.max(this.#now, moment)
  }

  /** Replaces the timers of the platform. */
  install(): void {
    const now = () => this.#now
    const fake: Host = {
      setTimeout: (call: Callback, ms?: number, ...values: unknown[]) => this.#start(call, ms, false, values),
      setInterval: (call: Callback, ms?: number, ...values: unknown[]) => this.#start(call, ms, true, values),
      setImmediate: (call: Callback, ...values: unknown[]) => this.#start(call, 0, false, values),
      clearTimeout: (timer: unknown) => this.#stop(timer),
      clearInterval: (timer: unknown) => this.#stop(timer),
      clearImmediate: (timer: unknown) => this.#stop(timer),
      Date: class extends RealDate {
        constructor(...values: unknown[]) {
          super(...((values.length === 0 ? [now()] : values) as [number]))
        }
        static override now(): number {
          return now()
        }
      }
    }
    this.#saved = new Map(NAMES.map(name => [name, Object.getOwnPropertyDescriptor(host, name)]))
    for (const name of NAMES)
      if (name in host) Object.defineProperty(host, name, { value: fake[name], configurable: true, writable: true })
    performance.now = now
    Math.random = randomFrom(1)
    this.#installModules(fake)
    // Errors are created by the thousand here, and their stacks are not read.
    this.#stacks = Error.stackTraceLimit
    Error.stackTraceLimit = 0
  }

  #installModules(fake: Host): void {
    const modules = timerModules()
    if (!modules) return
    const { timers, promises, sync } = modules
    const sleep = (ms: number, value: unknown) =>
      new Promise(resolve => {
        this.#start(() => resolve(value), ms, false, [])
      })
    const { Date: _, ...timersOf } = fake
    const { setTimeout, setImmediate } = promises
    const own = {
      timers: Object.fromEntries(Object.keys(timersOf).map(name => [name, timers[name]])),
      promises: { setTimeout, setImmediate }
    }
    Object.assign(timers, timersOf)
    Object.assign(promises, { setTimeout: sleep, setImmediate: (value: unknown) => sleep(0, value) })
    sync()
    this.#restoreModules = () => {
      Object.assign(timers, own.timers)
      Object.assign(promises, own.promises)
      sync()
    }
  }

  /** Gives the platform its own timers back. */
  restore(): void {
    this.#restoreModules()
    this.#restoreModules = () => {}
    for (const [name, descriptor] of this.#saved ?? [])
      if (descriptor === undefined) delete host[name]
      else Object.defineProperty(host, name, descriptor)
    this.#saved = undefined
    delete (performance as { now?: unknown }).now
    if (performance.now !== realNow) performance.now = realNow
    Error.stackTraceLimit = this.#stacks
    Math.random = realRandom
    this.reset()
  }

  #start(call: Callback, ms: number | undefined, again: boolean, values: unknown[]): Handle {
    const id = ++this.#ids
    const wait = typeof ms === 'number' && ms > 0 ? ms : 0
    this.#timers.set(id, { id, due: this.#now + wait, every: again ? wait : undefined, call: () => call(...values) })
    return new Handle(id)
  }

  #stop(timer: unknown): void {
    if (timer instanceof Handle) this.#timers.delete(timer.id)
    else if (typeof timer === 'number') this.#timers.delete(timer)
  }
}

/** Lets so many rounds of microtasks run. */
export async function microtasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined
}

/** Lets everything run that is due outside the microtasks. */
export function macrotask(): Promise<void> {
  return new Promise(resolve => {
    if (realImmediate) realImmediate(resolve)
    else realTimeout(resolve, 0)
  })
}

/** ms of processor time, where that can be told: what else the machine does is not counted. */
export function processorTime(): number {
  const { process } = globalThis as { process?: { cpuUsage?: () => { user: number; system: number } } }
  const usage = process?.cpuUsage?.()
  return usage ? (usage.user + usage.system) / 1000 : realNow.call(performance)
}

/** Waits until something holds that may take real time, for at most so many ms. */
export async function realTime(done: () => boolean, ms: number): Promise<boolean> {
  for (let spent = 0; spent < ms && !done(); spent++) {
    await new Promise<void>(resolve => {
      realTimeout(resolve, 1)
    })
  }
  return done()
}
