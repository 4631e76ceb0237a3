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

import { gaugesOf, isStore, quietly, storesOf, watched } from './gauges.js'
import {
  ITSELF,
  LEAVE_ALONE,
  type Member,
  type Members,
  membersOf,
  modesOf,
  perKey,
  pick,
  UnrecognisedError,
  withoutMode
} from './members.js'
import {
  ACQUIRE,
  CANCEL,
  ENTRIES,
  isCapacityName,
  isTimeoutName,
  LOCKED,
  normal,
  PARTNERS,
  RELEASE,
  type Role,
  RUN,
  roleOf,
  saysSemaphore,
  TRY,
  WAITING
} from './names.js'
import { BRIEF, Call, isObject, isReference, PATIENT, recorder, setsTimer, TaskSpy } from './probe.js'
import type { Parameter } from './signature.js'
import type { Subject } from './subject.js'
import {
  type AcquireWay,
  type Callable,
  type Fields,
  type Grant,
  giveBackOf,
  grantOf,
  invoke,
  type Plan,
  type RunWay,
  type Slot,
  start,
  type Way,
  waysOf
} from './ways.js'

export { noteMaps, watched } from './gauges.js'
export { UnrecognisedError } from './members.js'

/** What the recogniser need not find out. */
export interface Hints {
  /** How it is held, where it offers several ways or none is found. */
  readonly shape?: 'acquire' | 'pair' | 'run' | 'callback'
  /** Names of members. */
  readonly acquire?: string
  readonly release?: string
  readonly run?: string
  readonly tryAcquire?: string
  readonly keyed?: boolean
  readonly kind?: Subject['kind']
  readonly capacity?: number
  /** What it is constructed with, for whoever makes the locks. */
  readonly args?: readonly unknown[]
  /** Whether its way of asking takes these; `false` leaves them alone. */
  readonly signal?: boolean
  readonly timeout?: boolean
  /** What the lock is called, where its class does not say. */
  readonly name?: string
}

/** Makes of a lock what can be done with it. */
export type Bind = (lock: unknown) => Subject

/**
 * Tries fresh locks out and says how they are used. Takes some tenths of a second at most, plus what the lock's own
 * timers take.
 *
 * @throws UnrecognisedError when it cannot tell.
 */
export async function recogniseAll(create: () => unknown, hints: Hints = {}): Promise<Bind> {
  return new Recogniser(watched(create), hints).recognise()
}

class Recogniser {
  readonly #create: () => unknown
  readonly #hints: Hints
  readonly #tried: string[] = []

  constructor(create: () => unknown, hints: Hints) {
    this.#create = create
    this.#hints = hints
  }

  async recognise(): Promise<Bind> {
    const lock = this.#create()
    if (!isReference(lock)) throw new UnrecognisedError(`a lock is an object or a function, and this is ${show(lock)}`)
    const members = membersOf(lock)

    const modes =
      this.#hints.kind === undefined || this.#hints.kind === 'read-write-lock' ? modesOf(lock, members) : undefined
    if (modes) {
      const read = await this.#plan(modes.read, members)
      const write = await this.#plan(modes.write, members)
      if (works(read) && works(write)) return this.#binder({ read, write }, members, 'read-write-lock')
    }
    for (const known of [members, perKey(lock, members)]) {
      const plan = await this.#plan(known, known)
      if (works(plan)) return this.#binder({ write: plan }, known, await this.#kindOf(lock, plan))
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
    return (await this.#capacity(plan)) > 1 ? 'semaphore' : 'mutex'
  }

  // ---- what is tried

  async #plan(members: Members, all: Members): Promise<Plan> {
    const { shape } = this.#hints
    const releases = pick(RELEASE, members, this.#hints.release)
    const shared = releases.length > 0 ? releases : pick(RELEASE, all, this.#hints.release)

    let acquire = shape === 'run' ? undefined : await this.#findAcquire(members, shared)
    const run = shape === 'acquire' || shape === 'pair' ? undefined : await this.#findRun(members, shared)
    if (run?.callback) acquire ??= run.callback
    const keyed = this.#hints.keyed ?? acquire?.keyed ?? run?.way?.keyed ?? false
    const release =
      acquire?.grant === 'pair' || acquire === undefined
        ? releaseWay(
            pick(partnersOf(acquire), new Map(shared.map(member => [normal(member.name), member])))[0] ?? shared[0],
            keyed
          )
        : releaseWay(shared[0], keyed)
    const tryAcquire = await this.#findTry(members, keyed, release)
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
  async #givesTokens(acquire: AcquireWay, release: Way): Promise<boolean> {
    if (release.slots.includes('owner')) return acquire.slots.includes('owner')
    if (!release.slots.includes('grant') || acquire.callback) return false
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

  async #findAcquire(members: Members, releases: readonly Member[]): Promise<AcquireWay | undefined> {
    let pair: AcquireWay | undefined
    for (const member of this.#candidates(ACQUIRE, members, this.#hints.acquire, /acquire|lock|enter|take/)) {
      const way = await this.#tryAcquiring(member)
      if (way === undefined) continue
      if (way.grant !== 'pair') return way
      if (releases.some(release => release !== member)) pair ??= way
    }
    return pair
  }

  async #findRun(
    members: Members,
    releases: readonly Member[]
  ): Promise<{ way?: RunWay; callback?: AcquireWay } | undefined> {
    let callback: AcquireWay | undefined
    for (const member of this.#candidates(
      [...RUN, ...ACQUIRE],
      members,
      this.#hints.run,
      /run|exec|with|lock|sync|queue/
    )) {
      const found = await this.#tryRunning(member, releases)
      if (found?.way) return found
      callback ??= found?.callback
    }
    return callback && { callback }
  }

  /** Who may be meant: the one that the hint names, or those with a known name, or those whose name sounds like it. */
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

  async #tryAcquiring(member: Member): Promise<AcquireWay | undefined> {
    // One that looks whether it was given a task may be asked without one; any other would fail, now or later.
    const roles = member.parameters.map(rolesOf)
    const task = roles.indexOf('task')
    if (task >= 0 && !member.asksFor(member.parameters[task]!.name)) return undefined
    const lock = this.#create()
    const first = roles[0]
    const slots: Slot[] = roles.map((role, i) =>
      role === 'owner' ? 'owner' : i === 0 && mayBeKey(role) ? 'key' : 'nothing'
    )
    const way: Way = { member, slots, fields: {}, keyed: false }
    const ask = async () => {
      const outcome = await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      return {
        outcome,
        grant: this.#hints.shape === 'pair' && outcome.state === 'resolved' ? 'pair' : grantOf(outcome, lock)
      }
    }
    let { outcome, grant } = await ask()
    if (grant === undefined && slots[0] === 'key' && first !== 'key') {
      slots[0] = 'nothing' // it may be something else, and looked at
      ;({ outcome, grant } = await ask())
    }
    if (grant === undefined) {
      this.#tried.push(`${nameOf(member)} ${said(outcome)}`)
      return undefined
    }
    if (slots[0] === 'key') {
      way.keyed = await this.#tellsKeysApart(way, first!)
      if (!way.keyed) slots[0] = roles[0] === 'unknown' ? 'nothing' : 'owner'
    }
    const hold = async () => {
      const lock = this.#create()
      await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      return lock
    }
    await this.#learnOptions(way, hold)
    return { ...way, grant, callback: false }
  }

  /** Whether two keys can be held at once, and where the name does not say that it is a key, one key not twice. */
  async #tellsKeysApart(way: Way, role: Role): Promise<boolean> {
    if (this.#hints.keyed !== undefined) return this.#hints.keyed
    const lock = this.#create()
    const ask = (key: string) => new Call(() => invoke(way, lock, { key, owner: key }))
    await ask('a').settle()
    const other = await ask('b').settle(30)
    if (other.state === 'pending' || grantOf(other, lock) === undefined) return false
    return role === 'key' || (await ask('a').settle(30)).state === 'pending'
  }

  async #tryRunning(
    member: Member,
    releases: readonly Member[]
  ): Promise<{ way?: RunWay; callback?: AcquireWay } | undefined> {
    const roles = member.parameters.map(rolesOf)
    const said = roles.indexOf('task')
    const places = said >= 0 ? [said] : [0, 1].filter(i => roles[i] === 'unknown' || member.parameters[i]?.rest)
    for (const place of places) {
      const slots: Slot[] = roles.map((role, i) => {
        if (i === place) return 'task'
        if (role === 'owner') return 'owner'
        return (i < place && mayBeKey(role)) || (i === place + 1 && role === 'key') ? 'key' : 'nothing'
      })
      const way: Way = { member, slots, fields: {}, keyed: false }
      const found = await this.#tryTask(way, roles, releases)
      if (found) return found
    }
    return undefined
  }

  async #tryTask(
    way: Way,
    roles: readonly Role[],
    releases: readonly Member[]
  ): Promise<{ way?: RunWay; callback?: AcquireWay } | undefined> {
    const lock = this.#create()
    const first = new TaskSpy()
    let call = new Call(() => invoke(way, lock, { key: 'a', owner: 'a', task: first.task }))
    const { outcome } = call
    const wraps = !first.called && outcome.state === 'returned' && typeof outcome.value === 'function'
    if (wraps) call = new Call(() => (outcome.value as Callable)())
    if (!(await first.start(call.settled && call.outcome.state !== 'resolved' ? BRIEF : 50))) {
      this.#tried.push(`${nameOf(way.member)} did not call the function that it was given`)
      return undefined
    }
    await call.settle(30)

    const second = new TaskSpy()
    new Call(() => start(way, lock, { key: 'a', owner: 'b', task: second.task }, wraps))
    const runsBoth = await second.start(60)
    const release = first.args.map(giveBackOf).find(found => found !== undefined)
    const { state } = call.outcome
    const isCallback = this.#hints.shape === 'callback' || (!runsBoth && (state === 'pending' || state === 'returned'))
    if (isCallback && (release || releases.length > 0)) {
      const keyed = way.slots.includes('key') && (this.#hints.keyed ?? true)
      return { callback: { ...way, keyed, grant: release ? 'releaser' : 'pair', callback: true } }
    }

    const stay = async () => {
      const lock = this.#create()
      const spy = new TaskSpy(true)
      new Call(() => start(way, lock, { key: 'a', owner: 'a', task: spy.task }, wraps))
      await spy.start(30)
      return lock
    }
    const at = way.slots.indexOf('key')
    if (at >= 0) {
      const held = await stay()
      const other = new TaskSpy()
      new Call(() => start(way, held, { key: 'b', owner: 'b', task: other.task }, wraps))
      way.keyed = this.#hints.keyed ?? (await other.start(30))
      if (way.keyed && roles[at] !== 'key' && this.#hints.keyed === undefined) {
        const same = new TaskSpy()
        new Call(() => start(way, held, { key: 'a', owner: 'b', task: same.task }, wraps))
        way.keyed = !(await same.start(30))
      }
      if (!way.keyed) way.slots[at] = 'owner'
    }
    await this.#learnOptions(way, stay)
    const tells = state !== 'returned' || (call.outcome as { value: unknown }).value === 'done'
    return { way: { ...way, wraps, tells } }
  }

  async #findTry(
    members: Members,
    keyed: boolean,
    release: Way | undefined
  ): Promise<{ way: Way; pair: boolean } | undefined> {
    const named = this.#hints.tryAcquire === undefined ? pick(TRY, members) : pick([], members, this.#hints.tryAcquire)
    for (const member of named) {
      const roles = member.parameters.map(rolesOf)
      if (roles.includes('task')) continue
      const slots: Slot[] = roles.map((role, i) => {
        if (role === 'owner' || role === 'permits') return role
        return i === 0 && keyed ? 'key' : i === 0 && role === 'key' ? 'owner' : 'nothing'
      })
      const way: Way = { member, slots, fields: {}, keyed }
      const lock = this.#create()
      const outcome = await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
      if (outcome.state !== 'returned' && outcome.state !== 'resolved') continue
      if (giveBackOf(outcome.value, lock)) return { way, pair: false }
      if (outcome.value && release) return { way, pair: true }
    }
    return undefined
  }

  /** What the parameters that are neither key nor task are for: their names say, or what is read from them. */
  async #learnOptions(way: Way, hold: () => Promise<unknown>): Promise<void> {
    const { signal, timeout } = this.#hints
    for (const [i, { fields, rest }] of way.member.parameters.entries()) {
      if (way.slots[i] !== 'nothing' || rest) continue
      const role = rolesOf(way.member.parameters[i]!)
      if (role === 'signal' || role === 'timeout' || role === 'permits') {
        way.slots[i] = role
        if (role !== 'signal') continue
      }
      if (role === 'priority' || role === 'mode') continue
      const { object, read } = recorder()
      const call = (lock: unknown, value: unknown) => () =>
        invoke({ ...way, slots: [...way.slots.slice(0, i), 'grant'] }, lock, {
          key: 'a',
          owner: 'b',
          task: () => undefined,
          grant: value
        })
      await new Call(call(this.#create(), object)).settle(BRIEF)
      await new Call(call(await hold(), object)).settle(BRIEF)
      if (role === 'signal') continue
      for (const field of fields) read.add(field)
      const names = [...read]
      const found: Fields = {}
      const named = (key: keyof Fields, is: (name: string) => boolean) => {
        const name = names.find(is)
        if (name !== undefined) found[key] = name
      }
      named('signal', name => /^(abort)?signal$/i.test(name))
      named('timeout', isTimeoutName)
      named('permits', name => roleOf(name) === 'permits' && name.length > 1)
      if (found.signal || found.timeout || found.permits) {
        way.slots[i] = 'options'
        Object.assign(way.fields, found)
      } else if (names.some(name => /^(aborted|addEventListener|throwIfAborted)$/.test(name))) way.slots[i] = 'signal'
      else if (role === 'unknown' && (await setsTimer(54_321, call(await hold(), 54_321)))) way.slots[i] = 'timeout'
    }
    way.slots.forEach((slot, i) => {
      if ((slot === 'signal' && signal === false) || (slot === 'timeout' && timeout === false)) way.slots[i] = 'nothing'
    })
    if (signal === false) delete way.fields.signal
    if (timeout === false) delete way.fields.timeout
  }

  // ---- what is made of it

  async #binder(plans: { read?: Plan; write: Plan }, members: Members, kind: Subject['kind']): Promise<Bind> {
    const { write } = plans
    const main = (write.acquire ?? write.run)!
    const keyed = this.#hints.keyed ?? main.keyed
    const capacity = kind === 'mutex' || kind === 'read-write-lock' ? 1 : await this.#capacity(write)
    const takes = (way: Way) => ({ ...takesOf(way), ...given(this.#hints) })
    const fixed = {
      shape: shapeOf(plans, kind, keyed),
      kind,
      keyed,
      capacity,
      takes: takes(main),
      runTakes: takes(write.run ?? main),
      released: releasedBy(write)
    } as const
    const bare = (lock: unknown): Subject => ({ lock, ...fixed, ...waysOf(lock, plans) })

    const observers = await this.#observers(bare, members, keyed)
    return lock => {
      const subject: Subject = bare(lock)
      return Object.assign(subject, ...observers.map(observe => observe(lock)))
    }
  }

  /** How many may hold at once: as it says, or as many as are let in. */
  async #capacity(plan: Plan): Promise<number> {
    if (this.#hints.capacity !== undefined) return this.#hints.capacity
    const lock = this.#create()
    for (const name of ['capacity', 'permits', 'maxConcurrency', 'concurrency', 'limit', 'max', 'available', 'value']) {
      const told =
        isObject(lock) || typeof lock === 'function' ? quietly(() => (lock as Record<string, unknown>)[name]) : 0
      if (typeof told === 'number' && Number.isInteger(told) && told > 0 && isCapacityName(name)) return told
    }
    const ways = waysOf(lock, { write: plan })
    for (let held = 0; held < 16; held++) {
      const spy = new TaskSpy(true)
      const call = new Call(() => (ways.acquire ? ways.acquire('a', {}) : ways.run!('a', spy.task, {})))
      const isIn = ways.acquire ? (await call.settle(30)).state === 'resolved' : await spy.start(30)
      if (!isIn) return Math.max(1, held)
    }
    return 1
  }

  /** What the lock tells of itself, as far as it is what its name says while one holds and two wait. */
  async #observers(bare: Bind, members: Members, keyed: boolean): Promise<((lock: unknown) => object)[]> {
    const lock = this.#create()
    const subject = bare(lock)
    const enter = async (key: string) => {
      const spy = new TaskSpy(true)
      const call = new Call(() => (subject.acquire ? subject.acquire(key, {}) : subject.run!(key, spy.task, {})))
      await (subject.acquire ? call.settle(BRIEF) : spy.start(BRIEF))
    }
    const sources = {
      waiting: gaugesOf(lock, WAITING, members).filter(({ name }) => !isStore(lock, name)),
      isLocked: gaugesOf(lock, LOCKED, members),
      entries: keyed ? [...gaugesOf(lock, ENTRIES, members), ...storesOf(lock)] : []
    }
    const read = () => ({
      waiting: sources.waiting.map(({ count }) => count(lock, 'a')),
      isLocked: sources.isLocked.map(({ flag }) => flag(lock, 'a')),
      entries: sources.entries.map(({ count }) => count(lock, 'a'))
    })
    const seen = [read()]
    for (let holders = 0; holders < subject.capacity; holders++) await enter('a')
    seen.push(read())
    await enter('a')
    seen.push(read())
    await enter('a')
    seen.push(read())
    await enter('b')
    seen.push(read())

    const goes = <T>(of: (reading: ReturnType<typeof read>) => readonly T[], i: number, ...values: readonly T[]) =>
      values.every((value, when) => of(seen[when]!)[i] === value)
    const waiting = sources.waiting.find((_, i) => goes(({ waiting }) => waiting, i, 0, 0, 1, 2))
    const isLocked = sources.isLocked.find((_, i) => goes(({ isLocked }) => isLocked, i, false, true, true))
    const entries = sources.entries.filter((_, i) => {
      const counts = seen.map(({ entries }) => entries[i])
      return counts[0] === 0 && counts[1] === 1 && counts[4]! > counts[3]!
    })
    const cancel = pick(CANCEL, members)[0]
    const close = members.get('close')
    return [
      lock => (waiting ? { waiting: () => waiting.count(lock, '') } : {}),
      lock => (isLocked ? { isLocked: (key: string) => isLocked.flag(lock, key) } : {}),
      lock =>
        entries.length > 0 ? { entries: () => Math.max(...entries.map(({ count }) => count(lock, '') ?? 0)) } : {},
      lock => (cancel && cancel.parameters.length <= 1 ? { cancelWaiters: () => cancel.of(lock)() } : {}),
      lock => (close && close.parameters.length <= 1 ? { close: () => close.of(lock)() } : {})
    ]
  }

  #unrecognised(members: Members): UnrecognisedError {
    const seen = [...members.values()].map(member => `  ${signatureOf(member)}`)
    const lines = [
      'It cannot be told how this lock is used.',
      seen.length > 0 ? `It has:\n${seen.join('\n')}` : 'It has no methods, and it cannot be called.',
      ...(this.#tried.length > 0 ? [`What was tried:\n${this.#tried.map(text => `  ${text}`).join('\n')}`] : []),
      'Name the member that waits for the lock with the hint `acquire` and, unless each grant has a release of its own, ' +
        'the one that frees it with `release`; or the one that runs a task under the lock with `run`.'
    ]
    if (seen.length === 0)
      lines[lines.length - 1] = 'A class or factory that needs arguments is given them by the hint `args`.'
    return new UnrecognisedError(lines.join('\n'))
  }
}

// ---- words

const works = (plan: Plan): boolean =>
  (plan.acquire !== undefined && (plan.acquire.grant !== 'pair' || plan.release !== undefined)) ||
  plan.run !== undefined

function takesOf({ slots, fields }: Way): Subject['takes'] {
  const has = (what: 'signal' | 'timeout') => slots.includes(what) || fields[what] !== undefined
  return { signal: has('signal'), timeout: has('timeout') }
}

/** What the hints say that it takes. */
const given = ({ signal, timeout }: Hints): Partial<Subject['takes']> => ({
  ...(signal === undefined ? {} : { signal }),
  ...(timeout === undefined ? {} : { timeout })
})

function releasedBy({ acquire, hasTokens }: Plan): Subject['released'] {
  if (!acquire) return 'by the task'
  return acquire.grant !== 'pair' || hasTokens ? 'handle' : 'anyone'
}

const GRANTS: Readonly<Record<Grant, string>> = {
  releaser: 'releaser function',
  handle: 'object that releases',
  tuple: '[value, releaser]',
  ticket: 'object with a promise and a release',
  pair: ''
}

function shapeOf(plans: { read?: Plan; write: Plan }, kind: Subject['kind'], keyed: boolean): string {
  const ways = plans.read ? `${wordsFor(plans.read)}; ${wordsFor(plans.write)}` : wordsFor(plans.write)
  return `${keyed ? 'keyed ' : ''}${kind}: ${ways}`
}

function wordsFor({ acquire, release, run, tryAcquire, hasTokens }: Plan): string {
  const calls: string[] = []
  if (acquire?.callback) calls.push(callOf(acquire, acquire.grant === 'pair' ? '() => …' : 'release => …'))
  else if (acquire) {
    const gives = hasTokens && release?.slots.includes('grant') ? 'token' : GRANTS[acquire.grant]
    calls.push(callOf(acquire) + (gives ? ` → ${gives}` : ''))
  }
  if (release) calls.push(callOf(release))
  if (run) calls.push(callOf(run))
  if (tryAcquire) calls.push(callOf(tryAcquire))
  return calls.join(', ')
}

function callOf({ member, slots, fields }: Way, task = 'task'): string {
  const args = slots.slice(member.name.includes('(key).') ? 1 : 0).map(slot => {
    if (slot === 'task') return task
    if (slot === 'options') return `{ ${Object.values(fields).join(', ')} }`
    if (slot === 'grant') return 'token'
    return slot === 'nothing' ? '' : slot
  })
  while (args.at(-1) === '') args.pop()
  return `${nameOf(member)}(${args.map(text => text || '_').join(', ')})`
}

const nameOf = (member: Member): string => member.name || 'lock'

const signatureOf = (member: Member): string =>
  `${nameOf(member)}(${member.parameters.map(({ name, fields }) => (fields.length > 0 ? `{ ${fields.join(', ')} }` : name || '…')).join(', ')})`

function said(outcome: Call['outcome']): string {
  switch (outcome.state) {
    case 'pending':
      return `did not settle within ${PATIENT} ms on a fresh lock`
    case 'threw':
    case 'rejected':
      return `${outcome.state === 'threw' ? 'threw' : 'rejected with'} ${show(outcome.reason)}`
    default:
      return `gave ${show(outcome.value)}, which is no grant`
  }
}

const show = (value: unknown): string =>
  value instanceof Error
    ? `${value.name}: ${value.message}`
    : typeof value === 'string'
      ? JSON.stringify(value)
      : `${String(value)}`

const rolesOf = ({ name, fields }: Parameter): Role => (fields.length > 0 ? 'options' : roleOf(name))

const mayBeKey = (role: Role): boolean => role === 'key' || role === 'unknown' || role === 'grant'

const partnersOf = (way: AcquireWay | undefined): readonly string[] => [
  ...(way ? (PARTNERS[withoutMode(way.member.name.replace(/^.*\./, ''))] ?? []) : []),
  ...RELEASE
]

function releaseWay(member: Member | undefined, keyed: boolean): Way | undefined {
  if (!member) return undefined
  const slots = member.parameters.map((parameter, i): Slot => {
    const role = rolesOf(parameter)
    if (keyed && i === 0) return 'key'
    if (role === 'owner' || role === 'permits') return role
    return i === (keyed ? 1 : 0) ? 'grant' : 'nothing'
  })
  return { member, slots, fields: {}, keyed }
}
