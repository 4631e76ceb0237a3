// G6, value by value: what a task returns or throws reaches its caller as it is, and the lock is free after it.

import type { Clock } from './clock.js'
import type { Verdict } from './report.js'
import { inFakeTime, settle } from './settling.js'
import type { Subject } from './subject.js'

interface Case {
  readonly what: string
  readonly task: () => unknown
  readonly settles: 'resolved' | 'rejected'
  readonly value: unknown
}

const ERROR = new Error('of the task')
const OBJECT = { an: 'object' }

const CASES: readonly Case[] = [
  { what: 'returns an object', task: () => OBJECT, settles: 'resolved', value: OBJECT },
  { what: 'returns undefined', task: () => undefined, settles: 'resolved', value: undefined },
  { what: 'returns null', task: () => null, settles: 'resolved', value: null },
  { what: 'throws an error', task: thrower(ERROR), settles: 'rejected', value: ERROR },
  { what: 'throws undefined', task: thrower(undefined), settles: 'rejected', value: undefined },
  { what: 'rejects with an error', task: () => Promise.reject(ERROR), settles: 'rejected', value: ERROR },
  { what: 'rejects with undefined', task: () => Promise.reject(undefined), settles: 'rejected', value: undefined },
  { what: 'rejects with 0', task: () => Promise.reject(0), settles: 'rejected', value: 0 },
  {
    what: 'returns a thenable',
    // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is the case
    task: () => ({ then: (resolve: (value: unknown) => void) => queueMicrotask(() => resolve(OBJECT)) }),
    settles: 'resolved',
    value: OBJECT
  }
]

function thrower(reason: unknown): () => never {
  return () => {
    throw reason
  }
}

/**
 * Runs each kind of task on a free lock and queued behind another one.
 *
 * @param isCertain whether another caller is let in at all: if not, only the free lock is looked at.
 */
export async function checkTransparency(
  create: () => Subject,
  isCertain: boolean
): Promise<Pick<Verdict, 'verdict' | 'why'> | undefined> {
  if (!create().run) return undefined
  return inFakeTime(async clock => {
    for (const place of isCertain ? ['on a free lock', 'queued'] : ['on a free lock'])
      for (const each of CASES) {
        clock.reset()
        const why = await whatIsWrong(create(), clock, each, place === 'queued', isCertain)
        if (why) return { verdict: 'broken', why: `a task that ${each.what}, ${place}: ${why}` }
      }
    return { verdict: 'holds' }
  })
}

async function whatIsWrong(
  subject: Subject,
  clock: Clock,
  { task, settles, value }: Case,
  isQueued: boolean,
  isCertain: boolean
): Promise<string | undefined> {
  const seen: { settled: string; value: unknown }[] = []
  const follow = (settled: string) => (value: unknown) => {
    seen.push({ settled, value })
  }
  const ignore = () => {}
  const opens: (() => void)[] = []
  let after = false
  if (isQueued)
    for (let i = 0; i < subject.capacity; i++)
      subject.run?.('a', () => new Promise<void>(resolve => opens.push(resolve)), {}).then(ignore, ignore)
  // A lock may let the first one in a little later.
  if (isQueued && !(await settle(clock, () => opens.length >= subject.capacity))) return undefined
  try {
    subject.run?.('a', task, {}).then(follow('resolved'), follow('rejected'))
  } catch {
    return 'it is thrown at the caller, who was promised a promise'
  }
  const other = () => {
    after = true
  }
  if (isCertain) subject.run?.('a', other, {}).then(ignore, ignore)
  for (const open of opens) open()
  await settle(clock, () => (after || !isCertain) && seen.length > 0)
  const [first] = seen
  if (!first) return 'the caller is never told'
  if (first.settled !== settles) return `the caller's promise is ${first.settled}, not ${settles}`
  if (!Object.is(first.value, value)) return 'the caller gets something else'
  return after || !isCertain ? undefined : 'the lock is not free afterwards'
}
