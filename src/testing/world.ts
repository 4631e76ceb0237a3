// A lock under a schedule: takes the steps, one by one, and notes what the lock makes of them.
//
// A lock that is looser than another, but legal, passes: in a race between a grant and an abort both outcomes are right, and
// a release may take a few turns to arrive.

import { attempt } from './calls.js'
import { type Client, Request, WatchedSignal } from './client.js'
import { macrotask, microtasks, realTime } from './clock.js'
import { leftBehind, missing, unhandledError } from './judge.js'
import { LONG, type Step, TIMEOUT } from './steps.js'
import type { Release, RequestOptions } from './subject.js'
import { list, textOf } from './wording.js'
import { call, type Fault, remove, WorldState } from './world-state.js'

const ABORTED = new Error('the caller has aborted')
const FAILED = new Error('the task has failed')
const RESULT = Object.freeze({ what: 'the result of the task' })
/** The failures of other callers: no task is to be given one. */
const FOREIGN: readonly unknown[] = [FAILED, ABORTED]
const ignore = () => {}

/** Real ms that a lock is given to let a waiter in. */
const REAL_WAIT_MS = 100
/** So many rounds of microtasks are enough for any lock that does not wait for something else. */
const MICROTASK_ROUNDS = 16
/** How long a lock that polls may keep a caller waiting, in ms, and in polls. */
const MAX_WAIT_MS = 10_000
const MAX_POLLS = 300

export class World extends WorldState {
  /** Whether time passes: a lock may end a wait by itself then, as it has a timeout of its own. */
  #timePasses = false
  /** The last request since all was quiet; nothing once a task has failed since then, which may be what others hear of. */
  #newcomer: Request | undefined
  #hasFailed = false

  /** Takes a step. False if it is not possible now. */
  perform(step: Step): boolean {
    const client = step.client === undefined ? undefined : this.clients[step.client]
    if (this.quiet) this.#newcomer = undefined
    this.#hasFailed = (!this.quiet && this.#hasFailed) || step.does === 'fail' || step.does === 'run throwing'
    const done = client ? this.#act(client, step) : this.#happen(step)
    if (done) this.quiet = false
    return done
  }

  /** A schedule that is made simpler may ask for what this lock does not have. */
  #offers({ does }: Step): boolean {
    const { acquire, tryAcquire, run } = this.subject
    return (does === 'acquire' ? acquire : does === 'try' ? tryAcquire : run) !== undefined
  }

  #act(client: Client, step: Step): boolean {
    client.used = true
    const { request } = client
    const { stale } = this
    switch (step.does) {
      case 'acquire':
      case 'run':
      case 'run throwing':
      case 'try':
        if (client.state !== 'idle' || !this.#offers(step)) return false
        this.#ask(client, step)
        return true
      case 'release':
        if (request?.state !== 'holding' || !request.release) return false
        this.#release(request, request.release)
        return true
      case 'release again':
        if (stale?.client !== client || client.state !== 'idle') return false
        this.marks.add(this.holders.length > 0 ? 'released again while held' : 'released again')
        call(stale.release)
        return true
      case 'finish':
      case 'fail':
        if (request?.state !== 'holding' || !request.gate) return false
        this.#end(request, step.does === 'fail')
        return true
      case 'abort':
        if (!request?.signal || request.signal.signal.aborted || request.state === 'done') return false
        if (request.state === 'waiting') this.#abandon(request, 'abort')
        request.signal.abort(ABORTED)
        return true
      default:
        return false
    }
  }

  #happen(step: Step): boolean {
    const act = step.does === 'close' ? this.subject.close : this.subject.cancelWaiters
    if (!act || this.closed) return false
    for (const request of [...this.queue]) this.#abandon(request, step.does === 'close' ? 'close' : 'cancel')
    if (step.does === 'close') this.closed = true
    else this.marks.add('cancelled')
    // Those that wait for any key, and the one that stands for a lock without keys.
    const keys = new Set(step.does === 'close' ? ['a'] : ['a', ...this.queue.map(({ key }) => key)])
    for (const key of keys) call(() => act.call(this.subject, key))
    return true
  }

  #ask(client: Client, step: Step): void {
    const request = new Request(client, step)
    client.request = request
    this.#newcomer = request
    const { subject } = this
    const ask = this.#askOf(request)
    if (step.does === 'try') this.#try(request, ask)
    else {
      this.queue.push(request)
      try {
        const promise = request.isRun
          ? subject.run?.(request.key, (...given) => this.#task(request, given), ask)
          : subject.acquire?.(request.key, ask)
        Promise.resolve(promise).then(
          value => this.#resolved(request, value),
          reason => this.#rejected(request, reason)
        )
      } catch (error) {
        this.#rejected(request, error)
      }
    }
  }

  #askOf(request: Request): RequestOptions {
    const { permits, mode } = request.step
    const limit = request.step.with
    if (limit === 'timeout') this.marks.add('timed')
    if (this.closed) {
      request.abandoned = 'close'
      request.mustLeave = true
    }
    if (limit === 'signal' || limit === 'aborted signal') {
      request.signal = new WatchedSignal()
      this.signals.push({ watched: request.signal, request })
      if (limit === 'aborted signal') {
        request.signal.abort(ABORTED)
        request.abandoned = 'abort'
        request.mustLeave = true
        this.marks.add('came too late')
      }
    }
    return {
      ...(permits === undefined ? {} : { permits }),
      ...(mode === undefined ? {} : { mode }),
      ...(request.signal ? { signal: request.signal.signal } : {}),
      ...(limit === 'timeout' ? { timeout: TIMEOUT } : {})
    }
  }

  #try(request: Request, ask: RequestOptions): void {
    const free = this.quiet && !this.closed && this.fits(request) && this.before(request).length === 0
    const answer = (release: Release | undefined) => {
      this.trying.delete(request)
      if (release) return this.#granted(request, release)
      request.state = 'done'
      this.marks.add('failed to try')
      if (free)
        this.fail('progress', `${this.nameFor(request)} tries a free lock and does not get it`, [request, 'holding'])
    }
    try {
      const answered = this.subject.tryAcquire?.(request.key, ask)
      if (typeof answered === 'object') {
        this.trying.add(request)
        answered.then(answer, () => answer(undefined))
      } else answer(answered)
    } catch {
      answer(undefined)
    }
  }

  #task(request: Request, given: readonly unknown[]): unknown {
    this.#granted(request, undefined)
    if (given.some(value => FOREIGN.includes(value)))
      this.fail('result', `the task of ${this.nameFor(request)} is handed the failure of the task before it`)
    if (given.includes(RESULT))
      this.fail('argument', `the task of ${this.nameFor(request)} is handed the result of the task before it`)
    if (request.signal?.signal.aborted)
      this.fail('started', `the task of ${this.nameFor(request)} starts though its signal has aborted`, [
        request,
        'idle'
      ])
    if (request.step.does === 'run throwing') {
      this.#end(request, true)
      throw FAILED
    }
    return new Promise((resolve, reject) => {
      request.gate = { resolve, reject }
    })
  }

  #granted(request: Request, release: Release | undefined): void {
    const who = this.nameFor(request)
    if (request.told) {
      this.fail('result', `${who} was told that its task had ended, and the task starts afterwards`)
      return
    }
    if (request.state === 'done') {
      this.fail('late', `${who} was rejected, and is let in afterwards`, [request, 'idle'])
      return
    }
    if (request.mustLeave)
      this.fail('late', `${who} had left the queue (${request.abandoned}) and is let in all the same`, [
        request,
        'idle'
      ])
    const overtaken = this.before(request).filter(other => !other.abandoned)
    if (!this.fits(request)) {
      const inside = this.holders.filter(other => other.key === request.key).map(other => this.nameFor(other))
      const still = `${list(inside)} still ${inside.length > 1 ? 'hold' : 'holds'}`
      if (this.patient) this.fail('expired', `after a while ${who} is let in though ${still}`, [request, 'waiting'])
      else this.fail('exclusion', `${who} is let in while ${still}`, [request, 'waiting'])
    }
    // Whether it was out of turn is judged when all is quiet: it was not, if the other was let in as well.
    for (const other of overtaken) this.overtaken.push({ by: request, other })
    remove(this.queue, request)
    request.state = 'holding'
    request.release = release
    this.holders.push(request)
  }

  #release(request: Request, release: Release): void {
    remove(this.holders, request)
    request.state = 'done'
    this.stale = { release, client: request.client, key: request.key, queued: request.queued }
    call(release)
  }

  #end(request: Request, failed: boolean): void {
    remove(this.holders, request)
    request.state = 'done'
    request.ended = { failed, value: failed ? FAILED : RESULT }
    if (failed) this.marks.add('threw')
    if (!request.settled) this.unreported.add(request)
    if (failed) request.gate?.reject(FAILED)
    else request.gate?.resolve(RESULT)
  }

  #abandon(request: Request, reason: Request['abandoned']): void {
    if (request.abandoned) return
    // A waiter behind another that leaves in the same instant may be let in by that.
    const first = this.before(request).length === 0 || reason === 'abort' || reason === 'cancel'
    request.abandoned = reason
    request.mustLeave = this.quiet && first && reason !== 'timeout'
    this.marks.add('left')
  }

  #resolved(request: Request, value: unknown): void {
    request.settled = true
    this.unreported.delete(request)
    if (!request.isRun) {
      this.#granted(request, value as Release)
      return
    }
    const { ended } = request
    if (ended && !ended.failed && Object.is(ended.value, value)) return
    const newcomer = this.#newcomer
    if (request.state === 'waiting' && value === undefined && newcomer && newcomer !== request) {
      remove(this.queue, request)
      request.state = 'done'
      request.told = true
      this.fail('dropped', `${this.nameFor(request)} is turned away when ${this.nameFor(newcomer)} comes`)
      return
    }
    const what = !ended
      ? 'is told of a result before its task has ended'
      : ended.failed
        ? 'is told that its task went well, though it failed'
        : 'is given another result than that of its task'
    this.fail('result', `${this.nameFor(request)} ${what}`)
  }

  #rejected(request: Request, reason: unknown): void {
    request.settled = true
    this.unreported.delete(request)
    const who = this.nameFor(request)
    if (request.state === 'waiting') {
      const others = this.before(request)
      const isLate = this.patient && others.length === 0 && this.fits(request)
      remove(this.queue, request)
      request.state = 'done'
      if (request.abandoned === 'abort' && !this.closed && !Object.is(reason, ABORTED))
        this.fail('reason', `${who} is rejected with something else than the reason of its signal`)
      else if (!request.abandoned && !this.closed && !this.#timePasses) {
        // One that comes in the same turn may hear of a failure before it; and whose error is another's hears of that.
        const isHeard = FOREIGN.includes(reason)
        const mayBeDropped = !isHeard && !this.#hasFailed && (request.queued || !this.marks.has('threw'))
        const isFull = !isHeard && !request.queued && others.length > 0
        const last = mayBeDropped && this.#newcomer !== request ? this.#newcomer : undefined
        const newcomer = isFull ? request : last
        const why = isLate
          ? 'kept waiting though the lock is free, and then rejected'
          : newcomer
            ? `turned away when ${newcomer === request ? 'it comes, as others wait' : `${this.nameFor(newcomer)} comes`}`
            : 'rejected without a reason'
        this.fail(newcomer ? 'dropped' : 'refused', `${who} is ${why} (${textOf(reason)})`, [request, 'waiting'])
      }
      return
    }
    const { ended } = request
    if (ended?.failed && Object.is(ended.value, reason)) return
    const what = !ended
      ? 'is rejected while its task still runs'
      : ended.failed
        ? 'is rejected with another error than that of its task'
        : `is told that its task failed, though it went well (${textOf(reason)})`
    this.fail('result', `${who} ${what}`)
  }

  /** Lets more time pass than any caller is ready to wait. */
  async passTime(): Promise<void> {
    const { clock } = this.environment
    const limit = clock.now + LONG
    for (const request of [...this.queue]) if (request.step.with === 'timeout') this.#abandon(request, 'timeout')
    if (this.holders.length > 0) this.marks.add('time has passed')
    this.quiet = false
    this.#newcomer = undefined
    this.#timePasses = true
    for (let i = 0; i < MAX_POLLS && !this.fault && clock.step(limit); i++) await microtasks(MICROTASK_ROUNDS)
    clock.jump(limit)
  }

  /** Lets everything run that is due, and judges what has come of it. */
  async settle(): Promise<void> {
    const { clock } = this.environment
    const limit = clock.now + MAX_WAIT_MS
    await microtasks(MICROTASK_ROUNDS)
    for (let calls = 0; calls < MAX_POLLS && clock.isDue && clock.step(clock.now); calls++)
      await microtasks(MICROTASK_ROUNDS)
    // A caller is kept waiting: perhaps the lock polls, or comes back by a longer way.
    for (
      let idle = 0, polls = 0;
      !this.fault && !unhandledError(this) && missing(this) && idle < 3 && polls < MAX_POLLS;
      polls++
    ) {
      if (clock.step(limit)) this.patient = true
      else {
        idle++
        await macrotask()
      }
      await microtasks(MICROTASK_ROUNDS)
    }
    await this.#waitInEarnest()
    if (this.environment.awaitsRejections && !this.fault) await macrotask()
    this.patient = false
    this.#timePasses = false
    this.quiet = true
    for (const request of this.queue) {
      request.queued = true
      if (!request.abandoned) this.environment.seen.waited = true
    }
    const fault = this.fault ? undefined : (unhandledError(this) ?? missing(this) ?? leftBehind(this))
    if (!fault) return
    this.fault = fault
    if (fault.kind === 'progress') await this.#lookFurther(fault)
  }

  /** A lock may wait for something that is neither a timer nor a promise. It is given real time before it is accused. */
  async #waitInEarnest(): Promise<void> {
    const { seen } = this.environment
    if (this.fault || !missing(this) || (!seen.slow && seen.futile >= 3)) return
    if (await realTime(() => !missing(this), REAL_WAIT_MS)) {
      seen.slow = true
      await microtasks(MICROTASK_ROUNDS)
    } else seen.futile++
  }

  /** A waiter that is not let in may be so by the next caller that comes and goes: then it does not wait forever. */
  async #lookFurther(fault: Fault): Promise<void> {
    const waiter = this.queue.find(request => this.before(request).length === 0 && this.fits(request))
    if (!waiter || this.closed) return
    const { subject } = this
    const { key } = waiter
    const comeAndGo = attempt(() =>
      subject.acquire ? subject.acquire(key, {}).then(release => release(), ignore) : subject.run?.(key, ignore, {})
    )
    Promise.resolve(comeAndGo).then(ignore, ignore)
    await microtasks(2 * MICROTASK_ROUNDS)
    await macrotask()
    await microtasks(MICROTASK_ROUNDS)
    const who = this.nameFor(waiter)
    if (waiter.state !== 'waiting') {
      this.fault = { ...fault, text: `${who} waits though the lock is free, until another caller comes and goes` }
      return
    }
    // Those beside which there is room for it: perhaps it waits for them all the same.
    const beside = this.holders.filter(({ key: other }) => other === key)
    if (beside.length === 0) return
    for (const holder of beside) {
      if (holder.release) call(holder.release)
      else holder.gate?.resolve(RESULT)
    }
    await microtasks(2 * MICROTASK_ROUNDS)
    await macrotask()
    await microtasks(MICROTASK_ROUNDS)
    const names = list(beside.map(holder => this.nameFor(holder)))
    const until = waiter.state === 'waiting' ? '' : `, until ${names} ${beside.length > 1 ? 'release' : 'releases'}`
    const wait = waiter.state === 'waiting' ? 'waits forever' : 'waits'
    this.fault = { ...fault, text: `${who} ${wait} though there is room for it beside ${names}${until}` }
  }
}
