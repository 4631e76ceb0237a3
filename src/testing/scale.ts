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
const AS_AN_ARRAY = 5
/** How long a queue may take before it is given up, as a multiple of what a linear one would take. */
const ENDLESS = 20
const AT_LEAST_MS = 1500

type Finding = Pick<Verdict, 'verdict' | 'why'>

interface Queue {
  readonly waiters: number
  readonly served: number
  readonly msEach: number
  readonly error: unknown
}

/** Queues up to `waiters` and compares what each costs. Takes real time. */
export async function checkScale(create: () => Subject, waiters: number): Promise<Finding> {
  const short = Math.ceil(waiters / 8)
  let remark: string | undefined
  for (const how of ['acquire', 'run'] as const) {
    if (!create()[how]) continue
    const warm = await queue(create(), how, short, Infinity)
    if (warm.served < short) return stuck(warm, how)
    const base = Math.min(warm.msEach, (await queue(create(), how, short, Infinity)).msEach)
    const limit = () => Math.max(AT_LEAST_MS, ENDLESS * base * waiters)
    let long = await queue(create(), how, waiters, limit())
    if (long.served < waiters) return stuck(long, how)
    // Twice, since a machine may be busy with something else.
    if (long.msEach > BAR * base && remark === undefined)
      long = least(long, await queue(create(), how, waiters, limit()))
    if (long.msEach > BAR * base) {
      const times = `each costs ${Math.round(long.msEach / base)} times as much as in a queue of ${short}`
      if (long.msEach > BAR * base + AS_AN_ARRAY * arrayMsEach(waiters))
        return { verdict: 'broken', why: `${waiters} waiters are served, but ${times}: the queue is not linear` }
      remark ??= `${waiters} waiters were served, though ${times}, as it is with an array`
    }
  }
  return { verdict: 'holds', why: remark ?? `${waiters} waiters were served, each at the cost of one in a short queue` }
}

/** What an array costs as a queue. */
function arrayMsEach(length: number): number {
  const start = now()
  const line: unknown[] = []
  for (let i = 0; i < length; i++) line.push(start)
  while (line.length > 0) line.shift()
  return (now() - start) / length
}

const least = (one: Queue, other: Queue) => (one.msEach < other.msEach ? one : other)

function stuck({ waiters, served, error }: Queue, how: 'acquire' | 'run'): Finding {
  const what = how === 'run' ? 'tasks that end at once' : 'waiters'
  const because = error === undefined ? '' : ` (${String(error)})`
  return { verdict: 'broken', why: `of ${waiters} ${what} in line only ${served} were served${because}` }
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
  // The first one holds until everybody is in line.
  if (how === 'run') subject.run?.('a', () => new Promise<void>(resolve => (open = resolve)), {}).then(undefined, note)
  else subject.acquire?.('a', {}).then(giveBack => (open = giveBack as () => void), note)
  for (let i = 1; i < subject.capacity; i++) subject.acquire?.('a', {}).then(undefined, note)
  await macrotask()
  try {
    for (let i = 0; i < waiters; i++)
      if (how === 'run') subject.run?.('a', serve, {}).then(undefined, note)
      else
        subject.acquire?.('a', {}).then(giveBack => {
          serve()
          giveBack()
        }, note)
    open()
  } catch (thrown) {
    note(thrown)
  }
  let before = -1
  for (let still = 0; served < waiters && still < 50 && now() - start < limit; ) {
    await macrotask()
    still = served === before ? still + 1 : 0
    before = served
  }
  return { waiters, served, msEach: (now() - start) / waiters, error }
}
