// The trials that find out how the members of a lock are called. Names only say what to try first; the answer is what a
// fresh lock does: was the task called, what did the promise come to, did a second caller have to wait. Every trial has an
// end (probe.ts), and lets everything go at it (session.ts).

import {
  type AcquireShape,
  type ArgumentRole,
  type Callable,
  type CallShape,
  grantOf,
  invoke,
  type RunShape,
  releaseOf,
  releaseOfPromise
} from './calls.js'
import type { Hints } from './hints.js'
import { ITSELF, LEAVE_ALONE, type Member, type Members, pick } from './members.js'
import { ACQUIRE, modesIn, type ParameterRole, RUN, roleOf, saysTry, TRY } from './names.js'
import { learnOptions } from './options.js'
import { BRIEF, Call, isThenable, TaskSpy } from './probe.js'
import { Session } from './session.js'
import type { Parameter } from './signature.js'
import { describeOutcome, nameOf, show } from './wording.js'

/** A member that runs tasks, or one that calls back when the lock is granted. */
interface FoundRun {
  readonly way?: RunShape
  readonly callback?: AcquireShape
}

const SECOND_MS = 30

export class Trials {
  /** Makes a fresh lock for each trial. */
  readonly create: () => unknown
  readonly hints: Hints
  /** What did not work, in words. */
  readonly tried: string[] = []
  /** What was left out of a call though it may matter, in words. */
  readonly leftOut: string[] = []

  constructor(create: () => unknown, hints: Hints) {
    this.create = create
    this.hints = hints
  }

  async findAcquire(members: Members, releases: readonly Member[]): Promise<AcquireShape | undefined> {
    let pair: AcquireShape | undefined
    for (const member of this.#candidates(ACQUIRE, members, this.hints.acquire, /acquire|lock|enter|take|obtain/)) {
      const way = await this.#tryAcquiring(member, releases)
      if (way === undefined) continue
      if (way.grant !== 'pair') return way
      if (releases.some(release => release !== member)) pair ??= way
      else this.tried.push(`${nameOf(member)} gave no release, and nothing else has the name of one`)
    }
    return pair
  }

  async findRun(members: Members, releases: readonly Member[], acquire?: AcquireShape): Promise<FoundRun | undefined> {
    let callback: AcquireShape | undefined
    // A hint for `acquire` may name a member that calls back.
    const hint = this.hints.run ?? this.hints.acquire
    for (const member of this.#candidates([...RUN, ...ACQUIRE], members, hint, /run|exec|with|lock|sync|queue/)) {
      const found = await this.#tryRunning(member, releases)
      // What it called was no task: it asked whether to go on, say.
      if (found?.way && acquire?.member === member && !(await this.#waitsForTask(found.way, releases))) continue
      if (found?.way && (this.hints.run !== undefined || this.hints.acquire === undefined)) return found
      callback ??= found?.callback
    }
    return callback && { callback }
  }

  /** The members that may be meant: the one that the hint names, or those with a known name, or those with a name like it. */
  #candidates(known: readonly string[], members: Members, hint: string | undefined, like: RegExp): readonly Member[] {
    if (hint !== undefined) return pick([], members, hint)
    const itself = members.get(ITSELF)
    const named = pick(known, members)
    const others = [...members].filter(
      ([name, member]) => member !== itself && !named.includes(member) && !LEAVE_ALONE.test(name) && !saysTry(name)
    )
    const alike = others.filter(([name]) => like.test(name))
    const rest = named.length === 0 && alike.length === 0 && !itself ? others : alike
    return [...(itself ? [itself] : []), ...named, ...rest.map(([, member]) => member)]
  }

  /** A lock to try, and how it is freed by its own members. */
  session(releases: readonly Member[]): Session {
    return new Session(this.create(), (lock, given) => {
      for (const release of releases.slice(0, 2)) {
        const roles = release.parameters.map((_, i): ArgumentRole => (i === 0 ? 'key' : 'grant'))
        const shape: CallShape = { member: release, roles, fields: {}, keyed: false }
        new Call(() => invoke(shape, lock, { key: 'a', grant: given }))
        if (given !== undefined && roles.length > 0)
          new Call(() => invoke({ ...shape, roles: ['grant'] }, lock, { grant: given }))
      }
    })
  }

  async #tryAcquiring(member: Member, releases: readonly Member[]): Promise<AcquireShape | undefined> {
    // One that looks whether it was given a task may be asked without one; any other would fail, now or later.
    const meant = rolesIn(member.parameters)
    const task = meant.indexOf('task')
    if (task >= 0 && !member.asksFor(member.parameters[task]!.name)) return undefined
    const mode = meant.indexOf('mode')
    const modes = mode >= 0 ? modesIn(member.source) : undefined
    const role = (first: ArgumentRole) => (role: ParameterRole, i: number) =>
      i === 0 && (mayBeKey(role) || role === 'owner')
        ? first
        : role === 'owner'
          ? 'owner'
          : role === 'mode' && modes
            ? 'mode'
            : 'nothing'
    // Those that are called users or clients may be keys: a lock for each.
    const isOpen = meant[0] !== undefined && (mayBeKey(meant[0]) || meant[0] === 'owner')
    const attempts: { first: ArgumentRole; objectKeys: boolean }[] = [
      { first: 'key', objectKeys: false },
      ...(isOpen && meant[0] !== 'key' && meant[0] !== 'owner'
        ? [{ first: 'nothing', objectKeys: false } as const]
        : []),
      ...(isOpen ? [{ first: 'key', objectKeys: true } as const] : [])
    ]
    for (const { first, objectKeys } of attempts) {
      const shape: CallShape = {
        member,
        roles: meant.map(role(first)),
        fields: {},
        keyed: false,
        ...(objectKeys ? { objectKeys } : {}),
        ...(modes ? { modes } : {})
      }
      const grant = await this.#isGranted(shape, releases)
      if (grant === undefined) continue
      if (mode >= 0 && !modes) this.leftOut.push(`${nameOf(member)} takes a mode, and none was given`)
      return this.#learnAcquire({ ...shape, grant, callback: false }, meant, releases)
    }
    return undefined
  }

  /** What a first caller is given, where a second one is not refused: one that refuses is a `try`, and no lock to wait for. */
  async #isGranted(shape: CallShape, releases: readonly Member[]): Promise<AcquireShape['grant'] | undefined> {
    const session = this.session(releases)
    const { lock } = session
    const ask = (owner: string) => session.acquire(shape, { key: 'a', owner })
    const first = ask('a')
    const outcome = await first.settle()
    const found = this.hints.shape === 'pair' && outcome.state === 'resolved' ? 'pair' : grantOf(outcome, lock)
    const isOwnRelease = found === 'pair' && releases.length === 0 && releaseOfPromise(first.given) !== undefined
    const grant = isOwnRelease ? 'ticket' : found
    const second = grant === undefined ? undefined : await ask('b').settle(SECOND_MS)
    await session.end()
    if (grant === undefined) {
      this.tried.push(`${nameOf(shape.member)} ${describeOutcome(outcome)}`)
      return undefined
    }
    const isRefused =
      second?.state === 'threw' || second?.state === 'rejected' || (second?.state === 'resolved' && isNothing(second))
    if (isRefused && !(outcome.state === 'resolved' && isNothing(outcome))) {
      const why = second && 'reason' in second ? ` (${show(second.reason)})` : ''
      this.tried.push(`${nameOf(shape.member)} refuses a second caller instead of letting it wait${why}`)
      return undefined
    }
    return grant
  }

  async #learnAcquire(
    way: AcquireShape,
    meant: readonly ParameterRole[],
    releases: readonly Member[]
  ): Promise<AcquireShape> {
    const { roles } = way
    if (roles[0] === 'key') {
      way.keyed = await this.#tellsKeysApart(way, meant[0]!, releases)
      if (!way.keyed) roles[0] = meant[0] === 'unknown' ? 'nothing' : 'owner'
    }
    const hold = async () => {
      const session = this.session(releases)
      await session.acquire(way, { key: 'a', owner: 'a' }).settle()
      return session
    }
    await learnOptions(way, this.hints, () => this.session(releases), hold)
    return way
  }

  /** Whether two keys can be held at once, and where the name does not say that it is a key, one key not twice. */
  async #tellsKeysApart(way: CallShape, role: ParameterRole, releases: readonly Member[]): Promise<boolean> {
    if (this.hints.keyed !== undefined) return this.hints.keyed
    const session = this.session(releases)
    const ask = (key: string, owner = key) => session.acquire(way, { key, owner })
    await ask('a').settle()
    const other = await ask('b').settle(SECOND_MS)
    const isFree = other.state !== 'pending' && grantOf(other, session.lock) !== undefined
    const isKeyed = isFree && (role === 'key' || (await ask('a').settle(SECOND_MS)).state === 'pending')
    await session.end()
    return isKeyed
  }

  async #tryRunning(member: Member, releases: readonly Member[]): Promise<FoundRun | undefined> {
    const meant = rolesIn(member.parameters)
    // It looks at what it was given by itself.
    if (meant.length === 0 && member.readsArguments) {
      for (const roles of [['key', 'task'], ['task']] as ArgumentRole[][]) {
        const found = await this.#tryTask({ member, roles, fields: {}, keyed: false }, ['key', 'task'], releases)
        if (found) return found
      }
      return undefined
    }
    const named = meant.indexOf('task')
    // Options in front may be left out: `run(options, task)` is `run(task)` as well.
    const mayLead = named === 1 && (meant[0] === 'options' || meant[0] === 'unknown')
    const places =
      named >= 0
        ? [named, ...(mayLead ? [0] : [])]
        : [0, 1].filter(i => meant[i] === 'unknown' || member.parameters[i]?.rest)
    const modes = meant.includes('mode') ? modesIn(member.source) : undefined
    for (const place of places) {
      const roles: ArgumentRole[] = meant.map((role, i) => {
        if (i === place) return 'task'
        if (role === 'owner') return 'owner'
        if (role === 'mode' && modes) return 'mode'
        return (i < place && mayBeKey(role)) || (i === place + 1 && role === 'key') ? 'key' : 'nothing'
      })
      for (const objectKeys of roles.includes('key') ? [false, true] : [false]) {
        const way: CallShape = {
          member,
          roles: [...roles],
          fields: {},
          keyed: false,
          ...(objectKeys ? { objectKeys } : {}),
          ...(modes ? { modes } : {})
        }
        const found = await this.#tryTask(way, meant, releases)
        if (found) return found
      }
    }
    return undefined
  }

  async #tryTask(
    way: CallShape,
    meant: readonly ParameterRole[],
    releases: readonly Member[]
  ): Promise<FoundRun | undefined> {
    const session = this.session(releases)
    const args = { key: 'a', owner: 'a' }
    const first = new TaskSpy()
    let call = session.run(way, args, first)
    const { outcome } = call
    const wraps = !first.called && outcome.state === 'returned' && typeof outcome.value === 'function'
    if (wraps) call = new Call(() => (outcome.value as Callable)())
    if (!(await first.start(call.settled && call.outcome.state !== 'resolved' ? BRIEF : 50))) {
      this.tried.push(`${nameOf(way.member)} did not call the function that it was given`)
      await session.end()
      return undefined
    }
    await call.settle(SECOND_MS)
    if (wantsObject(call.outcome) && way.roles.includes('key') && !way.objectKeys) {
      this.tried.push(`${nameOf(way.member)} wants an object for its key`)
      await session.end()
      return undefined
    }

    const second = new TaskSpy()
    session.run(way, { ...args, owner: 'b' }, second, wraps)
    const runsBoth = await second.start(60)
    const release = first.args.map(given => releaseOf(given)).find(found => found !== undefined)
    const { state } = call.outcome
    const gives = 'value' in call.outcome ? call.outcome.value : undefined
    // It gives a release and tells nothing: others may be let in beside this one, as readers are.
    const isMute = state === 'returned' && gives !== 'done' && !isBox(gives)
    const fillsUp = isMute && runsBoth && !release && releases.length > 0 && (await this.#fillsUp(session, way, wraps))
    const callsBack = isMute && (release !== undefined || !runsBoth || fillsUp)
    const isCallback = this.hints.shape === 'callback' || callsBack || (!runsBoth && state === 'pending')
    await session.end()
    if (isCallback && (release || releases.length > 0)) {
      const keyed = way.roles.includes('key') && (this.hints.keyed ?? true)
      return { callback: { ...way, keyed, grant: release ? 'releaser' : 'pair', callback: true } }
    }

    const stay = async () => {
      const session = this.session(releases)
      const spy = new TaskSpy(true)
      session.run(way, args, spy, wraps)
      await spy.start(SECOND_MS)
      return session
    }
    const whenTaken = await this.#asksASecond(await stay(), way, wraps)
    if (whenTaken === 'refused') return undefined
    const at = way.roles.indexOf('key')
    if (at >= 0) {
      const held = await stay()
      const other = new TaskSpy()
      held.run(way, { key: 'b', owner: 'b' }, other, wraps)
      way.keyed = this.hints.keyed ?? (await other.start(SECOND_MS))
      if (way.keyed && meant[at] !== 'key' && this.hints.keyed === undefined) {
        const same = new TaskSpy()
        held.run(way, { ...args, owner: 'b' }, same, wraps)
        way.keyed = !(await same.start(SECOND_MS))
      }
      await held.end()
      if (!way.keyed) way.roles[at] = 'owner'
    }
    await learnOptions(way, this.hints, () => this.session(releases), stay)
    const tellsEarly = whenTaken === 'told early'
    const tells = !tellsEarly && (state !== 'returned' || gives === 'done')
    return { way: { ...way, wraps, tells, tellsEarly, boxes: isBox(gives) } }
  }

  /** Whether the call goes on for as long as its task does. */
  async #waitsForTask(way: RunShape, releases: readonly Member[]): Promise<boolean> {
    const session = this.session(releases)
    const spy = new TaskSpy(true)
    const call = session.run(way, { key: 'a', owner: 'a' }, spy, way.wraps)
    await spy.start(SECOND_MS)
    const { state } = await call.settle(BRIEF)
    await session.end()
    return state === 'pending'
  }

  /** Whether the functions that it is given are not called any more after a few, though these have ended. */
  async #fillsUp(session: Session, way: CallShape, wraps: boolean): Promise<boolean> {
    for (let i = 0; i < 16; i++) {
      const spy = new TaskSpy()
      session.run(way, { key: 'a', owner: `owner ${i}` }, spy, wraps)
      if (!(await spy.start(SECOND_MS))) return true
    }
    return false
  }

  /** What becomes of a caller that comes while another one holds: most of them are told when their task has ended. */
  async #asksASecond(session: Session, way: CallShape, wraps: boolean): Promise<'told' | 'told early' | 'refused'> {
    const spy = new TaskSpy()
    const outcome = await session.run(way, { key: 'a', owner: 'b' }, spy, wraps).settle(SECOND_MS)
    const wasCalled = spy.called
    await session.end()
    const isSettled = outcome.state !== 'pending' && !(outcome.state === 'returned' && outcome.value === undefined)
    if (wasCalled || !isSettled) return 'told'
    if (outcome.state === 'resolved' && (await spy.start(SECOND_MS))) return 'told early'
    this.tried.push(`${nameOf(way.member)} refuses a second caller instead of letting it wait`)
    return 'refused'
  }

  async findTry(
    members: Members,
    keyed: boolean,
    release: CallShape | undefined,
    releases: readonly Member[]
  ): Promise<{ way: CallShape; pair: boolean } | undefined> {
    const unknown = [...members.values()].filter(({ name }) => saysTry(name))
    const named =
      this.hints.tryAcquire === undefined
        ? [...new Set([...pick(TRY, members), ...unknown])]
        : pick([], members, this.hints.tryAcquire)
    for (const member of named) {
      const meant = rolesIn(member.parameters)
      if (meant.includes('task')) continue
      const roles: ArgumentRole[] = meant.map((role, i) => {
        if (role === 'owner' || role === 'permits') return role
        return i === 0 && keyed ? 'key' : i === 0 && role === 'key' ? 'owner' : 'nothing'
      })
      const way: CallShape = { member, roles, fields: {}, keyed }
      const session = this.session(releases)
      const outcome = await session.acquire(way, { key: 'a', owner: 'a' }).settle()
      await session.end()
      if (outcome.state !== 'returned' && outcome.state !== 'resolved') continue
      if (releaseOf(outcome.value, session.lock)) return { way, pair: false }
      if (outcome.value && release) return { way, pair: true }
    }
    return undefined
  }
}

/** What the parameters are for. Names of one letter each come from a minifier, and tell nothing. */
const rolesIn = (parameters: readonly Parameter[]): ParameterRole[] =>
  parameters.length > 1 && parameters.every(({ name, fields }) => name.length === 1 && fields.length === 0)
    ? parameters.map(() => 'unknown')
    : parameters.map(rolesOf)

export const rolesOf = ({ name, fields }: Parameter): ParameterRole => (fields.length > 0 ? 'options' : roleOf(name))

const mayBeKey = (role: ParameterRole): boolean => role === 'key' || role === 'unknown' || role === 'grant'

const isNothing = (outcome: Call['outcome']): boolean =>
  'value' in outcome && (outcome.value === false || outcome.value === null)

/** The task has run, and then the key did not go into a `WeakMap`. */
const wantsObject = (outcome: Call['outcome']): boolean =>
  'reason' in outcome && outcome.reason instanceof TypeError && /\bweak ?(map|set)\b/i.test(outcome.reason.message)

/** Whether the result of a task comes in an object of the lock's own. */
const isBox = (gives: unknown): boolean =>
  typeof gives === 'object' && gives !== null && !isThenable(gives) && Object.values(gives).includes('done')
