// How callers of `runExclusive` without options wait. None of them can leave, so they need less than others.
//
// Which way serves better depends on the tasks (docs/decisions/waiters-share-a-promise.md):
//
//   TurnBatch    for tasks that end at once: its members wait for one promise, so a caller costs one reaction and one slot
//   TaskWaiter   for tasks that await something: a promise of its own, and no closure
//
// Both keep guarantee G8: each task runs in a reaction of its own, so in the async context of its own caller.

import { isObject } from './arguments.js'
import { runGranted } from './hold.js'
import type { Lanes } from './lanes.js'
import type { Lock, Task } from './lock.js'
import { $exit } from './members.js'
import { capture, Place, type PlaceQueue, type Resolve, takeCaptured, Waiter } from './waiters.js'

type AnyTask = Task<Lock, unknown>

/** What the callers that wait to run a task in one queue share. */
export interface TaskLine {
  readonly lanes: Lanes<Place<Lock>>
  /** Whether the last task that had waited ended at once. */
  lastTaskWasSync: boolean
}

/** From here on memory decides, and a slot takes less of it than a promise. */
const MANY = 10_000

/** Waits, then runs `task` with the lock, in the caller's async context. The caller counts itself in: it is in `size`. */
export function joinLine<R>(line: TaskLine, task: Task<Lock, R>, size: number): Promise<R> {
  const { lanes } = line
  if (!line.lastTaskWasSync && size < MANY) return waitAlone(line, task, undefined)
  let batch = lanes.last
  if (!(batch instanceof TurnBatch) || batch.full) {
    batch = new TurnBatch(line)
    lanes.add(batch)
  }
  return (batch as TurnBatch).join(task)
}

/** @param before in front of which place; at the end where that is `undefined` */
function waitAlone<R>(line: TaskLine, task: Task<Lock, R>, before: Place<Lock> | undefined): Promise<R> {
  const promise = new Promise<never>(capture)
  const waiter = new TaskWaiter(takeCaptured(), line, task)
  if (before === undefined) line.lanes.add(waiter)
  else line.lanes.insert(waiter, before)
  return promise.then(runTask) as Promise<R>
}

/** The one reaction of all task waiters: the promise of each resolves to the waiter itself. */
const runTask = (waiter: TaskWaiter): unknown => waiter.run()

function start(line: TaskLine, task: AnyTask, lock: Lock): unknown {
  const result = runGranted(task, lock)
  line.lastTaskWasSync = !isObject(result)
  return result
}

class TaskWaiter extends Waiter<Lock> {
  readonly #line: TaskLine
  readonly #task: AnyTask
  #lock: Lock | undefined = undefined

  constructor(resolve: Resolve<Lock>, line: TaskLine, task: AnyTask) {
    super(resolve)
    this.#line = line
    this.#task = task
  }

  override settle(lock: Lock): void {
    this.#lock = lock
    super.settle(this as never)
  }

  run(): unknown {
    return start(this.#line, this.#task, this.#lock as Lock)
  }
}

/**
 * All members wait for one promise, which settles when the first is granted; the platform then runs their reactions one
 * after the other. If the tasks before it ended at once, a member has been granted by then. If not, it came too early, and
 * goes on as a task waiter in front of the batch.
 */
class TurnBatch extends Place<Lock> {
  readonly #line: TaskLine
  readonly #turn = new Promise<void>(capture as (resolve: Resolve<void>) => void)
  readonly #open = takeCaptured<void>()
  readonly #tasks: (AnyTask | undefined)[] = []
  /** How many members no longer wait here. */
  #gone = 0
  /** How many reactions have run. */
  #started = 0
  /** What was granted last. A lock is exclusive, so its owner has it before the next grant. */
  #lock: Lock | undefined = undefined
  /** Rejects the members that are still here when all are rejected. */
  #refusal: Promise<never> | undefined = undefined

  constructor(line: TaskLine) {
    super()
    this.#line = line
  }

  /** No caller joins once the first was granted: the promise has settled, so its reaction would run too early. */
  get full(): boolean {
    return this.#gone > 0 || this.#tasks.length === 128
  }

  join<R>(task: Task<Lock, R>): Promise<R> {
    this.#tasks.push(task)
    return this.#turn.then(this.#start) as Promise<R>
  }

  grant(queue: PlaceQueue<Lock>, lock: Lock): void {
    this.#lock = lock
    // Once: Node reports when a promise is resolved again, which costs 100 ns.
    if (this.#gone++ === 0) this.#open()
    queue[$exit](this, this.#tasks.length - this.#gone)
  }

  reject(reason: unknown): void {
    this.#refusal = Promise.reject(reason)
    if (this.#gone === 0) this.#open(this.#refusal)
  }

  readonly #start = (): unknown => {
    const member = this.#started++
    const task = this.#tasks[member] as AnyTask
    this.#tasks[member] = undefined // let go of it before the others are done
    if (member < this.#gone) return start(this.#line, task, this.#lock as Lock)
    if (this.#refusal !== undefined) return this.#refusal
    const done = waitAlone(this.#line, task, this)
    if (++this.#gone === this.#tasks.length) this.#line.lanes.remove(this)
    return done
  }
}
