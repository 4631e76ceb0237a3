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

import {
  ACQUIRE,
  CANCEL,
  ENTRIES,
  FOR_KEY,
  GIVE_BACK,
  GRANTED,
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
import { BRIEF, Call, isObject, isThenable, PATIENT, recorder, setsTimer, TaskSpy, watchMaps } from './probe.js'
import { type Parameter, parametersOf } from './signature.js'
import type { Ask, GiveBack, Subject } from './subject.js'

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

/** It cannot be told how this lock is used. The text says what was seen and which hint would settle it. */
export class UnrecognisedError extends Error {
  override readonly name = 'UnrecognisedError'
}

type Callable = (...args: unknown[]) => unknown

interface Member {
  readonly name: string
  readonly parameters: readonly Parameter[]
  of(lock: unknown): Callable
  /** Whether its source looks at what it was given for this parameter before it uses it. */
  asksFor(parameter: string): boolean
}
type Members = ReadonlyMap<string, Member>

/** What goes where in a call. */
type Slot = 'key' | 'task' | 'signal' | 'options' | 'timeout' | 'permits' | 'owner' | 'grant' | 'nothing'

interface Fields {
  signal?: string
  timeout?: string
  permits?: string
}

/** How a member is called. */
interface Way {
  readonly member: Member
  readonly slots: Slot[]
  readonly fields: Fields
  keyed: boolean
}

type Grant = 'releaser' | 'handle' | 'tuple' | 'ticket' | 'pair'

interface AcquireWay extends Way {
  readonly grant: Grant
  /** The call takes a function that is called when the lock is granted. */
  readonly callback: boolean
}

interface RunWay extends Way {
  /** The call gives a function that is the guarded task, to be called. */
  readonly wraps: boolean
  /** The call gives what the task came to. One that does not only starts tasks. */
  readonly tells: boolean
}

interface Plan {
  readonly acquire?: AcquireWay | undefined
  readonly release?: Way | undefined
  readonly run?: RunWay | undefined
  readonly tryAcquire?: Way | undefined
  /** What `acquire` gave stands for that one grant, and `release` wants it. */
  readonly hasTokens?: boolean
}

interface Args {
  readonly key?: string
  readonly ask?: Ask
  readonly task?: Callable
  readonly owner?: unknown
  readonly grant?: unknown
}

const mapsOf = new WeakMap<object, readonly Map<unknown, unknown>[]>()

/** The same maker of locks, which also notes the maps that are made with each. */
export function watched<T>(create: () => T): () => T {
  return () => {
    const { made, maps } = watchMaps(create)
    if (isReference(made)) mapsOf.set(made, [...(mapsOf.get(made) ?? []), ...maps])
    return made
  }
}

/** Tells of maps that belong to a lock and were not made by its maker: those of its module. */
export function noteMaps(lock: object, maps: readonly Map<unknown, unknown>[]): void {
  mapsOf.set(lock, maps)
}

const isReference = (value: unknown): value is object => isObject(value) || typeof value === 'function'

/**
 * Tries fresh locks out and says how they are used. Takes some tenths of a second at most, plus what the lock's own
 * timers take.
 *
 * @throws UnrecognisedError when it cannot tell.
 */
export async function recogniseAll(create: () => unknown, hints: Hints = {}): Promise<Bind> {
  return new Recogniser(watched(create), hints).recognise()
}

const READ = /^(read|shared|reader)$|read(?!y)|shared/i
const WRITE = /^(writer?|exclusive)$|write/i

/** The words of a name without those that tell the mode: `acquireRead` is `acquire`, `readUnlock` is `unlock`. */
const withoutMode = (name: string): string => normal(name).replace(/reader|read|writer|write|shared/, '')

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
    const outcome = await new Call(() => invoke(way, lock, { key: 'a', owner: 'a' })).settle()
    const grant = this.#hints.shape === 'pair' && outcome.state === 'resolved' ? 'pair' : grantOf(outcome, lock)
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
      lock => {
        const own = [...gaugesOf(lock, ENTRIES, members), ...storesOf(lock)]
        const counters = own.filter(({ name }) => entries.some(entry => entry.name === name))
        return counters.length > 0
          ? { entries: () => Math.max(...counters.map(({ count }) => count(lock, '') ?? 0)) }
          : {}
      },
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

// ---- members

/** The lock itself, where it can be called. */
const ITSELF = '()'
/** Not to be called in order to see what happens. */
const LEAVE_ALONE =
  /^(is|has|get|on|off|emit|add|remove|cancel|clear|close|destroy|reset|dispose|wake)|unlock|release|free|signal|count|size|length/
const PLATFORM = /^(EventEmitter|EventTarget|Object|Function|AsyncFunction|Promise|Map|Set|Array)$/

function membersOf(lock: unknown): Members {
  const members = new Map<string, Member>()
  if (typeof lock === 'function') {
    const parameters = parametersOf(lock as Callable)
    const name = /lock|mutex|excl|acquire|serial|queue/i.test(lock.name) ? lock.name : 'lock'
    members.set(ITSELF, { name, parameters, of: lock => lock as Callable, asksFor: askingOf(lock as Callable) })
  }
  for (let at: unknown = lock; isReference(at); at = Object.getPrototypeOf(at)) {
    if (at !== lock && PLATFORM.test((at as { constructor?: { name?: string } }).constructor?.name ?? 'Object')) break
    if (at === Function.prototype || at === Object.prototype) break
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(at))) {
      if (typeof value !== 'function' || name === 'constructor' || name.startsWith('_') || members.has(normal(name)))
        continue
      members.set(normal(name), {
        name,
        parameters: parametersOf(value as Callable),
        of:
          lock =>
          (...args) =>
            (lock as Record<string, Callable>)[name]!(...args),
        asksFor: askingOf(value as Callable)
      })
    }
  }
  return members
}

const askingOf =
  (callable: Callable) =>
  (parameter: string): boolean => {
    const name = parameter.replace(/\$/g, '\\$&')
    const asks = new RegExp(`typeof ${name}\\b|!${name}\\b|if \\(${name}\\)|\\b${name} (\\?|[!=]==?|&&)`)
    return parameter !== '' && asks.test(Function.prototype.toString.call(callable))
  }

/** The members of the locks that it keeps one for each key of, as members that take the key first. */
function perKey(lock: object, members: Members): Members {
  for (const via of pick(FOR_KEY, members)) {
    if (via.parameters.length !== 1) continue
    const { outcome } = new Call(() => via.of(lock)('a'))
    if (outcome.state !== 'returned' || !isReference(outcome.value) || outcome.value === lock) continue
    const key: Parameter = { name: 'key', fields: [], rest: false }
    return new Map(
      [...membersOf(outcome.value)].map(([name, member]): [string, Member] => [
        name,
        {
          ...member,
          name: `${via.name}(key).${member.name}`,
          parameters: [key, ...member.parameters],
          of:
            lock =>
            (at, ...args) =>
              member.of(via.of(lock)(at))(...args)
        }
      ])
    )
  }
  return new Map()
}

/** The members for reading and those for writing, by what they do; nothing where there are not both. */
function modesOf(lock: object, members: Members): { read: Members; write: Members } | undefined {
  const nested = (mode: RegExp): Members | undefined => {
    for (const [name, value] of Object.entries(lock))
      if (
        mode.test(name) &&
        isObject(value) &&
        !Array.isArray(value) &&
        !(value instanceof Map) &&
        !isThenable(value)
      ) {
        const inner = [...membersOf(value)].map(([key, member]): [string, Member] => [
          key,
          { ...member, name: `${name}.${member.name}`, of: lock => member.of((lock as Record<string, unknown>)[name]) }
        ])
        if (inner.length > 0) return new Map(inner)
      }
    return undefined
  }
  const flat = (mode: RegExp, other: RegExp): Members =>
    new Map(
      [...members]
        .filter(([name, member]) => name !== ITSELF && mode.test(member.name) && !other.test(member.name))
        .map(([, member]) => [withoutMode(member.name) || 'run', member])
    )
  const read = nested(READ) ?? flat(READ, WRITE)
  const write = nested(WRITE) ?? flat(WRITE, READ)
  return read.size > 0 && write.size > 0 ? { read, write } : undefined
}

function pick(known: readonly string[], members: Members, hint?: string): readonly Member[] {
  if (hint !== undefined) {
    const member = members.get(normal(hint)) ?? [...members.values()].find(({ name }) => name === hint)
    if (!member) {
      const names = [...members.values()].map(({ name }) => name).join(', ') || 'no members'
      throw new UnrecognisedError(`the lock has no member ${hint}; it has ${names}`)
    }
    return [member]
  }
  return [...new Set(known.flatMap(name => members.get(name) ?? []))]
}

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

// ---- grants

/** How this grant is given back, if it can be by itself. */
function giveBackOf(value: unknown, lock?: unknown): GiveBack | undefined {
  if (value === lock && lock !== undefined) return undefined
  if (typeof value === 'function') return value as GiveBack
  if (Array.isArray(value)) return value.map(part => giveBackOf(part, lock)).find(found => found !== undefined)
  if (!isObject(value)) return undefined
  const names = [...GIVE_BACK]
  const own = membersOf(value)
  const named = pick(names, own)[0]
  if (named) return () => named.of(value)()
  for (const symbol of [
    Symbol.dispose,
    Symbol.asyncDispose,
    Symbol.for('Symbol.dispose'),
    Symbol.for('Symbol.asyncDispose')
  ])
    if (symbol !== undefined && typeof value[symbol] === 'function') return () => (value[symbol] as GiveBack)()
  return undefined
}

/** What an `acquire` on a free lock came to; nothing, if that is no grant. */
function grantOf(outcome: Call['outcome'], lock: unknown): Grant | undefined {
  if (outcome.state === 'returned') return ticketOf(outcome.value) ? 'ticket' : undefined
  if (outcome.state !== 'resolved') return undefined
  const { value } = outcome
  if (Array.isArray(value) && giveBackOf(value, lock)) return 'tuple'
  if (typeof value === 'function') return value === lock ? 'pair' : 'releaser'
  if (giveBackOf(value, lock)) return 'handle'
  return value === false || value === null ? undefined : 'pair'
}

/** An object that is handed out before the grant: its promise, and its release. */
function ticketOf(value: unknown): { granted: PromiseLike<unknown>; giveBack: GiveBack } | undefined {
  if (!isObject(value) || isThenable(value)) return undefined
  if (typeof value[Symbol.asyncIterator as never] === 'function' && typeof value.return === 'function') {
    const generator = value as unknown as AsyncGenerator
    return { granted: generator.next(), giveBack: () => generator.return(undefined) }
  }
  const giveBack = giveBackOf(value)
  const granted = GRANTED.map(name => value[name]).find(isThenable)
  return giveBack && granted && { granted, giveBack }
}

// ---- calls

/** Calls a member with each thing in its place. */
function invoke(way: Way, lock: unknown, { key, ask = {}, task, owner, grant }: Args): unknown {
  const args = way.slots.map(slot => {
    switch (slot) {
      case 'key':
        return key
      case 'task':
        return task
      case 'owner':
        return owner
      case 'grant':
        return grant
      case 'signal':
        return ask.signal
      case 'timeout':
        return ask.timeout
      case 'permits':
        return ask.permits
      case 'options':
        return optionsOf(way.fields, ask)
      default:
        return undefined
    }
  })
  while (args.length > 0 && args.at(-1) === undefined) args.pop()
  return way.member.of(lock)(...args)
}

function optionsOf(fields: Fields, ask: Ask): Record<string, unknown> | undefined {
  const entries = (['signal', 'timeout', 'permits'] as const)
    .filter(what => fields[what] !== undefined && ask[what] !== undefined)
    .map(what => [fields[what], ask[what]])
  return entries.length > 0 ? Object.fromEntries(entries) : undefined
}

function start(way: Way, lock: unknown, args: Args, wraps: boolean): unknown {
  const value = invoke(way, lock, args)
  return wraps ? (value as Callable)() : value
}

const refused = () => new Error('not granted')

/** The members of a subject, for one lock. */
function waysOf(
  lock: unknown,
  plans: { read?: Plan; write: Plan }
): Partial<Pick<Subject, 'acquire' | 'run' | 'tryAcquire'>> {
  let count = 0
  const planFor = ({ mode }: Ask) => (mode === 'read' && plans.read) || plans.write
  const ways: { -readonly [K in 'acquire' | 'run' | 'tryAcquire']?: Subject[K] } = {}

  /** The grant's own release, or the one of the lock. */
  const give = (plan: Plan, value: unknown, args: Args): GiveBack => {
    const own = plan.acquire?.grant === 'pair' ? undefined : giveBackOf(value, lock)
    if (own) return own
    const { release } = plan
    if (!release) return giveBackOf(value, lock) ?? (() => undefined)
    const grant = value === true || value === lock ? undefined : value
    return () => invoke(release, lock, { ...args, grant })
  }

  if (plans.write.acquire)
    ways.acquire = (key, ask) => {
      const plan = planFor(ask)
      const acquire = plan.acquire!
      const args: Args = { key, ask, owner: `owner ${++count}` }
      if (acquire.callback) return byCallback(acquire, args, given => give(plan, given, args))
      const asked = attempt(() => invoke(acquire, lock, args))
      if (acquire.grant === 'ticket') {
        const ticket = ticketOf(asked)
        if (ticket) return Promise.resolve(ticket.granted).then(() => ticket.giveBack)
      }
      return Promise.resolve(asked).then(value => {
        // It was asked to wait for so long, or until a signal: this is its way to say that it did not get the lock.
        const isRefusal = value === false || value === null || (value === undefined && acquire.grant !== 'pair')
        if (isRefusal) throw refused()
        return give(plan, value, args)
      })
    }

  const byCallback = (way: AcquireWay, args: Args, give: (given: unknown) => GiveBack) =>
    new Promise<GiveBack>((resolve, reject) => {
      const task = (...given: unknown[]) => resolve(give(given.find(value => giveBackOf(value, lock) !== undefined)))
      const asked = attempt(() => invoke(way, lock, { ...args, task }))
      if (isThenable(asked)) asked.then(undefined, reject)
    })

  if (plans.write.run)
    ways.run = (key, task, ask) => {
      const run = planFor(ask).run!
      let ended: PromiseLike<unknown> | undefined
      let tell: (result: PromiseLike<unknown>) => void = () => undefined
      const wrapped = () => {
        const result = task()
        ended = Promise.resolve(result)
        tell(ended)
        return result
      }
      const value = attempt(() => start(run, lock, { key, ask, owner: `owner ${++count}`, task: wrapped }, run.wraps))
      if (run.tells || isThenable(value)) return Promise.resolve(value)
      // It starts tasks and tells nobody: the task itself tells when it has ended.
      return (
        ended ??
        new Promise(resolve => {
          tell = resolve
        })
      )
    }

  if (plans.write.tryAcquire)
    ways.tryAcquire = (key, ask) => {
      const plan = planFor(ask)
      if (!plan.tryAcquire) return undefined
      const args: Args = { key, ask, owner: `owner ${++count}` }
      const accept = (value: unknown) => (value ? give(plan, value, args) : undefined)
      const value = invoke(plan.tryAcquire, lock, args)
      return isThenable(value) ? value.then(accept) : accept(value)
    }
  return ways
}

/** What a call gives; what it throws becomes a rejection. */
function attempt(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return Promise.reject(error)
  }
}

// ---- what a lock tells of itself

interface Gauge {
  readonly name: string
  count(lock: unknown, key: string): number | undefined
  flag(lock: unknown, key: string): boolean | undefined
}

/** Readings by name, a property or a method. What cannot be read is `undefined`. */
function gaugesOf(lock: unknown, known: readonly string[], members: Members): Gauge[] {
  const names = new Set<string>()
  for (
    let at = lock;
    isReference(at) && at !== Object.prototype && at !== Function.prototype;
    at = Object.getPrototypeOf(at)
  )
    for (const name of Object.getOwnPropertyNames(at))
      if (known.includes(normal(name)) && !name.startsWith('_')) names.add(name)
  const byRank = [...names].sort((a, b) => known.indexOf(normal(a)) - known.indexOf(normal(b)))
  return byRank.map(name => {
    const read = (lock: unknown, key: string) =>
      quietly(() => {
        const value = (lock as Record<string, unknown>)[name]
        if (typeof value !== 'function') return value
        return members.get(normal(name))?.parameters.length ? value.call(lock, key) : value.call(lock)
      })
    return {
      name,
      count: (lock, key) => sizeOf(read(lock, key)),
      flag: (lock, key) => {
        const value = read(lock, key)
        return typeof value === 'boolean' ? value : undefined
      }
    }
  })
}

/** Its own array of waiters tells nothing: there are locks that leave those who gave up in it, and pass them over. */
const isStore = (lock: unknown, name: string): boolean =>
  isObject(Object.getOwnPropertyDescriptor(lock as object, name)?.value)

/** Where it keeps entries: its own maps and plain objects, and the maps that were made with it. */
function storesOf(lock: unknown): Gauge[] {
  const own = Object.entries<PropertyDescriptor>(
    isReference(lock) ? Object.getOwnPropertyDescriptors(lock) : {}
  ).filter(([, { value }]) => value instanceof Map || (isObject(value) && isPlain(value)))
  const named = own.map(([name]): Gauge => {
    // Read each time: there are locks that put a new map in the place of the old one.
    const count = () => sizeOf((lock as Record<string, unknown>)[name])
    return { name: `own ${name}`, count, flag: none }
  })
  const made = isReference(lock) ? (mapsOf.get(lock) ?? []) : []
  return [...named, ...made.map((map, i): Gauge => ({ name: `map ${i}`, count: () => map.size, flag: none }))]
}

const none = () => undefined

const isPlain = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  if (Array.isArray(value)) return value.length
  if (value instanceof Map || value instanceof Set) return value.size
  if (!isObject(value)) return undefined
  if (typeof value[Symbol.iterator as never] === 'function') return [...(value as unknown as Iterable<unknown>)].length
  return isPlain(value) ? Object.keys(value).length : undefined
}

function quietly(read: () => unknown): unknown {
  try {
    return read()
  } catch {
    return undefined
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
    const gives = hasTokens ? 'token' : GRANTS[acquire.grant]
    calls.push(callOf(acquire) + (gives ? ` → ${gives}` : ''))
  }
  if (release) calls.push(callOf(release))
  if (run) calls.push(callOf(run))
  if (tryAcquire) calls.push(callOf(tryAcquire))
  return calls.join(', ')
}

function callOf({ member, slots, fields }: Way, task = 'task'): string {
  const args = slots.map(slot => {
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
