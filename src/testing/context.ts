// G8: a queued task runs in the async context of its caller.

import type { Verdict } from './report.js'
import { inFakeTime, settle, settleNow } from './settling.js'
import type { Subject } from './subject.js'

interface Storage {
  run(store: string, task: () => void): void
  getStore(): unknown
}

/** What is in the storage where the task never ran. */
const NOTHING = Symbol('nothing')

type Finding = Pick<Verdict, 'verdict' | 'why'>

/** The platform's storage, where it has one: nothing of Node is imported for it. */
function platformStorage(): Storage | undefined {
  const { process, AsyncLocalStorage } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => { AsyncLocalStorage: new () => Storage } | undefined }
    AsyncLocalStorage?: new () => Storage
  }
  const Class = AsyncLocalStorage ?? process?.getBuiltinModule?.('node:async_hooks')?.AsyncLocalStorage
  return Class && new Class()
}

/** Queues a task in one context and lets another one make way for it. Few locks claim this, so it is broken only if claimed. */
export async function checkContext(create: () => Subject, isClaimed: boolean): Promise<Finding> {
  const subject = create()
  if (!subject.run) return { verdict: 'not offered', why: 'it runs no tasks' }
  const storage = platformStorage()
  if (!storage) return { verdict: 'not tried', why: 'this runtime has no AsyncLocalStorage' }
  const seen = await inFakeTime(async clock => {
    const ends: (() => void)[] = []
    let seen: unknown = NOTHING
    const ignore = () => {}
    for (let i = 0; i < subject.capacity; i++)
      storage.run('the holder', () => {
        subject.run?.('a', () => new Promise<void>(resolve => ends.push(resolve)), {}).then(ignore, ignore)
      })
    await settle(clock, () => ends.length >= subject.capacity)
    const task = () => {
      seen = storage.getStore()
    }
    storage.run('the caller', () => {
      subject.run?.('a', task, {}).then(ignore, ignore)
    })
    await settleNow(clock)
    storage.run('the releaser', () => ends[0]?.())
    await settle(clock, () => seen !== NOTHING)
    return seen
  })
  if (seen === 'the caller') return { verdict: 'holds' }
  if (seen === NOTHING) return { verdict: 'not tried', why: 'the queued task did not run' }
  const why = `a queued task runs in the context of ${seen ?? 'no caller'}, not of its caller`
  return { verdict: isClaimed ? 'broken' : 'not offered', why }
}
