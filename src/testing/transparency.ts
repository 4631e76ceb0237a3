// G6, value by value: what a task returns or throws reaches its caller as it is, and the lock is free after it.

import { macrotask } from './clock.js'
import type { Verdict } from './report.js'
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

/** Runs each kind of task on a free lock and queued behind another one. */
export async function checkTransparency(
  create: () => Subject,
  hangs: boolean
): Promise<Pick<Verdict, 'verdict' | 'why'> | undefined> {
  if (!create().run) return undefined
  for (const place of hangs ? ['on a free lock'] : ['on a free lock', 'queued'])
    for (const each of CASES) {
      const why = await whatIsWrong(create(), each, place === 'queued', hangs)
      if (why) return { verdict: 'broken', why: `a task that ${each.what}, ${place}: ${why}` }
    }
  return { verdict: 'holds' }
}

async function whatIsWrong(
  subject: Subject,
  { task, settles, value }: Case,
  queued: boolean,
  hangs: boolean
): Promise<string | undefined> {
  const seen: { settled: string; value: unknown }[] = []
  const follow = (settled: string) => (value: unknown) => {
    seen.push({ settled, value })
  }
  const ignore = () => {}
  let open = () => {}
  let after = hangs // that those behind it hang is known, and not the fault of this task
  if (queued)
    for (let i = 0; i < subject.capacity; i++)
      subject.run?.('a', () => new Promise<void>(resolve => (open = resolve)), {}).then(ignore, ignore)
  await macrotask() // a lock may let the first one in a little later
  try {
    subject.run?.('a', task, {}).then(follow('resolved'), follow('rejected'))
  } catch {
    return 'it is thrown at the caller, who was promised a promise'
  }
  if (!hangs) subject.run?.('a', () => (after = true), {}).then(ignore, ignore)
  open()
  for (let i = 0; i < 5 && !(after && seen.length > 0); i++) await macrotask()
  const [first] = seen
  if (!first) return 'the caller is never told'
  if (first.settled !== settles) return `the caller's promise is ${first.settled}, not ${settles}`
  if (!Object.is(first.value, value)) return 'the caller gets something else'
  return after ? undefined : 'the lock is not free afterwards'
}
