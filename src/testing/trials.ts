// The trials that find out how the members of a lock are called. Names only say what to try first; the answer is what a
// fresh lock does: was the task called, what did the promise come to, did a second caller have to wait, what was read from
// the options. Every trial has an end (probe.ts).

import {
  type AcquireShape,
  type ArgumentRole,
  type Callable,
  type CallShape,
  grantOf,
  invoke,
  type OptionNames,
  type RunShape,
  releaseOf,
  start
} from './calls.js'
import type { Hints } from './hints.js'
import { ITSELF, LEAVE_ALONE, type Member, type Members, pick } from './members.js'
import { ACQUIRE, isTimeoutName, type ParameterRole, RUN, roleOf, TRY } from './names.js'
import { BRIEF, Call, recorder, setsTimer, TaskSpy } from './probe.js'
import type { Parameter } from './signature.js'
import { describeOutcome, nameOf } from './wording.js'

export class Trials {
  /** Makes a fresh lock for each trial. */
  readonly create: () => unknown
  readonly hints: Hints
  /** What did not work, in words. */
  readonly tried: string[] = []

  constructor(create: () => unknown, hints: Hints) {
    this.create = create
    this.hints = hints
  }

  async findAcquire(members: Members, releases: readonly Member[]): Promise<AcquireShape | undefined> {
    let pair: AcquireShape | undefined
    for (const member of this.#candidates(ACQUIRE, members, this.hints.acquire, /acquire|lock|enter|take/)) {
      const way = await this.#tryAcquiring(member)
      if (way === undefined) continue
      if (way.grant !== 'pair') return way
      if (releases.some(release => release !== member)) pair ??= way
    }
    return pair
  }

  async findRun(
    members: Members,
    releases: readonly Member[]
  ): Promise<{ way?: RunShape; callback?: AcquireShape } | undefined> {
    let callback: AcquireShape | undefined
    for (const member of this.#candidates(
      [...RUN, ...ACQUIRE],
      members,
      this.hints.run,
      /run|exec|with|lock|sync|queue/
    )) {
      const found = await this.#tryRunning(member, releases)
      if (found?.way) return found
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
      ([name, member]) => member !== itself && !named.includes(member) && !LEAVE_ALONE.test(name)
    )
    const alike = others.filter(([name]) => like.test(name))
    const rest = named.length === 0 && alike.length === 0 && !itself ? others : alike
    return [...(itself ? [itself] : []), ...named, ...rest.map(([, member]) => member)]
  }

  async #tryAcquiring(member: Member): Promise<AcquireShape | undefined> {
    // One that looks whether it was given a task may be asked without one; any other would fail, now or later.
    const meant = member.parameters.map(rolesOf)
    const task = meant.indexOf('task')
    if (task >= 0 && !member.asksFor(member.parameters[task]!.name)) return undefined
    const lock = this.create()
    const first = meant[0]
    const roles: ArgumentRole[] = meant.map((role, i) =>
      role === 'owner' ? 'owner' : i === 0 && mayBeKey(role) ? 'key' : 'nothing'
    )
    const way: CallShape = { member, roles, fields: {}, keyed: false }
    const ask = async () => {
      const outcome = await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      return {
        outcome,
        grant: this.hints.shape === 'pair' && outcome.state === 'resolved' ? 'pair' : grantOf(outcome, lock)
      }
    }
    let { outcome, grant } = await ask()
    if (grant === undefined && roles[0] === 'key' && first !== 'key') {
      roles[0] = 'nothing' // it may be something else, and looked at
      ;({ outcome, grant } = await ask())
    }
    if (grant === undefined) {
      this.tried.push(`${nameOf(member)} ${describeOutcome(outcome)}`)
      return undefined
    }
    if (roles[0] === 'key') {
      way.keyed = await this.#tellsKeysApart(way, first!)
      if (!way.keyed) roles[0] = meant[0] === 'unknown' ? 'nothing' : 'owner'
    }
    const hold = async () => {
      const lock = this.create()
      await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      return lock
    }
    await this.#learnOptions(way, hold)
    return { ...way, grant, callback: false }
  }

  /** Whether two keys can be held at once, and where the name does not say that it is a key, one key not twice. */
  async #tellsKeysApart(way: CallShape, role: ParameterRole): Promise<boolean> {
    if (this.hints.keyed !== undefined) return this.hints.keyed
    const lock = this.create()
    const ask = (key: string) => new Call(() => invoke(way, lock, { key, owner: key }))
    await ask('a').settle()
    const other = await ask('b').settle(30)
    if (other.state === 'pending' || grantOf(other, lock) === undefined) return false
    return role === 'key' || (await ask('a').settle(30)).state === 'pending'
  }

  async #tryRunning(
    member: Member,
    releases: readonly Member[]
  ): Promise<{ way?: RunShape; callback?: AcquireShape } | undefined> {
    const meant = member.parameters.map(rolesOf)
    const said = meant.indexOf('task')
    const places = said >= 0 ? [said] : [0, 1].filter(i => meant[i] === 'unknown' || member.parameters[i]?.rest)
    for (const place of places) {
      const roles: ArgumentRole[] = meant.map((role, i) => {
        if (i === place) return 'task'
        if (role === 'owner') return 'owner'
        return (i < place && mayBeKey(role)) || (i === place + 1 && role === 'key') ? 'key' : 'nothing'
      })
      const way: CallShape = { member, roles, fields: {}, keyed: false }
      const found = await this.#tryTask(way, meant, releases)
      if (found) return found
    }
    return undefined
  }

  async #tryTask(
    way: CallShape,
    meant: readonly ParameterRole[],
    releases: readonly Member[]
  ): Promise<{ way?: RunShape; callback?: AcquireShape } | undefined> {
    const lock = this.create()
    const first = new TaskSpy()
    let call = new Call(() => invoke(way, lock, { key: 'a', owner: 'a', task: first.task }))
    const { outcome } = call
    const wraps = !first.called && outcome.state === 'returned' && typeof outcome.value === 'function'
    if (wraps) call = new Call(() => (outcome.value as Callable)())
    if (!(await first.start(call.settled && call.outcome.state !== 'resolved' ? BRIEF : 50))) {
      this.tried.push(`${nameOf(way.member)} did not call the function that it was given`)
      return undefined
    }
    await call.settle(30)

    const second = new TaskSpy()
    new Call(() => start(way, lock, { key: 'a', owner: 'b', task: second.task }, wraps))
    const runsBoth = await second.start(60)
    const release = first.args.map(releaseOf).find(found => found !== undefined)
    const { state } = call.outcome
    const isCallback = this.hints.shape === 'callback' || (!runsBoth && (state === 'pending' || state === 'returned'))
    if (isCallback && (release || releases.length > 0)) {
      const keyed = way.roles.includes('key') && (this.hints.keyed ?? true)
      return { callback: { ...way, keyed, grant: release ? 'releaser' : 'pair', callback: true } }
    }

    const stay = async () => {
      const lock = this.create()
      const spy = new TaskSpy(true)
      new Call(() => start(way, lock, { key: 'a', owner: 'a', task: spy.task }, wraps))
      await spy.start(30)
      return lock
    }
    const at = way.roles.indexOf('key')
    if (at >= 0) {
      const held = await stay()
      const other = new TaskSpy()
      new Call(() => start(way, held, { key: 'b', owner: 'b', task: other.task }, wraps))
      way.keyed = this.hints.keyed ?? (await other.start(30))
      if (way.keyed && meant[at] !== 'key' && this.hints.keyed === undefined) {
        const same = new TaskSpy()
        new Call(() => start(way, held, { key: 'a', owner: 'b', task: same.task }, wraps))
        way.keyed = !(await same.start(30))
      }
      if (!way.keyed) way.roles[at] = 'owner'
    }
    await this.#learnOptions(way, stay)
    const tells = state !== 'returned' || (call.outcome as { value: unknown }).value === 'done'
    return { way: { ...way, wraps, tells } }
  }

  async findTry(
    members: Members,
    keyed: boolean,
    release: CallShape | undefined
  ): Promise<{ way: CallShape; pair: boolean } | undefined> {
    const named = this.hints.tryAcquire === undefined ? pick(TRY, members) : pick([], members, this.hints.tryAcquire)
    for (const member of named) {
      const meant = member.parameters.map(rolesOf)
      if (meant.includes('task')) continue
      const roles: ArgumentRole[] = meant.map((role, i) => {
        if (role === 'owner' || role === 'permits') return role
        return i === 0 && keyed ? 'key' : i === 0 && role === 'key' ? 'owner' : 'nothing'
      })
      const way: CallShape = { member, roles, fields: {}, keyed }
      const lock = this.create()
      const outcome = await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      if (outcome.state !== 'returned' && outcome.state !== 'resolved') continue
      if (releaseOf(outcome.value, lock)) return { way, pair: false }
      if (outcome.value && release) return { way, pair: true }
    }
    return undefined
  }

  /** What the parameters that are neither key nor task are for: their names say, or what is read from them. */
  async #learnOptions(way: CallShape, hold: () => Promise<unknown>): Promise<void> {
    const { signal, timeout } = this.hints
    for (const [i, { fields, rest }] of way.member.parameters.entries()) {
      if (way.roles[i] !== 'nothing' || rest) continue
      const role = rolesOf(way.member.parameters[i]!)
      if (role === 'signal' || role === 'timeout' || role === 'permits') {
        way.roles[i] = role
        if (role !== 'signal') continue
      }
      if (role === 'priority' || role === 'mode') continue
      const { object, read } = recorder()
      const call = (lock: unknown, value: unknown) => () =>
        invoke({ ...way, roles: [...way.roles.slice(0, i), 'grant'] }, lock, {
          key: 'a',
          owner: 'b',
          task: () => undefined,
          grant: value
        })
      await new Call(call(this.create(), object)).settle(BRIEF)
      await new Call(call(await hold(), object)).settle(BRIEF)
      if (role === 'signal') continue
      for (const field of fields) read.add(field)
      const names = [...read]
      const found: OptionNames = {}
      const named = (key: keyof OptionNames, is: (name: string) => boolean) => {
        const name = names.find(is)
        if (name !== undefined) found[key] = name
      }
      named('signal', name => /^(abort)?signal$/i.test(name))
      named('timeout', isTimeoutName)
      named('permits', name => roleOf(name) === 'permits' && name.length > 1)
      if (found.signal || found.timeout || found.permits) {
        way.roles[i] = 'options'
        Object.assign(way.fields, found)
      } else if (names.some(name => /^(aborted|addEventListener|throwIfAborted)$/.test(name))) way.roles[i] = 'signal'
      else if (role === 'unknown' && (await setsTimer(54_321, call(await hold(), 54_321)))) way.roles[i] = 'timeout'
    }
    way.roles.forEach((slot, i) => {
      if ((slot === 'signal' && signal === false) || (slot === 'timeout' && timeout === false)) way.roles[i] = 'nothing'
    })
    if (signal === false) delete way.fields.signal
    if (timeout === false) delete way.fields.timeout
  }
}

export const rolesOf = ({ name, fields }: Parameter): ParameterRole => (fields.length > 0 ? 'options' : roleOf(name))

const mayBeKey = (role: ParameterRole): boolean => role === 'key' || role === 'unknown' || role === 'grant'
