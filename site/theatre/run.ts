// Plays a schedule on a real lock and writes down what can be seen after each step. Between two steps everything that is
// due runs, so a moment is what the lock has come to, and nothing in it depends on time.
//
// The same schedule always gives the same moments. To go back is to look at an earlier one, and to undo is to play a
// shorter schedule.

import { LOCKS, type LockName, namesOf, type Schedule, type Step, type Verb } from './schedule.js'
import { type Request, type Stage, setStage } from './stage.js'
import { ordinal } from './words.js'

/**
 * The state of the lock. `crowd`: more clients hold it than it allows. `stuck`: a client waits, and no client is left that could
 * change that. `lost`: a client that has left holds it. `overtaken`: a client was let in before one that had come earlier.
 */
export type Verdict = 'fine' | 'overtaken' | 'lost' | 'stuck' | 'crowd'

export type Phase = 'idle' | 'waits' | 'holds' | 'works' | 'holds-and-waits' | 'left' | 'ghost-waits' | 'ghost-holds'

export interface ClientView {
  readonly name: string
  readonly phase: Phase
  /** What it holds and what it waits for, in words: `a`, `2 permits`, `reads`. Empty where there is but one thing. */
  readonly holds: string
  readonly waitsFor: string
  /** Its place in the queue, from 1; 0 if it does not wait. */
  readonly place: number
}

export interface LineView {
  readonly key: string
  readonly holders: readonly Seat[]
  readonly queue: readonly Seat[]
  /** Taken, though no client holds it. */
  readonly kept: boolean
}

export interface Seat {
  readonly client: string
  readonly what: string
  /** The client has left, and the lock does not know. */
  readonly ghost: boolean
}

export interface Handover {
  readonly from: string
  readonly to: string
  /** Before `release()` returned: there was no moment in which the lock was free. */
  readonly atOnce: boolean
}

export interface Moment {
  readonly step: Step | undefined
  /** What happened, in sentences. */
  readonly told: readonly string[]
  readonly clients: readonly ClientView[]
  readonly lines: readonly LineView[]
  readonly handovers: readonly Handover[]
  readonly verdict: Verdict
  /** The verdict in a sentence or two. */
  readonly because: string
  /** How many stand in the queue: on the stage, and as the lock itself says, if it does. */
  readonly inLine: number
  readonly waiting: number | undefined
  /** What each client can do now. */
  readonly can: ReadonlyMap<string, ReadonlySet<Act>>
}

/** What a client can do: the verbs, with one word for all ways to ask. */
export type Act = 'ask' | 'work' | 'release' | 'again' | 'abort' | 'timeout'

export const actOf = (verb: Verb): Act => (verb === 'acquire' || verb === 'read' || verb === 'write' ? 'ask' : verb)

export async function play(schedule: Schedule): Promise<Moment[]> {
  const run = new Run(schedule)
  const moments = [run.look(undefined)]
  for (const step of schedule.steps) {
    run.take(step)
    await allMicrotasks()
    moments.push(run.look(step))
  }
  return moments
}

/** Returns when no microtask is left to run. */
const allMicrotasks = () =>
  new Promise<void>(resolve => {
    const { port1, port2 } = new MessageChannel()
    port1.onmessage = () => {
      port1.close()
      resolve()
    }
    port2.postMessage(undefined)
  })

class Run {
  readonly #schedule: Schedule
  readonly #stage: Stage
  readonly #requests: Request[] = []
  #told: string[] = []
  #handovers: Handover[] = []
  #worker: string | undefined
  #releasing: Request | undefined
  /** To whom a release has handed the lock so far. */
  #owners: Request[] = []
  /** While it calls, and for the rest of the step. */
  #asking: Request | undefined
  #asked: Request | undefined

  constructor(schedule: Schedule) {
    this.#schedule = schedule
    this.#stage = setStage(schedule, {
      granted: (request, atOnce) => this.#granted(request, atOnce),
      left: (request, reason) => this.#left(request, reason)
    })
  }

  take(step: Step): void {
    this.#told = []
    this.#handovers = []
    this.#worker = undefined
    this.#releasing = undefined
    this.#asked = undefined
    const { client, verb } = step
    const act = actOf(verb)
    if (!this.#abilities(client).has(act)) this.#tell(`${client} ${CANNOT[act]}`)
    else if (act === 'ask') this.#ask(step)
    else if (act === 'work') this.#work(client)
    else if (act === 'release') this.#release(client)
    else if (act === 'again') this.#releaseAgain(client)
    else this.#leaveQueue(client, act)
  }

  #tell(sentence: string): void {
    this.#told.push(sentence)
  }

  #ask(step: Step): void {
    const { lock } = this.#schedule
    const request: Request = {
      client: step.client,
      step,
      keys: lock === 'keyed' ? [...new Set(step.what?.split('+'))] : [''],
      permits: lock === 'semaphore' ? Number(step.what) : 1,
      state: 'waits',
      overtaken: 0,
      ghost: false,
      release: () => {},
      leave: () => {},
      expire: () => {}
    }
    this.#requests.push(request)
    this.#asking = request
    this.#tell(`${step.client} asks ${forWhat(lock, request)}.`)
    this.#stage.ask(request)
    this.#asking = undefined
    this.#asked = request
  }

  #tellPlace(request: Request): void {
    const places = request.keys.map(key => this.#stage.line(key).indexOf(request) + 1)
    this.#tell(`${request.client} has to wait, ${ordinal(Math.max(...places))} in the queue.`)
  }

  #granted(request: Request, atOnce: boolean): void {
    if (request.state === 'released') return
    for (const earlier of this.#requests) {
      if (earlier === request) break
      const meets = earlier.keys.some(key => request.keys.includes(key))
      if (earlier.state === 'waits' && meets && !earlier.ghost) {
        earlier.overtaken++
        this.#tell(`${request.client} goes past ${earlier.client}, which came first.`)
      }
    }
    const wasGone = request.state === 'left'
    request.state = 'holds'
    const from = this.#releasing
    if (from !== undefined) this.#handovers.push({ from: from.client, to: request.client, atOnce })
    if (wasGone) this.#tell(`The lock goes to ${request.client}, which has left. No client is there to release it.`)
    else if (request === this.#asking) this.#tell(`${request.client} has ${itOrThem(request)} at once.`)
    else if (request === this.#asked) this.#tell(`${request.client} has ${itOrThem(request)}.`)
    else if (from === undefined) this.#tell(`${request.client} is next, fits, and goes in at the same instant.`)
    else if (atOnce) this.#owners.push(request)
    else this.#tell(`${request.client} has the lock a moment after release() has returned.`)
  }

  #left(request: Request, reason: unknown): void {
    request.state = 'left'
    const why = (reason as Error | undefined)?.name === 'TimeoutError' ? 'times out' : 'cancels'
    this.#tell(
      request.ghost
        ? `${request.client} ${why} and goes away. The lock is not told, so its place in the queue stays.`
        : `${request.client} ${why} and leaves the queue at once. Nothing of it stays behind.`
    )
  }

  #work(client: string): void {
    this.#worker = client
    this.#tell(`${client} works with what the lock guards.`)
    const others = this.#crowd().filter(name => name !== client)
    if (others.length > 0) this.#tell(`${list(others)} may be doing the same right now.`)
  }

  #release(client: string): void {
    for (const request of this.#requests.filter(request => isHeldBy(request, client))) {
      const before = this.#stage.line('')
      this.#tell(`${client} releases${ofWhat(this.#schedule.lock, request)}.`)
      request.state = 'released'
      this.#letGo(request)
      if (this.#schedule.lock === 'buggy') this.#tellRequeue(before)
    }
  }

  #letGo(request: Request): void {
    this.#releasing = request
    this.#owners = []
    this.#stage.release(request)
    const owners = this.#owners.map(({ client }) => client)
    if (owners.length === 0) return
    const what = this.#schedule.lock === 'keyed' ? `what ${owners.length === 1 ? 'it' : 'they'} asked for` : 'the lock'
    this.#tell(`${list(owners)} ${owners.length === 1 ? 'owns' : 'own'} ${what} before release() has returned.`)
  }

  /** The fault of the buggy mutex: no client is served, and the first in the queue stands at the end of it. */
  #tellRequeue([first]: readonly Request[]): void {
    if (first === undefined || this.#handovers.length > 0) return
    this.#tell(`release() calls ${first.client}, which finds the lock still taken and queues again, at the end.`)
  }

  #releaseAgain(client: string): void {
    const request = this.#released(client)
    if (request === undefined) return
    this.#tell(`${client} calls the same release() once more.`)
    const { length } = this.#told
    const wasTaken = request.keys.some(key => this.#stage.isTaken(key))
    this.#letGo(request)
    if (this.#told.length > length) return
    const isFreed = wasTaken && !request.keys.some(key => this.#stage.isTaken(key))
    this.#tell(
      isFreed
        ? 'The lock counts as free now, although another client holds it.'
        : 'Nothing happens: it was released already.'
    )
  }

  #leaveQueue(client: string, act: 'abort' | 'timeout'): void {
    const request = this.#requests.find(request => request.client === client && request.state === 'waits')
    if (act === 'abort') request?.leave()
    else request?.expire()
  }

  #released(client: string): Request | undefined {
    return this.#requests.findLast(request => request.client === client && request.state === 'released')
  }

  #waitsFor(client: string): Request | undefined {
    return this.#requests.find(request => request.client === client && request.state === 'waits')
  }

  /** A client that waits can do nothing else until it is served or leaves. */
  #abilities(client: string): Set<Act> {
    if (this.#waitsFor(client)) return new Set(['abort', 'timeout'])
    const acts = new Set<Act>(['ask'])
    if (this.#requests.some(request => isHeldBy(request, client))) acts.add('work').add('release')
    if (this.#released(client)) acts.add('again')
    return acts
  }

  look(step: Step | undefined): Moment {
    const names = namesOf(this.#schedule.clients)
    const { verdict, because } = this.#judge()
    if (this.#asked?.state === 'waits') this.#tellPlace(this.#asked)
    return {
      step,
      told: this.#told,
      clients: names.map(name => this.#view(name)),
      lines: this.#keys().map(key => this.#lineView(key)),
      handovers: this.#handovers,
      verdict,
      because,
      inLine: new Set(this.#keys().flatMap(key => this.#stage.line(key))).size,
      waiting: this.#stage.waiting,
      can: new Map(names.map(name => [name, this.#abilities(name)]))
    }
  }

  #keys(): string[] {
    if (this.#schedule.lock !== 'keyed') return ['']
    return [...new Set(['a', 'b', ...this.#requests.flatMap(({ keys }) => keys)])].sort()
  }

  #lineView(key: string): LineView {
    const seat = (request: Request): Seat => ({
      client: request.client,
      what: wordFor(this.#schedule.lock, request),
      ghost: request.ghost
    })
    const holders = this.#holders(key)
    return {
      key,
      holders: holders.map(seat),
      queue: this.#stage.line(key).map(seat),
      kept: holders.length === 0 && this.#stage.isTaken(key)
    }
  }

  #view(name: string): ClientView {
    const { lock } = this.#schedule
    const own = this.#requests.filter(request => request.client === name)
    const held = own.filter(request => isHeldBy(request, name))
    const waiting = this.#waitsFor(name)
    const places = waiting?.keys.map(key => this.#stage.line(key).indexOf(waiting) + 1) ?? [0]
    return {
      name,
      phase: this.#phase(name, own, held.length > 0, waiting !== undefined),
      holds: held.map(request => wordFor(lock, request)).join(', '),
      waitsFor: waiting === undefined ? '' : wordFor(lock, waiting),
      place: Math.max(...places)
    }
  }

  #phase(name: string, own: readonly Request[], holds: boolean, waits: boolean): Phase {
    if (this.#worker === name) return 'works'
    if (holds) return waits ? 'holds-and-waits' : 'holds'
    if (waits) return 'waits'
    if (own.some(request => request.ghost && request.state === 'holds')) return 'ghost-holds'
    if (own.some(request => request.ghost && request.state === 'left')) return 'ghost-waits'
    return own.at(-1)?.state === 'left' ? 'left' : 'idle'
  }

  #holders(key: string): Request[] {
    return this.#requests.filter(({ state, keys }) => state === 'holds' && keys.includes(key))
  }

  #judge(): { verdict: Verdict; because: string } {
    const crowd = this.#crowd()
    if (crowd.length > 0) {
      return { verdict: 'crowd', because: `${list(crowd)} hold the lock at the same time. It lets in one too many.` }
    }
    const waiting = this.#requests.filter(({ state }) => state === 'waits')
    const stuck = waiting.filter(request => !this.#comesToPass(request, new Set()))
    const lost = this.#requests.filter(({ state, ghost }) => state === 'holds' && ghost)
    if (stuck.length > 0) return { verdict: 'stuck', because: this.#whyStuck(stuck, lost) }
    if (lost.length > 0) {
      const names = list(lost.map(({ client }) => client))
      return {
        verdict: 'lost',
        because: `The lock belongs to ${names}, which has left. No client will ever release it.`
      }
    }
    const overtaken = waiting.filter(request => request.overtaken > 0)
    if (overtaken.length > 0) return { verdict: 'overtaken', because: overtaken.map(whyOvertaken).join(' ') }
    return { verdict: 'fine', because: this.#whyFine(waiting.length) }
  }

  #whyStuck(stuck: readonly Request[], lost: readonly Request[]): string {
    const names = stuck.map(({ client }) => client)
    const wait = `${list(names)} ${names.length === 1 ? 'waits' : 'wait'} forever`
    const [gone] = lost
    if (gone) return `${wait}: the lock belongs to ${gone.client}, which has left.`
    const holders = new Set(stuck.flatMap(({ keys }) => keys.flatMap(key => this.#holders(key))))
    if (holders.size === 0) return `${wait}: no client holds the lock, so no client will ever hand it on.`
    const each = names.length === 1 ? 'itself' : 'each other'
    if (!LOCKS[this.#schedule.lock].own) return `${wait}, for ${each}.`
    return `${list(names)} ${names.length === 1 ? 'waits' : 'wait'} for ${each}. Only a cancellation can end that.`
  }

  #whyFine(waiting: number): string {
    const holders = this.#requests.filter(({ state }) => state === 'holds').length
    if (holders + waiting === 0)
      return this.#requests.length === 0 ? 'No client has asked yet.' : 'The lock is free, and no client waits.'
    if (waiting === 0) return 'No client waits.'
    return `${waiting === 1 ? 'One waits and has' : `${waiting} wait and have`} a holder to wait for.`
  }

  /** The clients that hold something together and should not. */
  #crowd(): string[] {
    const crowded = this.#keys().map(key => this.#holders(key).filter(({ ghost }) => !ghost))
    return crowded.find(holders => !this.#fit(holders))?.map(({ client }) => client) ?? []
  }

  #fit(holders: readonly Request[]): boolean {
    const { lock, size } = this.#schedule
    if (lock === 'semaphore') return holders.reduce((sum, { permits }) => sum + permits, 0) <= size
    const read = holders.every(({ step }) => step.verb === 'read')
    return holders.length <= 1 || ((lock === 'rw' || lock === 'readers-first') && read)
  }

  /** Whether a request can still be served: each client that it waits for is able to go on, one behind the other. */
  #comesToPass(request: Request, seen: ReadonlySet<Request>): boolean {
    if (seen.has(request)) return false
    const isAble = (other: Request) => {
      if (other.ghost) return false
      const waiting = this.#waitsFor(other.client)
      return waiting === undefined || this.#comesToPass(waiting, new Set([...seen, request]))
    }
    return request.keys.every(key => {
      const holders = this.#holders(key)
      const line = this.#stage.line(key)
      const ahead = line.slice(0, Math.max(0, line.indexOf(request))).filter(({ ghost }) => !ghost)
      if (holders.length > 0) return holders.some(isAble)
      return request.keys.length > 1 && ahead.length === 0 ? true : ahead.length > 0 && ahead.every(isAble)
    })
  }
}

const itOrThem = ({ keys, permits }: Request) => (keys.length + permits > 2 ? 'them' : 'it')

const isHeldBy = ({ client, state, ghost }: Request, name: string) => client === name && state === 'holds' && !ghost

const CANNOT: Record<Act, string> = {
  ask: 'waits already, and cannot ask for more.',
  work: 'does not hold the lock, and does nothing.',
  release: 'holds nothing that it could release.',
  again: 'has not released anything yet.',
  abort: 'does not wait, so there is nothing to cancel.',
  timeout: 'does not wait, so no time runs out.'
}

/** What a request is for, in a word or two. */
function wordFor(lock: LockName, { step, keys, permits }: Request): string {
  if (lock === 'keyed') return keys.join(' + ')
  if (lock === 'semaphore') return permits === 1 ? '1 permit' : `${permits} permits`
  return step.verb === 'acquire' ? '' : step.verb
}

function forWhat(lock: LockName, request: Request): string {
  const word = wordFor(lock, request)
  if (lock === 'keyed') return request.keys.length === 1 ? `for key ${word}` : `for keys ${word} together`
  if (lock === 'semaphore') return `for ${word}`
  return word === '' ? 'for the lock' : `to ${word}`
}

function ofWhat(lock: LockName, request: Request): string {
  const word = wordFor(lock, request)
  return lock === 'keyed' || lock === 'semaphore' ? ` ${word}` : ''
}

function whyOvertaken({ client, overtaken }: Request): string {
  return `${client} still waits, and ${overtaken === 1 ? 'one that came later was' : `${overtaken} that came later were`} let in before it.`
}

function list(names: readonly string[]): string {
  const distinct = [...new Set(names)]
  return distinct.length < 2 ? distinct.join('') : `${distinct.slice(0, -1).join(', ')} and ${distinct.at(-1)}`
}
