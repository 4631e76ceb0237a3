// One lock that is tried out and then thrown away.
//
// In the end each holder releases and each task ends: a waiter that is left behind may be one that asks again in every
// microtask, and nothing else would ever run.

import { type Args, type CallShape, invoke, releaseOf, releaseOfPromise, start } from './calls.js'
import { isChurning } from './churn.js'
import { microtasks } from './clock.js'
import { UnrecognisedError } from './hints.js'
import { Call, isObject, type TaskSpy } from './probe.js'

/** A lock that spins and cannot be stopped: nothing but microtasks runs in this process any more. */
export class Spinning extends Error {
  override readonly name = 'Spinning'
}

const ROUNDS = 60

export class Session {
  readonly lock: unknown
  readonly #free: (lock: unknown, given: unknown) => void
  readonly #held: Call[] = []
  readonly #tasks: TaskSpy[] = []
  #granted = 0

  /** @param free frees the lock where what was given cannot free it by itself. */
  constructor(lock: unknown, free: (lock: unknown, given: unknown) => void = () => {}) {
    this.lock = lock
    this.#free = free
  }

  acquire(shape: CallShape, args: Args): Call {
    const call = new Call(() => invoke(shape, this.lock, args))
    this.#held.push(call)
    return call
  }

  run(shape: CallShape, args: Args, spy: TaskSpy, wraps = false): Call {
    this.#tasks.push(spy)
    return new Call(() => start(shape, this.lock, { ...args, task: spy.task }, wraps))
  }

  /** Lets everything go. */
  async end(): Promise<void> {
    for (let left = this.#held.length + this.#tasks.length; left > 0; left--) {
      this.#letGo()
      await microtasks(ROUNDS)
    }
    this.#letGo()
    if (!(await isChurning())) return
    // The waiter looks at a flag: most often it is a field of the lock.
    if (isObject(this.lock))
      for (const [name, value] of Object.entries(this.lock)) if (value === true) this.lock[name] = false
    await microtasks(ROUNDS)
    if ((await isChurning()) && this.#granted === 0)
      throw new UnrecognisedError(
        'The lock asks again and again in microtasks before it is granted: nothing else can run.'
      )
    if (await isChurning()) throw new Spinning('a waiter of this lock keeps everything else from running')
  }

  #letGo(): void {
    for (const spy of this.#tasks) {
      if (spy.called) this.#granted++
      spy.end()
      for (const given of spy.args) new Call(() => releaseOf(given, this.lock)?.())
      if (spy.called) new Call(() => this.#free(this.lock, undefined))
    }
    for (const [at, { outcome, given }] of this.#held.entries()) {
      if (outcome.state !== 'resolved' && outcome.state !== 'returned') continue
      this.#granted++
      this.#held.splice(at, 1)
      const release = releaseOf(outcome.value, this.lock) ?? releaseOfPromise(given)
      new Call(() => (release ? release() : this.#free(this.lock, outcome.value)))
      return
    }
  }
}
