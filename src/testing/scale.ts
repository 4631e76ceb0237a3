// G9: a long queue costs each of those in it as much as a short one, and is worked off without a deep stack.

import { attempt } from './calls.js'
import { macrotask, microtasks, processorTime, realTime } from './clock.js'
import type { Verdict } from './report.js'
import { inFakeTime, settle, settleNow } from './settling.js'
import type { Subject } from './subject.js'
import { textOf } from './wording.js'

const now = processorTime
const wall = performance.now.bind(performance)

/** A queue is linear if one that is eight times as long costs each waiter less than so many times as much. */
const BAR = 6
/**
 * An array is not linear as a queue, since `shift` moves what is left of a long one, and yet it serves: what costs no more
 * than so many times as much is told, and not called broken.
 */
const AS_AN_ARRAY = 20
/** A queue whose cost grows faster than this, when it is eight times as long, is not linear: a square grows eightfold. */
const STEEP = 4
/** A waiter that costs less than this costs little enough, even if a short queue costs far less: 20 µs. */
const CHEAP_MS = 0.02
/** ms by the clock, for a lock that waits for something else. */
const WALL_MS = 20_000
/** What took as long as this is measured well enough at once. */
const SURE_MS = 700
/** Longer than this no queue is waited for: what was served by then says how fast it is. */
const LIMIT_MS = 20_000

type Finding = Pick<Verdict, 'verdict' | 'why'>

interface Queue {
  readonly waiters: number
  readonly served: number
  readonly msEach: number
  /** Whether some were still being served when the time was up. */
  readonly late: boolean
  /** How many were turned away. */
  readonly refused: number
  readonly error: unknown
}

/** Queues up to `waiters` and compares what each costs. Takes real time. */
export async function checkScale(create: () => Subject, waiters: number): Promise<Finding> {
  const { acquire, run } = create()
  const timed: Finding = { verdict: 'not tried', why: 'a waiter is let in by a timer, so a long queue takes its time' }
  if (await isServedByTimer(create)) return timed
  const found = await compare(create, acquire ? 'acquire' : 'run', waiters)
  if (found.verdict !== 'holds' || !acquire || !run) return found
  // Tasks that end at once are where a stack gets deep, and a quarter is deep enough for that.
  const tasks = await queue(create(), 'run', Math.ceil(waiters / 4), Infinity)
  return tasks.served < tasks.waiters ? stuck(tasks, 'run') : found
}

async function compare(create: () => Subject, how: 'acquire' | 'run', waiters: number): Promise<Finding> {
  // Step by step, so that no time is spent on a queue whose shorter ones foretell that it takes minutes.
  const sizes = [64, 8].map(part => Math.ceil(waiters / part))
  let base: Queue | undefined
  for (const size of sizes) {
    const shorter = base
    base = await best(create, how, size, 2)
    if (base.served < base.waiters && !base.late) return stuck(base, how)
    if (!shorter) continue
    const isSteep = (queue: Queue) =>
      // A clock that stands still while code runs gives a short queue no cost that could be compared.
      shorter.msEach > 0 && queue.msEach / shorter.msEach > STEEP && foretold(queue, shorter, waiters) > LIMIT_MS
    // Once more, since a machine may be busy with something else.
    for (let again = 0; again < 3 && isSteep(base) && base.msEach * size < SURE_MS; again++)
      base = least(base, await best(create, how, size, 1))
    if (!isSteep(base)) continue
    const growth = Math.round(base.msEach / shorter.msEach)
    const times = `each of ${base.waiters} waiters costs ${growth} times as much as each of ${shorter.waiters}`
    return { verdict: 'policy', why: `${times}: the queue is not linear` }
  }
  let short = base as Queue
  const barOf = ({ msEach }: Queue) => Math.max(BAR * msEach, CHEAP_MS)
  let long = await queue(create(), how, waiters, LIMIT_MS)
  // What comes near the bar is measured again, the one that decides: the machine may have been busy with something else.
  const isNear = () => long.msEach > barOf(short) / 2 && long.msEach > CHEAP_MS
  for (let again = 0; again < 6 && isNear(); again++) {
    if (long.msEach <= barOf(short)) short = least(short, await best(create, how, short.waiters, 1))
    else if (long.msEach * waiters < 1500) long = least(long, await queue(create(), how, waiters, LIMIT_MS))
    else break
  }
  const { msEach } = short
  if (long.served < waiters && !long.late) return stuck(long, how)
  if (msEach === 0 || long.msEach === 0)
    return { verdict: 'holds', why: `${waiters} waiters were served; the clock here does not tell what each cost` }
  if (long.msEach <= barOf(short))
    return { verdict: 'holds', why: `${long.served} waiters were served, each at the cost of one in a short queue` }
  const times = `each costs ${Math.round(long.msEach / msEach)} times as much as in a queue of ${short.waiters}`
  if (long.msEach > barOf(short) + AS_AN_ARRAY * arrayMsEach(waiters))
    return {
      verdict: 'policy',
      why: `of ${waiters} queued waiters ${long.served} were served, and ${times}: the queue is not linear`
    }
  return { verdict: 'holds', why: `${long.served} waiters were served, though ${times}, as it is with an array` }
}

/** What the long queue would take, in ms, if it grew as it did so far. */
const foretold = (queue: Queue, shorter: Queue, waiters: number): number =>
  queue.msEach * (queue.msEach / shorter.msEach) * waiters

/** Whether time has to pass until a waiter is let in after a release. */
async function isServedByTimer(create: () => Subject): Promise<boolean> {
  return inFakeTime(async clock => {
    const subject = create()
    const opens: (() => void)[] = []
    let served = false
    const ignore = () => {}
    const ask = (then: () => void) =>
      subject.acquire
        ? subject.acquire('a', {}).then(release => {
            opens.push(() => attempt(release))
            then()
          }, ignore)
        : subject
            .run?.(
              'a',
              () =>
                new Promise<void>(resolve => {
                  opens.push(resolve)
                  then()
                }),
              {}
            )
            .then(ignore, ignore)
    for (let i = 0; i < subject.capacity; i++) ask(ignore)
    await settle(clock, () => opens.length >= subject.capacity)
    ask(() => {
      served = true
    })
    await settleNow(clock)
    opens.shift()?.()
    for (let turn = 0; turn < 3 && !served; turn++) {
      await microtasks(16)
      await macrotask()
    }
    const isSlow = !served && (await settle(clock, () => served))
    for (let open = opens.shift(); open; open = opens.shift()) {
      open()
      await settleNow(clock)
    }
    return isSlow
  })
}

/** What an array costs as a queue, of which the middle is as long as half of it. */
function arrayMsEach(length: number): number {
  const line: unknown[] = []
  for (let i = 0; i < length; i++) line.push(() => i)
  const start = now()
  for (let i = 0; i < 500; i++) line.shift()
  return (now() - start) / 500 / 2
}

/** The cheapest of several, the first of which is for the engine to warm up. */
async function best(create: () => Subject, how: 'acquire' | 'run', waiters: number, again: number): Promise<Queue> {
  let best = await queue(create(), how, waiters, LIMIT_MS)
  for (let i = 0; i < again && best.msEach * waiters < 500; i++)
    best = least(best, await queue(create(), how, waiters, LIMIT_MS))
  return best
}

const least = (one: Queue, other: Queue) => (one.msEach < other.msEach ? one : other)

function stuck({ waiters, served, refused, error }: Queue, how: 'acquire' | 'run'): Finding {
  // A lock may refuse a queue that is too long for it; one whose stack overflows does not mean to.
  const isRefusal = served + refused >= waiters && !(error instanceof RangeError)
  if (isRefusal) return { verdict: 'not tried', why: `it refuses ${refused} of ${waiters} waiters (${textOf(error)})` }
  const what = how === 'run' ? 'tasks that end at once' : 'waiters'
  const because = error === undefined ? '' : ` (${textOf(error)})`
  return { verdict: 'broken', why: `of ${waiters} queued ${what} only ${served} were served${because}` }
}

async function queue(subject: Subject, how: 'acquire' | 'run', waiters: number, limit: number): Promise<Queue> {
  const start = now()
  let served = 0
  let refused = 0
  let error: unknown
  let open = () => {}
  const note = (reason: unknown) => {
    refused++
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
  const end = wall() + WALL_MS
  let before = -1
  let still = 0
  while (served < waiters && still < 50 && now() - start < limit && wall() < end) {
    await macrotask()
    // What is done outside of this process takes its time.
    const isIdle = served === before
    still = isIdle && !(still === 40 && (await realTime(() => served !== before, 200))) ? still + 1 : 0
    before = served
  }
  return { waiters, served, msEach: (now() - start) / Math.max(1, served), late: still < 50, refused, error }
}
