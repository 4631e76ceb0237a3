// Makes subjects of locks whose shape is known: how many may hold, and what the lock tells of itself.

import { type CallShape, membersFor, type Plan } from './calls.js'
import { microtasks } from './clock.js'
import type { Plans } from './doubts.js'
import { gaugesOf, isStore, quietly, storesOf } from './gauges.js'
import type { Hints } from './hints.js'
import { type Member, type Members, pick } from './members.js'
import { CANCEL, ENTRIES, isCapacityName, LOCKED, WAITING } from './names.js'
import { BRIEF, Call, isReference, TaskSpy, until } from './probe.js'
import type { Release, Subject, SubjectFactory } from './subject.js'
import { shapeOf } from './wording.js'

export async function binderFor(
  create: () => unknown,
  hints: Hints,
  plans: Plans,
  members: Members,
  kind: Subject['kind']
): Promise<SubjectFactory> {
  const { write } = plans
  const main = (write.acquire ?? write.run)!
  const keyed = hints.keyed ?? main.keyed
  const capacity = kind === 'mutex' || kind === 'read-write-lock' ? 1 : await capacityOf(create, hints, write)
  // Where only one mode takes it, it is not asked for.
  const takes = (use: 'acquire' | 'run', way: CallShape) => {
    const reading = plans.read?.[use] ?? way
    const [one, other] = [takesOf(way), takesOf(reading)]
    return { signal: one.signal && other.signal, timeout: one.timeout && other.timeout, ...given(hints) }
  }
  const fixed = {
    shape: shapeOf(plans, kind, keyed),
    kind,
    keyed,
    capacity,
    takes: takes(write.acquire ? 'acquire' : 'run', main),
    runTakes: takes('run', write.run ?? main),
    released: releasedBy(write),
    callsBack: write.acquire?.callback === true
  } as const
  const bare = (lock: unknown): Subject => ({ lock, ...fixed, ...membersFor(lock, plans) })

  const observers = await observersOf(create, bare, members, keyed)
  return lock => {
    const subject: Subject = bare(lock)
    return Object.assign(subject, ...observers.map(observe => observe(lock)))
  }
}

/** So many at once say that there is no limit, or none that could be looked at. */
export const MANY = 16

/** Callers of one lock, which are all let go in the end. */
class Crowd {
  readonly subject: Subject
  readonly #releases: Release[] = []
  readonly #tasks: TaskSpy[] = []
  readonly calls: Call[] = []

  constructor(subject: Subject) {
    this.subject = subject
  }

  /** Whether one more is let in within so many ms. */
  async enter(key: string, ms: number): Promise<boolean> {
    const { subject } = this
    const spy = new TaskSpy(true)
    const call = new Call(() =>
      subject.acquire
        ? subject.acquire(key, {}).then(release => this.#releases.push(release))
        : subject.run!(key, spy.task, {})
    )
    this.calls.push(call)
    this.#tasks.push(spy)
    return subject.acquire ? (await call.settle(ms)).state === 'resolved' : spy.start(ms)
  }

  async leave(): Promise<void> {
    for (let left = this.calls.length; left > 0; left--) {
      for (const release of this.#releases.splice(0)) new Call(() => release())
      for (const spy of this.#tasks) spy.end()
      await microtasks(20)
    }
  }
}

/** How many may hold at once: as many as are let in, or as it says where these are too many to count. */
export async function capacityOf(create: () => unknown, hints: Hints, plan: Plan): Promise<number> {
  if (hints.capacity !== undefined) return hints.capacity
  const lock = create()
  const crowd = new Crowd({ lock, ...membersFor(lock, { write: plan }) } as Subject)
  let held = 0
  while (held < MANY && (await crowd.enter('a', 30))) held++
  await crowd.leave()
  if (held < MANY) return Math.max(1, held)
  for (const name of ['capacity', 'permits', 'maxConcurrency', 'concurrency', 'limit', 'max', 'available', 'value']) {
    const told = isReference(lock) ? quietly(() => (lock as unknown as Record<string, unknown>)[name]) : 0
    if (typeof told === 'number' && Number.isInteger(told) && told >= MANY && isCapacityName(name)) return told
  }
  return MANY
}

type Bare = (lock: unknown) => Subject

/** What the lock tells of itself, as far as it is what its name says while one holds and two wait. */
async function observersOf(
  create: () => unknown,
  bare: Bare,
  members: Members,
  keyed: boolean
): Promise<((lock: unknown) => object)[]> {
  const lock = create()
  const waiting = gaugesOf(lock, WAITING, members).filter(({ name }) => !isStore(lock, name))
  const flags = gaugesOf(lock, LOCKED, members)
  // On a lock of their own: to ask whether a key is locked may make an entry for it.
  const counts = await readings(bare(create()), lock => waiting.map(({ count }) => count(lock, 'a')))
  const states = await readings(bare(create()), lock => flags.map(({ flag }) => flag(lock, 'a')))
  const entries = keyed ? await entriesOf(create, bare, members) : []

  const goes = <T>(seen: readonly (readonly T[])[], i: number, ...values: readonly T[]) =>
    values.every((value, when) => seen[when]?.[i] === value)
  const counter = waiting.find((_, i) => goes(counts, i, 0, 0, 1, 2))
  const isLocked = flags.find((_, i) => goes(states, i, false, true, true))
  const cancel = await endsWaits(create, bare, pick(CANCEL, members)[0], keyed, 'waits')
  const close = await endsWaits(create, bare, members.get('close'), false, 'refused')
  return [
    lock => (counter ? { waiting: () => counter.count(lock, '') } : {}),
    lock => (isLocked ? { isLocked: (key: string) => isLocked.flag(lock, key) } : {}),
    lock =>
      entries.length > 0 ? { entries: () => Math.max(...entries.map(({ count }) => count(lock, '') ?? 0)) } : {},
    lock => (cancel ? { cancelWaiters: (key: string) => cancel(lock, key) } : {}),
    lock => (close ? { close: () => close(lock, 'a') } : {})
  ]
}

/** What is read while nothing goes on, one holds, one waits, two wait, and another key is asked for. */
async function readings<T>(subject: Subject, read: (lock: unknown) => T): Promise<T[]> {
  const crowd = new Crowd(subject)
  const seen = [read(subject.lock)]
  for (let holders = 0; holders < subject.capacity; holders++) await crowd.enter('a', BRIEF)
  seen.push(read(subject.lock))
  for (const key of ['a', 'a', 'b']) {
    await crowd.enter(key, BRIEF)
    seen.push(read(subject.lock))
  }
  await crowd.leave()
  return seen
}

async function entriesOf(create: () => unknown, bare: Bare, members: Members) {
  const subject = bare(create())
  const sources = [...gaugesOf(subject.lock, ENTRIES, members), ...storesOf(subject.lock)]
  const counts = await readings(subject, lock => sources.map(({ count }) => count(lock, 'a')))
  return sources.filter((_, i) => {
    const [none, one, , before, after] = counts.map(count => count[i])
    return none === 0 && one === 1 && after! > before!
  })
}

/**
 * How a member is called that ends the waiting of all, if it is seen to do so.
 *
 * A name does not tell whether it closes the lock as well, or takes it from its holder: neither is what ending a wait promises,
 * and a lock that does it would be blamed for what it is meant to do. So it is looked at what becomes of the next caller.
 *
 * @param next what has to become of one that asks afterwards, while the lock is still held
 */
async function endsWaits(
  create: () => unknown,
  bare: Bare,
  member: Member | undefined,
  keyed: boolean,
  next: 'waits' | 'refused'
): Promise<((lock: unknown, key: string) => unknown) | undefined> {
  if (!member || member.parameters.length > 1) return undefined
  const takesKey =
    keyed && member.parameters.length === 1 && !/reason|err|cause|message/i.test(member.parameters[0]!.name)
  const call = (lock: unknown, key: string) => (takesKey ? member.of(lock)(key) : member.of(lock)())
  const subject = bare(create())
  const crowd = new Crowd(subject)
  for (let i = 0; i < subject.capacity + 2; i++) await crowd.enter('a', BRIEF)
  const waiters = crowd.calls.slice(-2)
  const werePending = waiters.every(({ settled }) => !settled)
  new Call(() => call(subject.lock, 'a'))
  await until(() => waiters.every(({ settled }) => settled), BRIEF)
  const isEnded = waiters.every(({ outcome }) => outcome.state === 'rejected')
  const isIn = await crowd.enter('a', BRIEF)
  const isRefused = isIn ? false : (crowd.calls.at(-1) as Call).settled
  await crowd.leave()
  const isMeant = next === 'refused' ? isRefused : !isIn && !isRefused
  return werePending && isEnded && isMeant ? call : undefined
}

function takesOf({ roles, fields }: CallShape): Subject['takes'] {
  const has = (what: 'signal' | 'timeout') => roles.includes(what) || fields[what] !== undefined
  return { signal: has('signal') || roles.includes('token'), timeout: has('timeout') }
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
