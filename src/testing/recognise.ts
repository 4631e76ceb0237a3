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

import { binderFor, capacityOf, MANY } from './bind.js'
import { type AcquireShape, type ArgumentRole, type Callable, type CallShape, invoke, type Plan } from './calls.js'
import { calibrate, isChurning } from './churn.js'
import { macrotask } from './clock.js'
import { codeFor, type LockCode } from './code.js'
import { differ, drivenBy, hintLine, ignoredHints, leftOutOf, type Plans } from './doubts.js'
import { watched } from './gauges.js'
import { type Hints, UnrecognisedError } from './hints.js'
import { type Member, type Members, membersOf, perKey, pick } from './members.js'
import { type Modes, modesOf, withoutMode } from './modes.js'
import { normal, PARTNERS, RELEASE, saysRate, saysSemaphore } from './names.js'
import { Call, isReference } from './probe.js'
import { rehearse, shareState } from './rehearsal.js'
import type { Subject, SubjectFactory } from './subject.js'
import { rolesOf, Trials } from './trials.js'
import { UnhandledErrors } from './unhandled.js'
import { show, signatureOf } from './wording.js'

/**
 * Tries fresh locks out and says how they are used. Takes some tenths of a second at most, plus what the lock's own
 * timers take.
 *
 * @throws UnrecognisedError when it cannot tell.
 */
export async function recogniseAll(create: () => unknown, hints: Hints = {}): Promise<SubjectFactory> {
  // What goes wrong while a lock is tried out is not to end the process, or to fail the tests that run in it.
  const unhandled = new UnhandledErrors()
  unhandled.start()
  try {
    return await new Recogniser(watched(create), hints).recognise()
  } finally {
    if (!(await isChurning())) await macrotask()
    unhandled.stop()
  }
}

/** Of locks that are no fresh ones, however often they are made. */
export const SHARED = 'two locks that are made share one state, so none is a fresh one'

/** How the locks of a factory are called. */
const plansOf = new WeakMap<SubjectFactory, Plans>()

/** The same as source code. */
export function codeOf(make: SubjectFactory): LockCode | undefined {
  const plans = plansOf.get(make)
  return plans && codeFor(plans)
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
    await calibrate()
    const lock = this.#create()
    if (!isReference(lock)) throw new UnrecognisedError(`a lock is an object or a function, and this is ${show(lock)}`)
    const members = membersOf(lock, this.#hints.internal)
    const doubts: string[] = []

    const modes = this.#modesFor(lock, members)
    if (modes) {
      const read = await this.#plan(modes.read, members)
      const write = await this.#plan(modes.write, members)
      if (modes.inner) doubts.push('parts inside of it were driven, not the lock itself')
      alignOptions(read, write)
      if (works(read) && works(write)) return this.#settleOn({ read, write }, members, 'read-write-lock', doubts)
    }
    for (const known of [members, perKey(lock, members)]) {
      const plan = await this.#plan(known, known)
      if (!works(plan)) continue
      if (plan.acquire?.modes ?? plan.run?.modes)
        return this.#settleOn({ read: plan, write: plan }, known, 'read-write-lock', doubts)
      return this.#settleOn({ write: plan }, known, await this.#kindOf(lock, plan), doubts)
    }
    throw this.#unrecognised(members)
  }

  #modesFor(lock: object, members: Members): Modes | undefined {
    const { kind, read, write } = this.#hints
    if (read !== undefined && write !== undefined) {
      const releases = modesOf(lock, members)
      const named = (name: string, others: Members | undefined): Members => {
        const [member] = pick([], members, name)
        return new Map([...(others ?? []), [withoutMode(name) || 'run', member as Member]])
      }
      return { read: named(read, releases?.read), write: named(write, releases?.write), inner: false }
    }
    return kind === undefined || kind === 'read-write-lock' ? modesOf(lock, members) : undefined
  }

  /** Makes subjects of what was found, and says what speaks against it. */
  async #settleOn(plans: Plans, members: Members, kind: Subject['kind'], doubts: string[]): Promise<SubjectFactory> {
    const ignored = ignoredHints(this.#hints, plans)
    if (ignored.length > 0)
      throw new UnrecognisedError(
        `${ignored.join(' and ')} cannot be followed.\n` +
          [...new Set(this.#trials.tried)].map(text => `  ${text}`).join('\n') +
          `\nIts members are ${[...members.values()].map(signatureOf).join(', ')}.`
      )
    const bind = await binderFor(this.#create, this.#hints, plans, members, kind)
    const example = bind(this.#create())
    const differing = differ(plans)
    if (differing) doubts.push(differing)
    doubts.push(...this.#trials.leftOut)
    const names = [this.#hints.name, (this.#create() as object).constructor?.name]
    if (names.some(name => name && saysRate(name))) doubts.push('by its name it limits a rate, and not what is inside')
    if (plans.write.run?.boxes) doubts.push('what a task comes to is given back in an object of its own')
    if (await shareState(() => bind(this.#create()))) doubts.push(SHARED)
    doubts.push(...(await rehearse(() => bind(this.#create()))))
    const leftOut = leftOutOf(plans, members)
    const told = {
      driven: drivenBy(plans),
      leftOut,
      letsInMore: await this.#letsInMore(plans.write, example.capacity),
      missing: this.#hints.missing ?? [],
      doubts,
      hint: hintLine(plans, kind, example.keyed, leftOut)
    }
    const make: SubjectFactory = lock => Object.assign(bind(lock), told)
    plansOf.set(make, plans)
    return make
  }

  /** Whether it has a limit, which is above the one that it was told in so many words. */
  async #letsInMore(plan: Plan, told: number): Promise<boolean> {
    const { capacity, isCapacitySure, ...hints } = this.#hints
    if (capacity === undefined || !isCapacitySure || told !== capacity) return false
    const several = await capacityOf(this.#create, hints, plan)
    return several > capacity && several < MANY
  }

  /** By its name, and a semaphore only if it does let several in. */
  async #kindOf(lock: object, plan: Plan): Promise<Subject['kind']> {
    const { kind, capacity, name } = this.#hints
    if (kind !== undefined) return kind
    const names = [name, lock.constructor?.name, typeof lock === 'function' ? (lock as Callable).name : '']
    const isNamed = names.some(name => name && saysSemaphore(name) && !/mutex/i.test(name))
    const several = await capacityOf(this.#create, this.#hints, plan)
    if (capacity !== undefined || isNamed) return several > 1 ? 'semaphore' : 'mutex'
    // One that says nothing of the kind, and lets a few in each time: so many is what it is for.
    const isMutex = names.some(name => name && /mutex|lock|exclusive|serial|critical/i.test(name))
    return several > 1 && several < MANY && !isMutex ? 'semaphore' : 'mutex'
  }

  async #plan(members: Members, all: Members): Promise<Plan> {
    const { shape } = this.#hints
    const releases = pick(RELEASE, members, this.#hints.release)
    const shared = releases.length > 0 ? releases : pick(RELEASE, all, this.#hints.release)

    let acquire = shape === 'run' ? undefined : await this.#trials.findAcquire(members, shared)
    const run =
      shape === 'acquire' || shape === 'pair' ? undefined : await this.#trials.findRun(members, shared, acquire)
    if (run?.callback) acquire ??= run.callback
    const keyed = this.#hints.keyed ?? acquire?.keyed ?? run?.way?.keyed ?? false
    const release =
      acquire?.grant === 'pair' || acquire === undefined
        ? releaseShape(
            pick(partnersOf(acquire), new Map(shared.map(member => [normal(member.name), member])))[0] ?? shared[0],
            keyed,
            acquire
          )
        : releaseShape(shared[0], keyed, acquire)
    const tryAcquire = await this.#trials.findTry(members, keyed, release, shared)
    const usesRelease = acquire?.grant === 'pair' || tryAcquire?.pair
    return {
      acquire,
      run: run?.way,
      tryAcquire: tryAcquire?.way,
      release: usesRelease ? release : undefined,
      hasTokens:
        acquire?.grant === 'pair' && release !== undefined && (await this.#givesTokens(acquire, release, shared))
    }
  }

  /** Whether two grants of one lock, one after the other, are told apart by what they gave. */
  async #givesTokens(acquire: AcquireShape, release: CallShape, releases: readonly Member[]): Promise<boolean> {
    if (release.roles.includes('owner')) return acquire.roles.includes('owner')
    if (!release.roles.includes('grant') || acquire.callback) return false
    const session = this.#trials.session(releases)
    const { lock } = session
    const ask = async () => {
      const outcome = await session.acquire(acquire, { key: 'a', owner: 'a' }).settle(30)
      return outcome.state === 'resolved' ? outcome.value : undefined
    }
    const first = await ask()
    new Call(() => invoke(release, lock, { key: 'a', owner: 'a', grant: first }))
    const second = await ask()
    await session.end()
    return first !== undefined && second !== undefined && first !== second
  }

  #unrecognised(members: Members): UnrecognisedError {
    const seen = [...members.values()].map(member => `  ${signatureOf(member)}`)
    const symbols = symbolsOf(this.#create())
    const none = symbols
      ? `It has members under symbols only (${symbols}), which cannot be driven: wrap it in an object with \`lock()\` and \`unlock()\`.`
      : 'It has no methods, and it cannot be called.'
    const lines = [
      'It cannot be told how this lock is used.',
      seen.length > 0 ? `It has:\n${seen.join('\n')}` : none,
      ...(this.#trials.tried.length > 0
        ? [`What was tried:\n${this.#trials.tried.map(text => `  ${text}`).join('\n')}`]
        : []),
      'Name the member that waits for the lock with the hint `acquire` and, unless each grant has a release of its own, ' +
        'the one that frees it with `release`; or the one that runs a task under the lock with `run`.'
    ]
    if (seen.length === 0 && symbols) lines.pop()
    else if (seen.length === 0)
      lines[lines.length - 1] = 'A class or factory that needs arguments is given them by the hint `args`.'
    return new UnrecognisedError(lines.join('\n'))
  }
}

/** What was learned of one mode goes for the other, where both take the same: a reader may not have had to wait. */
function alignOptions(read: Plan, write: Plan): void {
  for (const use of ['acquire', 'run'] as const) {
    const [one, other] = [read[use], write[use]]
    if (!one || !other) continue
    const names = ({ member }: CallShape) => member.parameters.map(({ name }) => name).join()
    if (names(one) !== names(other)) continue
    for (const [from, to] of [
      [one, other],
      [other, one]
    ] as const)
      for (const [i, role] of from.roles.entries())
        if (to.roles[i] === 'nothing' && role !== 'nothing') {
          to.roles[i] = role
          Object.assign(to.fields, from.fields)
        }
  }
}

/** The methods of a class that are called by a symbol of its own. */
function symbolsOf(lock: unknown): string {
  const prototype: unknown = isReference(lock) ? Object.getPrototypeOf(lock) : undefined
  const symbols =
    isReference(prototype) && prototype !== Object.prototype ? Object.getOwnPropertySymbols(prototype) : []
  return symbols.map(symbol => `[${symbol.description ?? 'symbol'}]`).join(', ')
}

const works = (plan: Plan): boolean =>
  (plan.acquire !== undefined && (plan.acquire.grant !== 'pair' || plan.release !== undefined)) ||
  plan.run !== undefined

const partnersOf = (way: AcquireShape | undefined): readonly string[] => [
  ...(way ? (PARTNERS[withoutMode(way.member.name.replace(/^.*\./, ''))] ?? []) : []),
  ...RELEASE
]

function releaseShape(
  member: Member | undefined,
  keyed: boolean,
  acquire: AcquireShape | undefined
): CallShape | undefined {
  if (!member) return undefined
  // One that is not told who asks knows its holder by what it gave.
  const knowsOwner = acquire === undefined || acquire.roles.includes('owner')
  const roles = member.parameters.map((parameter, i): ArgumentRole => {
    const role = rolesOf(parameter)
    if (keyed && i === 0) return 'key'
    if (role === 'permits' || (role === 'owner' && knowsOwner)) return role
    return i === (keyed ? 1 : 0) ? 'grant' : 'nothing'
  })
  return { member, roles, fields: {}, keyed }
}
