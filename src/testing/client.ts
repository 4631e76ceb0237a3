// The callers of a schedule, and what each has asked for.

import type { Step } from './steps.js'
import type { Release } from './subject.js'

/** Why a waiter left the queue. */
type AbandonReason = 'abort' | 'timeout' | 'cancel' | 'close'

/** One request from the call to the end. */
export class Request {
  readonly client: Client
  readonly step: Step
  state: 'waiting' | 'holding' | 'done' = 'waiting'
  /** Whether its promise has settled. A task that has ended is not told to its caller in the same instant. */
  settled = false
  /** It was told that its task is done, though it never began. */
  told = false
  release: Release | undefined
  signal: WatchedSignal | undefined
  abandoned: AbandonReason | undefined
  /** It left when nothing else could have happened: it must not be granted any more. */
  mustLeave = false
  /** How the task ended. */
  ended: { readonly failed: boolean; readonly value: unknown } | undefined
  /** Ends the open task. */
  gate: { resolve(value: unknown): void; reject(reason: unknown): void } | undefined
  /** It had to wait. */
  queued = false

  constructor(client: Client, step: Step) {
    this.client = client
    this.step = step
  }

  get isRun(): boolean {
    return this.step.does === 'run' || this.step.does === 'run throwing'
  }

  get key(): string {
    return this.step.key ?? 'a'
  }

  get permits(): number {
    return this.step.permits ?? 1
  }

  get writes(): boolean {
    return this.step.mode !== 'read'
  }
}

/** A caller of the lock: one request at a time. */
export class Client {
  readonly id: number
  request: Request | undefined
  used = false

  constructor(id: number) {
    this.id = id
  }

  get state(): 'idle' | 'waiting' | 'holding' {
    const state = this.request?.state
    return state === undefined || state === 'done' ? 'idle' : state
  }
}

/** A signal that knows what listens to it. */
export class WatchedSignal {
  readonly #controller = new AbortController()
  readonly #listeners = new Set<unknown>()

  constructor() {
    const { signal } = this.#controller
    const { addEventListener, removeEventListener } = signal
    signal.addEventListener = (...values: Parameters<typeof addEventListener>) => {
      this.#listeners.add(values[1])
      addEventListener.apply(signal, values)
    }
    signal.removeEventListener = (...values: Parameters<typeof removeEventListener>) => {
      this.#listeners.delete(values[1])
      removeEventListener.apply(signal, values)
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** How many listen for an abort that has not come. */
  get listeners(): number {
    return this.signal.aborted ? 0 : this.#listeners.size + (this.signal.onabort ? 1 : 0)
  }

  abort(reason: unknown): void {
    this.#controller.abort(reason)
  }
}
