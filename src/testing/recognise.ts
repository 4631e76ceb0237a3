// Finds out what a lock of any make offers, and makes a `Subject` of it.
//
//   const create = watched(() => new TheirMutex())
//   const bind = await recogniseAll(create, hints)   // asynchronous, once: tries things out on fresh locks
//   const subject = bind(create())                   // synchronous and cheap, for the fresh lock of each schedule
//
// Names alone cannot tell whether `lock(x)` takes a key, a task or nothing, nor what `acquire` resolves to. So names only
// say what to try first (names.ts), and the answer is what a fresh lock does: was the task called, what did the promise
// come to, did a second caller have to wait, what was read from the options. Every trial has an end (probe.ts).
//
// `watched` notes the maps that are made together with a lock, so that entries in a private one can be counted.

import { binderFor, capacityOf } from './bind.js'
import { type AcquireShape, type ArgumentRole, type Callable, type CallShape, invoke, type Plan } from './calls.js'
import { watched } from './gauges.js'
import { type Hints, UnrecognisedError } from './hints.js'
import { type Member, type Members, membersOf, modesOf, perKey, pick, withoutMode } from './members.js'
import { normal, PARTNERS, RELEASE, saysSemaphore } from './names.js'
import { Call, isReference } from './probe.js'
import type { Subject, SubjectFactory } from './subject.js'
import { rolesOf, Trials } from './trials.js'
import { show, signatureOf } from './wording.js'

/**
 * Tries fresh locks out and says how they are used. Takes some tenths of a second at most, plus what the lock's own
 * timers take.
 *
 * @throws UnrecognisedError when it cannot tell.
 */
export async function recogniseAll(create: () => unknown, hints: Hints = {}): Promise<SubjectFactory> {
  return new Recogniser(watched(create), hints).recognise()
}

class Recogniser {
  readonly #create: () => unknown
  readonly #hints: Hints
  readonly #trials: Trials

  constructor(create: () => unknown, hints: Hints) {
    this.#create = create
    this.#hints = hints
    this.#trials = new Trials(create, hints)
  }

  async recognise(): Promise<SubjectFactory> {
    const lock = this.#create()
    if (!isReference(lock)) throw new UnrecognisedError(`a lock is an object or a function, and this is ${show(lock)}`)
    const members = membersOf(lock)

    const modes =
      this.#hints.kind === undefined || this.#hints.kind === 'read-write-lock' ? modesOf(lock, members) : undefined
    if (modes) {
      const read = await this.#plan(modes.read, members)
      const write = await this.#plan(modes.write, members)
      if (works(read) && works(write))
        return binderFor(this.#create, this.#hints, { read, write }, members, 'read-write-lock')
    }
    for (const known of [members, perKey(lock, members)]) {
      const plan = await this.#plan(known, known)
      if (works(plan))
        return binderFor(this.#create, this.#hints, { write: plan }, known, await this.#kindOf(lock, plan))
    }
    throw this.#unrecognised(members)
  }

  /** By its name, and a semaphore only if it does let several in. */
  async #kindOf(lock: object, plan: Plan): Promise<Subject['kind']> {
    const { kind, capacity, name } = this.#hints
    if (kind !== undefined) return kind
    const names = [name, lock.constructor?.name, typeof lock === 'function' ? (lock as Callable).name : '']
    if (capacity === undefined && !names.some(name => name && saysSemaphore(name) && !/mutex/i.test(name)))
      return 'mutex'
    return (await capacityOf(this.#create, this.#hints, plan)) > 1 ? 'semaphore' : 'mutex'
  }

  async #plan(members: Members, all: Members): Promise<Plan> {
    const { shape } = this.#hints
    const releases = pick(RELEASE, members, this.#hints.release)
    const shared = releases.length > 0 ? releases : pick(RELEASE, all, this.#hints.release)

    let acquire = shape === 'run' ? undefined : await this.#trials.findAcquire(members, shared)
    const run = shape === 'acquire' || shape === 'pair' ? undefined : await this.#trials.findRun(members, shared)
    if (run?.callback) acquire ??= run.callback
    const keyed = this.#hints.keyed ?? acquire?.keyed ?? run?.way?.keyed ?? false
    const release =
      acquire?.grant === 'pair' || acquire === undefined
        ? releaseShape(
            pick(partnersOf(acquire), new Map(shared.map(member => [normal(member.name), member])))[0] ?? shared[0],
            keyed
          )
        : releaseShape(shared[0], keyed)
    const tryAcquire = await this.#trials.findTry(members, keyed, release)
    const usesRelease = acquire?.grant === 'pair' || tryAcquire?.pair
    return {
      acquire,
      run: run?.way,
      tryAcquire: tryAcquire?.way,
      release: usesRelease ? release : undefined,
      hasTokens: acquire?.grant === 'pair' && release !== undefined && (await this.#givesTokens(acquire, release))
    }
  }

  /** Whether two grants of one lock, one after the other, are told apart by what they gave. */
  async #givesTokens(acquire: AcquireShape, release: CallShape): Promise<boolean> {
    if (release.roles.includes('owner')) return acquire.roles.includes('owner')
    if (!release.roles.includes('grant') || acquire.callback) return false
    const lock = this.#create()
    const ask = async () => {
      const outcome = await new Call(() => invoke(acquire, lock, { key: 'a', owner: 'a' })).settle(30)
      return outcome.state === 'resolved' ? outcome.value : undefined
    }
    const first = await ask()
    new Call(() => invoke(release, lock, { key: 'a', owner: 'a', grant: first }))
    const second = await ask()
    return first !== undefined && second !== undefined && first !== second
  }

  #unrecognised(members: Members): UnrecognisedError {
    const seen = [...members.values()].map(member => `  ${signatureOf(member)}`)
    const lines = [
      'It cannot be told how this lock is used.',
      seen.length > 0 ? `It has:\n${seen.join('\n')}` : 'It has no methods, and it cannot be called.',
      ...(this.#trials.tried.length > 0
        ? [`What was tried:\n${this.#trials.tried.map(text => `  ${text}`).join('\n')}`]
        : []),
      'Name the member that waits for the lock with the hint `acquire` and, unless each grant has a release of its own, ' +
        'the one that frees it with `release`; or the one that runs a task under the lock with `run`.'
    ]
    if (seen.length === 0)
      lines[lines.length - 1] = 'A class or factory that needs arguments is given them by the hint `args`.'
    return new UnrecognisedError(lines.join('\n'))
  }
}

const works = (plan: Plan): boolean =>
  (plan.acquire !== undefined && (plan.acquire.grant !== 'pair' || plan.release !== undefined)) ||
  plan.run !== undefined

const partnersOf = (way: AcquireShape | undefined): readonly string[] => [
  ...(way ? (PARTNERS[withoutMode(way.member.name.replace(/^.*\./, ''))] ?? []) : []),
  ...RELEASE
]

function releaseShape(member: Member | undefined, keyed: boolean): CallShape | undefined {
  if (!member) return undefined
  const roles = member.parameters.map((parameter, i): ArgumentRole => {
    const role = rolesOf(parameter)
    if (keyed && i === 0) return 'key'
    if (role === 'owner' || role === 'permits') return role
    return i === (keyed ? 1 : 0) ? 'grant' : 'nothing'
  })
  return { member, roles, fields: {}, keyed }
}
