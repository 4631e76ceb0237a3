// Trying things out on a lock that is thrown away: calls that may throw, promises that may never settle, and objects that
// note what is read from them. Nothing here waits forever.

import { isChurning } from './churn.js'

// Taken at once: fake timers that are installed later do not stop the probing.
const { setTimeout: later, queueMicrotask: soon } = globalThis

/** What became of a call: `threw`, or what its promise came to. A value that is no promise is `returned`. */
type Outcome =
  | { readonly state: 'returned' | 'resolved'; readonly value: unknown }
  | { readonly state: 'threw' | 'rejected'; readonly reason: unknown }
  | { readonly state: 'pending' }

export const isObject = (value: unknown): value is Record<PropertyKey, unknown> =>
  typeof value === 'object' && value !== null

export const isReference = (value: unknown): value is object => isObject(value) || typeof value === 'function'

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  (isObject(value) || typeof value === 'function') && typeof (value as { then?: unknown }).then === 'function'

/** What is expected to happen gets this many ms; what is expected not to happen gets {@link BRIEF}. */
export const PATIENT = 250
export const BRIEF = 5

/** Waits until `done()`, through microtasks and a few turns of the event loop, for at most so many ms. */
export async function until(done: () => boolean, ms: number): Promise<boolean> {
  for (let turn = 0; turn < 20; turn++) {
    if (done()) return true
    await new Promise<void>(resolve => soon(resolve))
  }
  // No timer would ever come.
  if (await isChurning()) return done()
  for (let spent = 0; spent <= ms; spent += spent < 5 ? 1 : 5) {
    if (done()) return true
    await new Promise<void>(resolve => {
      later(resolve, spent < 5 ? 0 : 5)
    })
  }
  return done()
}

/** A call whose result is watched from the start, so that no rejection of it is ever unhandled. */
export class Call {
  #outcome: Outcome = { state: 'pending' }
  /** What the call itself gave: the promise, where it is one. */
  readonly given: unknown

  constructor(call: () => unknown) {
    try {
      const value = call()
      this.given = value
      if (!isThenable(value)) this.#outcome = { state: 'returned', value }
      else
        value.then(
          value => {
            this.#outcome = { state: 'resolved', value }
          },
          (reason: unknown) => {
            this.#outcome = { state: 'rejected', reason }
          }
        )
    } catch (reason) {
      this.#outcome = { state: 'threw', reason }
    }
  }

  get outcome(): Outcome {
    return this.#outcome
  }

  get settled(): boolean {
    return this.#outcome.state !== 'pending'
  }

  async settle(ms = PATIENT): Promise<Outcome> {
    await until(() => this.settled, ms)
    return this.#outcome
  }
}

/** A task that notes that it was called and what with. It ends at once, or when it is told to. */
export class TaskSpy {
  called = false
  args: unknown[] = []
  end: () => void = () => undefined
  readonly task: (...args: unknown[]) => unknown

  constructor(stays = false) {
    const ended = new Promise<void>(resolve => {
      this.end = resolve
    })
    // Without a declared parameter: there are locks that look at how many a task has.
    this.task = (...args) => {
      this.called = true
      this.args = args
      return stays ? ended : 'done'
    }
  }

  async start(ms = PATIENT): Promise<boolean> {
    return until(() => this.called, ms)
  }
}

/** An object that has nothing and notes what it is asked for. */
export function recorder(): { readonly object: object; readonly read: Set<string> } {
  const read = new Set<string>()
  const object = new Proxy(
    {},
    {
      get(_, name) {
        if (name === Symbol.toPrimitive || name === 'toString' || name === 'valueOf') return () => 'probe'
        if (typeof name === 'string' && name !== 'then') read.add(name)
        return undefined
      },
      has(_, name) {
        if (typeof name === 'string') read.add(name)
        return false
      }
    }
  )
  return { object, read }
}

/** What became of a timer. */
interface SeenTimer {
  readonly set: boolean
  /** Calls it, if it is still running. */
  fire(): void
}

/** What becomes of a timer of so many ms while `call` is running: it is never called by itself. */
export async function watchTimer(ms: number, call: () => unknown): Promise<SeenTimer> {
  const running = new Map<unknown, () => void>()
  let set = false
  const { setTimeout: start, clearTimeout: stop } = globalThis
  globalThis.setTimeout = ((callback: (...values: unknown[]) => void, delay?: number, ...rest: unknown[]) => {
    const timer = start(callback, delay, ...(rest as []))
    if (delay === ms) {
      set = true
      stop(timer)
      running.set(timer, () => callback(...rest))
    }
    return timer
  }) as typeof setTimeout
  globalThis.clearTimeout = (timer => {
    running.delete(timer)
    stop(timer)
  }) as typeof clearTimeout
  try {
    await new Call(call).settle(BRIEF)
  } finally {
    globalThis.setTimeout = start
    globalThis.clearTimeout = stop
  }
  const fire = () => {
    for (const callback of running.values()) new Call(callback)
  }
  return { set, fire }
}

type Maps = readonly Map<unknown, unknown>[]

/** The maps that are made while `make` runs: private ones, which cannot be counted otherwise. */
export function watchMaps<T>(make: () => T): { readonly made: T; readonly maps: Maps } {
  const maps: Map<unknown, unknown>[] = []
  const stop = collectMaps(maps)
  try {
    return { made: make(), maps }
  } finally {
    stop()
  }
}

/** The same for what goes on after `make` has returned, until `stop` is called. */
export function startWatchingMaps<T>(make: () => T): { readonly made: T; readonly maps: Maps; stop(): void } {
  const maps: Map<unknown, unknown>[] = []
  const stop = collectMaps(maps)
  return { made: make(), maps, stop }
}

/** Where the maps that are made now are noted. */
let noted: Map<unknown, unknown>[] = []

const NotedMap = class<K, V> extends Map<K, V> {
  constructor(entries?: Iterable<readonly [K, V]> | null) {
    super(entries)
    noted.push(this as unknown as Map<unknown, unknown>)
  }
}

function collectMaps(maps: Map<unknown, unknown>[]): () => void {
  const before = { Map: globalThis.Map, noted }
  globalThis.Map = NotedMap as unknown as MapConstructor
  noted = maps
  return () => {
    globalThis.Map = before.Map
    noted = before.noted
  }
}
