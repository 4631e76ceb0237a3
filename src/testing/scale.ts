// G9: a long queue costs each of those in it as much as a short one, and is worked off without a deep stack.

import { macrotask } from './clock.js'
import type { Verdict } from './report.js'
import type { Subject } from './subject.js'

const now = performance.now.bind(performance)

/** A queue is linear if one that is eight times as long costs each waiter less than so many times as much. */
const BAR = 6
/**
 * An array is not linear as a queue, since `shift` moves what is left of a long one, and yet it serves: what costs no more
 * than so many times as much is told, and not called broken.
 */
const AS_AN_ARRAY = 20
/** A queue whose cost grows faster than this, when it is eight times as long, is not linear: a square grows eightfold. */
const STEEP = 4
/** Who costs less than this costs little enough, whatever a short queue costs: 20 µs. */
const CHEAP_MS = 0.02
/** Longer than this no queue is waited for: what was served by then says how fast it is. */
const LIMIT_MS = 20_000

type Finding = Pick<Verdict, 'verdict' | 'why'>

interface Queue {
  readonly waiters: number
  readonly served: number
  readonly msEach: number
  /** Whether some were still being served when the time was up. */
  readonly late: boolean
  readonly error: unknown
}

/** Queues up to `waiters` and compares what each costs. Takes real time. */
export async function checkScale(create: () => Subject, waiters: number): Promise<Finding> {
  const { acquire, run } = create()
  const found = await compare(create, acquire ? 'acquire' : 'run', waiters)
  if (found.verdict === 'broken' || !acquire || !run) return found
  // Tasks that end at once are where a stack gets deep, and a quarter is deep enough for that.
  const tasks = await queue(create(), 'run', Math.ceil(waiters / 4), Infinity)
  return tasks.served < tasks.waiters ? stuck(tasks, 'run') : found
}

async function compare(create: () => Subject, how: 'acquire' | 'run', waiters: number): Promise<Finding> {
  // Step by step, so that no time is spent on a queue whose shorter ones foretell that it takes minutes.
  let base: Queue | undefined
  for (const part of [512, 64, 8]) {
    const shorter = base
    base = await twice(create, how, Math.ceil(waiters / part))
    if (base.served < base.waiters && !base.late) return stuck(base, how)
    // Again while it looks steep and was soon measured, since a machine may be busy with something else.
    for (let again = 0; again < 3 && isSteep(base, shorter) && base.msEach * base.waiters < 500; again++)
      base = least(base, await queue(create(), how, base.waiters, LIMIT_MS))
    if (shorter && isSteep(base, shorter)) {
      const times = `each of ${base.waiters} waiters costs ${Math.round(growth(base, shorter))} times as much as each of ${shorter.waiters}`
      return { verdict: 'broken', why: `${times}: the queue is not linear` }
    }
  }
  const { waiters: short, msEach } = base as Queue
  const bar = Math.max(BAR * msEach, CHEAP_MS)
  let long = await queue(create(), how, waiters, LIMIT_MS)
  // Again if that does not take long, since a machine may be busy with something else.
  for (let again = 0; again < 3 && long.msEach > bar && long.msEach * waiters < 1000; again++)
    long = least(long, await queue(create(), how, waiters, LIMIT_MS))
  if (long.served < waiters && !long.late) return stuck(long, how)
  if (msEach === 0 || long.msEach === 0)
    return { verdict: 'holds', why: `${waiters} waiters were served; the clock here does not tell what each cost` }
  if (long.msEach <= bar)
    return { verdict: 'holds', why: `${waiters} waiters were served, each at the cost of one in a short queue` }
  const times = `each costs ${Math.round(long.msEach / msEach)} times as much as in a queue of ${short}`
  if (long.msEach > bar + AS_AN_ARRAY * arrayMsEach(waiters))
    return {
      verdict: 'broken',
      why: `of ${waiters} queued waiters ${long.served} were served, and ${times}: the queue is not linear`
    }
  return { verdict: 'holds', why: `${long.served} waiters were served, though ${times}, as it is with an array` }
}

/** A clock that stands still while code runs, or is coarse, gives a short queue no cost that could be compared. */
const growth = (base: Queue, shorter: Queue | undefined) =>
  shorter && shorter.msEach > 0 ? base.msEach / shorter.msEach : 1

/** Whether a queue that is eight times as long would take minutes, going by how much more this one took than the last. */
const isSteep = (base: Queue, shorter: Queue | undefined) =>
  growth(base, shorter) > STEEP && base.msEach * growth(base, shorter) * base.waiters * 8 > LIMIT_MS

/** What an array costs as a queue, of which the middle is as long as half of it. */
function arrayMsEach(length: number): number {
  const line: unknown[] = []
  for (let i = 0; i < length; i++) line.push(() => i)
  const start = now()
  for (let i = 0; i < 500; i++) line.shift()
  return (now() - start) / 500 / 2
}

/** The first one is for the engine to warm up. */
async function twice(create: () => Subject, how: 'acquire' | 'run', waiters: number): Promise<Queue> {
  const first = await queue(create(), how, waiters, LIMIT_MS)
  return first.msEach * waiters > 500 ? first : least(first, await queue(create(), how, waiters, LIMIT_MS))
}

const least = (one: Queue, other: Queue) => (one.msEach < other.msEach ? one : other)

function stuck({ waiters, served, error }: Queue, how: 'acquire' | 'run'): Finding {
  const what = how === 'run' ? 'tasks that end at once' : 'waiters'
  const because = error === undefined ? '' : ` (${String(error)})`
  return { verdict: 'broken', why: `of ${waiters} queued ${what} only ${served} were served${because}` }
}

async function queue(subject: Subject, how: 'acquire' | 'run', waiters: number, limit: number): Promise<Queue> {
  const start = now()
  let served = 0
  let error: unknown
  let open = () => {}
  const note = (reason: unknown) => {
    error ??= reason
  }
  const serve = () => {
    served++
  }
  // The first caller holds until all the others are queued.
  if (how === 'run') subject.run?.('a', () => new Promise<void>(resolve => (open = resolve)), {}).then(undefined, note)
  else subject.acquire?.('a', {}).then(release => (open = release as () => void), note)
  for (let i = 1; i < subject.capacity; i++) subject.acquire?.('a', {}).then(undefined, note)
  await macrotask()
  try {
    for (let i = 0; i < waiters; i++)
      if (how === 'run') subject.run?.('a', serve, {}).then(undefined, note)
      else
        subject.acquire?.('a', {}).then(release => {
          serve()
          release()
        }, note)
    open()
  } catch (thrown) {
    note(thrown)
  }
  let before = -1
  let still = 0
  while (served < waiters && still < 50 && now() - start < limit) {
    await macrotask()
    still = served === before ? still + 1 : 0
    before = served
  }
  return { waiters, served, msEach: (now() - start) / Math.max(1, served), late: still < 50, error }
}
