// How callers of `runExclusive` without options wait: many in one place, since none of them can leave.
//
// Which kind of batch serves better depends on the tasks (docs/decisions/waiters-share-a-promise.md):
//
//   TurnBatch   for tasks that end at once: all members wait for one promise, so a caller costs one reaction and one slot
//   GateBatch   for tasks that await something: each member has a promise of its own, its gate, and no node in a list
//
// Both keep guarantee G8: each member's task runs in a reaction of its own, so in the async context of its own caller.

import { isObject } from './arguments.js'
import { runGranted } from './hold.js'
import type { Lanes } from './lanes.js'
import type { Lock, Task } from './lock.js'
import { $exit } from './members.js'
import { capture, Place, type PlaceQueue, type Resolve, takeCaptured } from './waiters.js'

type AnyTask = Task<Lock, unknown>
type Open = Resolve<void>

/** What the batches of one queue share. */
export interface TaskLine {
  readonly lanes: Lanes<Place<Lock>>
  /** Whether the last task that had waited ended at once. */
  lastTaskWasSync: boolean
  /** Where the next caller joins while tasks await something. Kept until the lock is free, to be filled again. */
  gates: GateBatch | undefined
}

/** Waits, then runs `task` with the lock, in the caller's async context. The caller counts itself in. */
export function joinBatch<R>(line: TaskLine, task: Task<Lock, R>): Promise<R> {
  const { lanes, lastTaskWasSync } = line
  const { last } = lanes
  const Kind = lastTaskWasSync ? TurnBatch : GateBatch
  let batch: Place<Lock> | undefined = lastTaskWasSync ? last : line.gates
  // Others may have come after the batch. An empty one stands nowhere, and is entered again.
  if (!(batch instanceof Kind) || batch.full || (batch !== last && batch.next !== batch)) {
    batch = new Kind(line)
    if (batch instanceof GateBatch) line.gates = batch
  }
  if (batch.next === batch) lanes.add(batch)
  return (batch as Batch).join(task)
}

/** Members are granted in order, and their reactions run in the same order. */
abstract class Batch extends Place<Lock> {
  protected readonly line: TaskLine
  protected readonly tasks: (AnyTask | undefined)[] = []
  /** How many members no longer wait here. */
  protected granted = 0
  /** How many reactions have run. */
  #started = 0
  /** What was granted last. A lock is exclusive, so its owner has it before the next grant. */
  #lock: Lock | undefined = undefined

  constructor(line: TaskLine) {
    super()
    this.line = line
  }

  abstract get full(): boolean
  /** The promise on which the reaction of a new member hangs. */
  protected abstract turn(): Promise<void>
  /** Settles the promise of a member that was granted. */
  protected abstract open(member: number): void
  /** A reaction has run before its member was granted. */
  protected early(_task: AnyTask): unknown {
    return undefined // never, where each member has a promise of its own
  }

  join<R>(task: Task<Lock, R>): Promise<R> {
    this.tasks.push(task)
    return this.turn().then(this.#start) as Promise<R>
  }

  grant(queue: PlaceQueue<Lock>, lock: Lock): void {
    const member = this.granted++
    queue[$exit](this, this.tasks.length - this.granted)
    this.#lock = lock
    this.open(member)
  }

  readonly #start = (): unknown => {
    const member = this.#started++
    const task = this.tasks[member] as AnyTask
    this.tasks[member] = undefined // let go of it before the others are done
    if (member >= this.granted) return this.early(task)
    const result = runGranted(task, this.#lock as Lock)
    this.line.lastTaskWasSync = !isObject(result)
    return result
  }
}

/**
 * All members wait for one promise, which settles when the first is granted; the platform then runs the reactions one
 * after the other. If the tasks before it ended at once, a member has been granted by then. If not, it came too early,
 * and goes on in a `GateBatch` in front of this one.
 */
class TurnBatch extends Batch {
  readonly #turn = new Promise<void>(capture as (resolve: Open) => void)
  readonly #open = takeCaptured<void>()
  /** Rejects the members that are still here when all are rejected. */
  #refusal: Promise<never> | undefined = undefined

  /** No caller joins once the first was granted: the promise has settled, so its reaction would run too early. */
  get full(): boolean {
    return this.granted > 0 || this.tasks.length === 128
  }

  turn(): Promise<void> {
    return this.#turn
  }

  open(): void {
    this.#open() // without effect, but for the first
  }

  reject(reason: unknown): void {
    this.#refusal = Promise.reject(reason)
    this.#open(this.#refusal) // without effect if the first was granted
  }

  override early(task: AnyTask): Promise<unknown> {
    if (this.#refusal !== undefined) return this.#refusal
    const { line } = this
    let { previous } = this
    if (!(previous instanceof GateBatch) || previous.full) {
      previous = new GateBatch(line)
      line.lanes.insert(previous as GateBatch, this)
    }
    if (++this.granted === this.tasks.length) {
      line.lanes.remove(this)
      line.gates = previous as GateBatch
    }
    return (previous as GateBatch).join(task)
  }
}

/** Each member has a promise of its own. New ones join while others run, until the arrays are too long to keep. */
class GateBatch extends Batch {
  readonly #gates: (Open | undefined)[] = []

  get full(): boolean {
    return this.tasks.length === 1024
  }

  turn(): Promise<void> {
    const gate = new Promise<void>(capture as (resolve: Open) => void)
    this.#gates.push(takeCaptured<void>())
    return gate
  }

  open(member: number): void {
    ;(this.#gates[member] as Open)()
    this.#gates[member] = undefined
  }

  reject(reason: unknown): void {
    const refusal = Promise.reject(reason)
    for (const open of this.#gates.splice(this.granted)) (open as Open)(refusal)
    this.tasks.length = this.granted
  }
}
