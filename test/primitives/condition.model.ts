// A condition and its mutex, and the model that they are compared with after each operation.
//
// Who gets the mutex next is not fixed by the contract where several come back to it in one tick, some notified and some
// given up. So the model keeps who may be next, and the run says who was.

import { inspect } from 'node:util'
import fc from 'fast-check'
import { type AcquireOptions, type Condition, type Lock, type LockOptions, Mutex } from 'latchkey'
import { expect, vi } from 'vitest'
import {
  anyWorld,
  type End,
  endOf,
  maybe,
  operation,
  type Play,
  refusalOf,
  Session,
  same,
  sameEnd,
  sequence,
  type World
} from '../properties/harness.js'
import { microtasks, REASONS } from '../properties/settings.js'

/** How a wait ends that is notified, and how a predicate does that finds what it looks for. */
const WELL: End = { value: undefined }

const REFUSED = new Error('of a predicate')

/** What a waitFor looks for: a level of `target`, in a predicate of that kind. */
interface Look {
  readonly target: number
  readonly kind: 'sync' | 'async' | 'throws'
}

interface Options {
  timeout?: number | undefined
  signal?: AbortSignal | undefined
  priority?: number | undefined
}

/**
 * Somebody who holds the mutex, or wants to.
 *
 *     asking -> holding -> looking -> waiting -> returning -> asking -> looking or holding
 *
 * In the end it is released, or refused without the mutex. Whoever is refused with the mutex is hearing of it.
 */
interface Actor {
  readonly id: number
  state: 'asking' | 'holding' | 'looking' | 'hearing' | 'waiting' | 'returning' | 'released' | 'refused'
  lock: Lock | undefined
  /** Of the wait under way, or the last one. */
  options: Options | undefined
  deadline: number
  look: Look | undefined
  /** What it will come to when it holds the mutex again: known from when it leaves the line of the condition. */
  coming: End | undefined
  /** What the model says of its last wait, and what the promise says. */
  end: End | undefined
  seen: End | undefined
  /** How it came into the line of the mutex: in which flush, and together with whom in a fixed order. */
  batch: number
  cause: string
}

type Event = { readonly actor: Actor; readonly held: boolean } & ({ readonly looked: number } | { readonly ended: End })

type MakeCondition = (mutex: Mutex, options: LockOptions) => Condition

class Waits extends Session<object> {
  readonly #mutex = new Mutex()
  readonly #condition: Condition
  readonly #actors: Actor[] = []
  /** What went on since the last flush, in order. */
  readonly #events: Event[] = []
  /** What waitFor looks at. Changed only by who holds the mutex. */
  #level = 0
  #flushes = 0
  /** Whether the mutex is held, and by whom, if that is known yet. */
  #locked = false
  #owner: Actor | undefined
  /** The line of the mutex, in order of arrival as far as that is known. */
  #askers: Actor[] = []
  /** The line of the condition, and who has left it and is not in the line of the mutex yet. */
  #waiters: Actor[] = []
  #returning: Actor[] = []
  #mutexClosed = false

  constructor(world: World, make: MakeCondition) {
    super(world)
    this.#condition = make(this.#mutex, { maxWaiting: world.maxWaiting, observer: this.observer })
  }

  // Steps. Each does the same to the model and to the condition.

  acquire(): void {
    const actor: Actor = {
      id: this.#actors.length,
      state: 'asking',
      lock: undefined,
      options: undefined,
      deadline: Number.POSITIVE_INFINITY,
      look: undefined,
      coming: undefined,
      end: undefined,
      seen: undefined,
      batch: this.#flushes,
      cause: 'acquire'
    }
    this.#actors.push(actor)
    if (this.#mutexClosed) this.#refuse(actor, { code: 'ERR_LOCK_CLOSED' })
    else this.#join(actor)
    this.#mutex.acquire().then(
      lock => {
        actor.lock = lock
        this.#events.push({ actor, held: lock.held, ended: WELL })
      },
      error => {
        actor.seen = endOf(error)
      }
    )
  }

  release(): void {
    const actor = this.#owner
    if (actor?.state !== 'holding') return
    actor.state = 'released'
    this.#handOn()
    actor.lock!.release()
  }

  /** The holder waits, or looks and waits. */
  wait(timeout?: number, pick?: number, priority?: number, look?: Look): void {
    const actor = this.#owner
    if (actor?.state !== 'holding') return
    const signal = this.signalAt(pick)
    const given = [timeout, pick, priority].some(part => part !== undefined)
    actor.options = given ? { timeout, signal, priority } : undefined
    actor.deadline = this.deadlineOf(timeout)
    actor.look = look && { ...look, target: this.#level + look.target }
    actor.end = actor.seen = undefined
    const options = actor.options as AcquireOptions | undefined
    if (look === undefined) {
      this.#enter(actor, timeout === 0)
      this.#follow(actor, this.#condition.wait(actor.lock!, options))
    } else {
      const refusal = this.closed ?? (signal?.aborted ? { reason: signal.reason } : undefined)
      if (refusal) this.#keep(actor, refusal)
      else actor.state = 'looking'
      this.#follow(actor, this.#condition.waitFor(actor.lock!, this.#predicate(actor), options))
      if (!refusal) this.#look(actor, this.#events.shift())
    }
  }

  /** The holder changes what others look at. */
  raise(): void {
    if (this.#owner?.state === 'holding') this.#level++
  }

  notify(n: number): void {
    const woken = this.#waiters.slice(0, n)
    for (const actor of woken) this.#leave(actor, WELL, 'notified')
    const all = n > 9
    const count = all ? this.#condition.notifyAll() : this.#condition.notify(n)
    same('notify()', count, woken.length)
  }

  /** @param notifying whether somebody notifies in a listener that was there before the condition's */
  abort(pick: number, reason: unknown, notifying: boolean): void {
    this.abortAt(pick, reason, signal => {
      for (const actor of this.#waiters.filter(({ options }) => options?.signal === signal))
        this.#leave(actor, { reason }, `${actor.id}`)
      const next = notifying ? this.#waiters[0] : undefined
      if (next) this.#leave(next, WELL, 'notified')
      if (notifying) this.amid = () => same('notify()', this.#condition.notify(), next ? 1 : 0)
    })
  }

  pass(ms: number): void {
    this.now += ms
    for (const actor of this.#waiters.filter(({ deadline }) => deadline <= this.now))
      this.#leave(actor, { code: 'ERR_LOCK_TIMEOUT' }, `${actor.id}`)
    vi.advanceTimersByTime(ms)
  }

  cancelWaiters(reason: unknown): void {
    this.#sendAway(refusalOf(reason, 'ERR_LOCK_CANCELLED'))
    this.#condition.cancelWaiters(reason)
  }

  close(reason: unknown): void {
    if (this.closed === undefined) {
      this.closed = refusalOf(reason, 'ERR_LOCK_CLOSED')
      this.#sendAway(this.closed)
    }
    this.spectate(this.#condition.close(reason), this.#waiters.length === 0)
  }

  whenFree(): void {
    this.spectate(this.#condition.whenFree(), this.#waiters.length === 0)
  }

  /** After a flush, when it is known who of those who asked holds the mutex by now. */
  async cancelMutex(): Promise<void> {
    await this.flush()
    for (const actor of this.#askers.splice(0)) this.#refuse(actor, { code: 'ERR_LOCK_CANCELLED' })
    this.#mutex.cancelWaiters()
  }

  async closeMutex(): Promise<void> {
    await this.flush()
    this.#mutexClosed = true
    for (const actor of this.#askers.splice(0)) this.#refuse(actor, { code: 'ERR_LOCK_CLOSED' })
    void this.#mutex.close()
  }

  async flush(): Promise<void> {
    this.#flushes++
    for (const actor of this.#returning.splice(0)) {
      actor.batch = this.#flushes
      if (this.#mutexClosed) this.#refuse(actor, { code: 'ERR_LOCK_CLOSED' })
      else this.#join(actor)
    }
    const looker = this.#owner
    if (looker?.state === 'looking') this.#lookedAt(looker)
    await microtasks()
    for (const event of this.#events.splice(0)) {
      const { actor } = event
      if (this.#owner !== actor) this.#grant(actor)
      same(`#${actor.id} holds the mutex`, event.held, true)
      if ('looked' in event) {
        this.#look(actor, event)
        this.#lookedAt(actor)
      } else {
        actor.seen = event.ended
        actor.state = 'holding'
      }
    }
    same('it is known who holds the mutex', this.#owner !== undefined, this.#locked)
    for (const { id, seen, end } of this.#actors) sameEnd(`how the wait of #${id} ended`, seen, end)
    this.checkSpectators()
  }

  // The model.

  /** Into the line of the mutex, or to the mutex. */
  #join(actor: Actor): void {
    actor.state = 'asking'
    this.#askers.push(actor)
    this.#locked = true
  }

  #handOn(): void {
    this.#owner = undefined
    this.#locked = this.#askers.length > 0
  }

  /** The run says that `actor` holds the mutex now. */
  #grant(actor: Actor): void {
    same(`the mutex is free for #${actor.id}`, this.#owner === undefined && this.#askers.includes(actor), true)
    for (const other of this.#askers) {
      const first = other.batch < actor.batch || (other.batch === actor.batch && other.cause === actor.cause)
      if (other === actor) break
      same(`#${other.id} before #${actor.id}`, first, false)
    }
    this.#askers = this.#askers.filter(other => other !== actor)
    this.#owner = actor
    actor.state = 'holding'
    if (actor.coming === WELL && actor.look !== undefined) actor.state = 'looking'
    else actor.end = actor.coming ?? WELL
    actor.coming = undefined
  }

  /** A predicate was called: under the lock, seeing the level as it is. */
  #look(actor: Actor, event: Event | undefined): void {
    same(`#${actor.id} looks`, event?.actor === actor && 'looked' in event && event.looked, this.#level)
    same(`#${actor.id} looks under the lock`, event?.held === true && actor.state === 'looking', true)
  }

  /** What the predicate said is heard, in a microtask. */
  #lookedAt(actor: Actor): void {
    const { target, kind } = actor.look!
    actor.state = 'holding'
    if (this.#level < target) this.#enter(actor, actor.deadline <= this.now)
    else actor.end = kind === 'throws' ? { reason: REFUSED } : WELL
  }

  /** Into the line of the condition, without the mutex; or refused, with it. */
  #enter(actor: Actor, late: boolean): void {
    const signal = actor.options?.signal
    if (this.closed) this.#keep(actor, this.closed)
    else if (signal?.aborted) this.#keep(actor, { reason: signal.reason })
    else if (late) this.#keep(actor, { code: 'ERR_LOCK_TIMEOUT' })
    else if (this.#waiters.length >= (this.world.maxWaiting ?? Number.POSITIVE_INFINITY))
      this.#keep(actor, { code: 'ERR_QUEUE_FULL' })
    else {
      actor.state = 'waiting'
      const above = this.#waiters.filter(other => priorityOf(other) >= priorityOf(actor))
      this.#waiters.splice(above.length, 0, actor)
      this.#handOn()
    }
  }

  /** Is refused and keeps the mutex, but does nothing before it has heard of that. */
  #keep(actor: Actor, end: End): void {
    actor.state = 'hearing'
    actor.end = end
  }

  #leave(actor: Actor, coming: End, cause: string): void {
    actor.state = 'returning'
    Object.assign(actor, { coming, cause })
    this.#waiters = this.#waiters.filter(other => other !== actor)
    this.#returning.push(actor)
    if (this.#waiters.length === 0) this.nowFree()
  }

  #sendAway(reason: End): void {
    for (const actor of [...this.#waiters]) this.#leave(actor, reason, 'sent away')
  }

  /** Has not got the mutex, and never will. */
  #refuse(actor: Actor, end: End): void {
    actor.state = 'refused'
    actor.end = end
  }

  /** What became of the last wait of everyone, in words. */
  get fates(): string[] {
    return this.#actors.map(({ state, look, end }) => {
      const how = end && ('code' in end ? end.code : 'value' in end ? 'well' : 'a reason')
      return `${look ? 'waitFor' : 'wait or acquire'}: ${how}${state === 'refused' ? ', without the mutex' : ''}`
    })
  }

  // The real one.

  #predicate(actor: Actor): () => boolean | Promise<boolean> {
    return () => {
      this.#events.push({ actor, held: actor.lock!.held, looked: this.#level })
      const { target, kind } = actor.look!
      const found = this.#level >= target
      if (found && kind === 'throws') throw REFUSED
      return kind === 'async' ? Promise.resolve(found) : found
    }
  }

  #follow(actor: Actor, promise: Promise<void>): void {
    const saw = (ended: End) => {
      if (actor.state === 'refused') actor.seen = ended
      else this.#events.push({ actor, held: actor.lock!.held, ended })
    }
    promise.then(
      () => saw(WELL),
      reason => saw(endOf(reason))
    )
  }

  // What must hold after every step, and at the end.

  check(): void {
    const waiters = this.#waiters
    same('waiting', this.#condition.waiting, waiters.length)
    same('closed', this.#condition.closed, this.closed !== undefined)
    same('inspect', inspect(this.#condition), `Condition { ${this.closed ? 'closed, ' : ''}${waiters.length} waiting }`)
    same('locked', this.#mutex.locked, this.#locked)
    // When nobody knows yet who holds it, one of those in line does.
    const inLine = this.#askers.length - (this.#locked && this.#owner === undefined ? 1 : 0)
    same('in the line of the mutex', this.#mutex.waiting, inLine)
    for (const actor of this.#actors) if (actor.lock) same(`#${actor.id} holds`, actor.lock.held, actor === this.#owner)
    const timed = waiters.map(({ deadline }) => deadline)
    // The time of `waitFor` counts for all of it, so its timer runs from the call to the end, while it looks too.
    const looking = this.#actors.some(
      ({ look, deadline, seen }) => look && deadline < Number.POSITIVE_INFINITY && seen === undefined
    )
    if (!looking || timed.some(deadline => deadline < Number.POSITIVE_INFINITY)) this.checkTimers(timed)
    this.checkListeners(signal => waiters.some(({ options }) => options?.signal === signal))
    if (!this.world.observed) return
    const told = this.stories
    same('queued for an observer', told.filter(events => events === 'queued').length, waiters.length)
    for (const events of told) expect(['queued', 'queued,granted', 'queued,abandoned', 'abandoned']).toContain(events)
  }

  /** Everyone is notified, finds what it looks for, and lets go. */
  async finish(): Promise<void> {
    await this.flush()
    this.#level = Number.POSITIVE_INFINITY
    for (let rounds = 0; this.#locked || this.#waiters.length > 0; rounds++) {
      if (rounds > 2 * this.#actors.length) throw new Error('the model does not come to an end')
      this.notify(10)
      this.release()
      this.check()
      await this.flush()
      this.check()
    }
    for (const { id, state } of this.#actors) same(`#${id} is done`, ['released', 'refused'].includes(state), true)
    this.checkNothingLeft()
    same('free', this.#mutex.tryAcquire() !== undefined, !this.#mutexClosed)
  }
}

const priorityOf = ({ options }: Actor) => options?.priority ?? 0

const pick = fc.nat(5)
const reason = fc.constantFrom(...REASONS)
const look = fc.record({
  target: fc.constantFrom(0, 1, 1, 2),
  kind: fc.constantFrom<Look['kind'][]>('sync', 'sync', 'async', 'throws')
})
/** Few runs close anything, and late, so that most go far. */
const operations = sequence(
  [
    operation(6, 'acquire'),
    operation(3, 'release'),
    operation(
      9,
      'wait',
      maybe(fc.constantFrom(0, 1, 5, 5)),
      maybe(pick),
      maybe(fc.constantFrom(-1, 0, 1)),
      maybe(look)
    ),
    operation(2, 'raise'),
    operation(3, 'notify', fc.constantFrom(1, 1, 2, 10)),
    operation(3, 'abort', pick, reason, fc.boolean()),
    operation(2, 'pass', fc.constantFrom(1, 4)),
    operation(1, 'cancelWaiters', maybe(reason)),
    operation(1, 'whenFree'),
    operation(1, 'cancelMutex'),
    operation(9, 'flush')
  ],
  { most: 50, closing: [operation(1, 'close', maybe(reason)), operation(1, 'closeMutex')], after: 6 }
)

const HOW = ['well', 'a reason', 'ERR_LOCK_TIMEOUT', 'ERR_LOCK_CANCELLED', 'ERR_LOCK_CLOSED', 'ERR_QUEUE_FULL']
const WITHOUT = ['ERR_LOCK_CANCELLED', 'ERR_LOCK_CLOSED'].map(code => `${code}, without the mutex`)
export const FATES = ['wait or acquire', 'waitFor'].flatMap(what => [...HOW, ...WITHOUT].map(how => `${what}: ${how}`))

/** How a condition is played with. */
export const conditionPlay = (make: MakeCondition): Play<Waits> => ({
  world: anyWorld(maybe(fc.constantFrom(0, 1, 3), 3)),
  operations,
  make: world => new Waits(world, make)
})
