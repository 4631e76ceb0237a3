// Makes subjects of locks whose shape is known: how many may hold, and what the lock tells of itself.

import { type CallShape, membersFor, type Plan } from './calls.js'
import { gaugesOf, isStore, quietly, storesOf } from './gauges.js'
import type { Hints } from './hints.js'
import { type Members, pick } from './members.js'
import { CANCEL, ENTRIES, isCapacityName, LOCKED, WAITING } from './names.js'
import { BRIEF, Call, isObject, TaskSpy } from './probe.js'
import type { Subject, SubjectFactory } from './subject.js'
import { shapeOf } from './wording.js'

export async function binderFor(
  create: () => unknown,
  hints: Hints,
  plans: { read?: Plan; write: Plan },
  members: Members,
  kind: Subject['kind']
): Promise<SubjectFactory> {
  const { write } = plans
  const main = (write.acquire ?? write.run)!
  const keyed = hints.keyed ?? main.keyed
  const capacity = kind === 'mutex' || kind === 'read-write-lock' ? 1 : await capacityOf(create, hints, write)
  const takes = (way: CallShape) => ({ ...takesOf(way), ...given(hints) })
  const fixed = {
    shape: shapeOf(plans, kind, keyed),
    kind,
    keyed,
    capacity,
    takes: takes(main),
    runTakes: takes(write.run ?? main),
    released: releasedBy(write)
  } as const
  const bare = (lock: unknown): Subject => ({ lock, ...fixed, ...membersFor(lock, plans) })

  const observers = await observersOf(create, bare, members, keyed)
  return lock => {
    const subject: Subject = bare(lock)
    return Object.assign(subject, ...observers.map(observe => observe(lock)))
  }
}

/** How many may hold at once: as it says, or as many as are let in. */
export async function capacityOf(create: () => unknown, hints: Hints, plan: Plan): Promise<number> {
  if (hints.capacity !== undefined) return hints.capacity
  const lock = create()
  for (const name of ['capacity', 'permits', 'maxConcurrency', 'concurrency', 'limit', 'max', 'available', 'value']) {
    const told =
      isObject(lock) || typeof lock === 'function' ? quietly(() => (lock as Record<string, unknown>)[name]) : 0
    if (typeof told === 'number' && Number.isInteger(told) && told > 0 && isCapacityName(name)) return told
  }
  const ways = membersFor(lock, { write: plan })
  for (let held = 0; held < 16; held++) {
    const spy = new TaskSpy(true)
    const call = new Call(() => (ways.acquire ? ways.acquire('a', {}) : ways.run!('a', spy.task, {})))
    const isIn = ways.acquire ? (await call.settle(30)).state === 'resolved' : await spy.start(30)
    if (!isIn) return Math.max(1, held)
  }
  return 1
}

/** What the lock tells of itself, as far as it is what its name says while one holds and two wait. */
async function observersOf(
  create: () => unknown,
  bare: SubjectFactory,
  members: Members,
  keyed: boolean
): Promise<((lock: unknown) => object)[]> {
  const lock = create()
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

function takesOf({ roles, fields }: CallShape): Subject['takes'] {
  const has = (what: 'signal' | 'timeout') => roles.includes(what) || fields[what] !== undefined
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
