// The simplest uses of a lock, before it is judged: a caller comes and goes, and so does another. A lock of which not even
// that can be seen is driven in a wrong way, and its faults would be ours.

import { attempt } from './calls.js'
import { microtasks } from './clock.js'
import { inFakeTime, settle } from './settling.js'
import type { RequestOptions, Subject } from './subject.js'
import { textOf } from './wording.js'

/** Real ms for a lock that waits for something else than timers. */
const REAL_MS = 300

/** What went wrong, in words; nothing if all went well. */
export async function rehearse(create: () => Subject): Promise<string[]> {
  const doubts = new Set<string>()
  await inFakeTime(async clock => {
    if (create().run && (await sharesResults(create(), done => settle(clock, done, REAL_MS))))
      doubts.add('a second caller is given what the task of the first one came to: it joins callers')
    const modes = create().kind === 'read-write-lock' ? (['read', 'write'] as const) : ([undefined] as const)
    for (const mode of modes)
      for (const how of ['acquire', 'run'] as const) {
        const subject = create()
        if (!subject[how]) continue
        clock.reset()
        for (const round of ['first', 'next']) {
          const doubt = await comeAndGo(subject, how, mode ? { mode } : {}, done => settle(clock, done, REAL_MS))
          if (doubt) {
            const where = round === 'first' ? 'on a fresh lock' : 'after the one before had released'
            doubts.add(`a caller${mode ? ` that wants to ${mode}` : ''} ${doubt} ${where}`)
            break
          }
        }
        await microtasks(16)
      }
  })
  return [...doubts]
}

async function comeAndGo(
  subject: Subject,
  how: 'acquire' | 'run',
  options: RequestOptions,
  settle: (done: () => boolean) => Promise<boolean>
): Promise<string | undefined> {
  let isIn = false
  let isOver = false
  let error: unknown
  const over = () => {
    isOver = true
  }
  const failed = (reason: unknown) => {
    error = reason
    isOver = true
  }
  try {
    if (how === 'run') {
      const task = async () => {
        isIn = true
      }
      subject.run?.('a', task, options).then(over, failed)
    } else
      subject.acquire?.('a', options).then(release => {
        isIn = true
        return Promise.resolve(release()).then(over, over)
      }, failed)
  } catch (thrown) {
    failed(thrown)
  }
  await settle(() => isOver)
  if (!isIn) return error === undefined ? 'was not let in' : `was refused (${textOf(error)})`
  return isOver ? undefined : 'was let in, and its call did not come to an end'
}

/** Whether a caller that comes while a task runs is given the result of that, and its own task never runs. */
async function sharesResults(subject: Subject, settle: (done: () => boolean) => Promise<boolean>): Promise<boolean> {
  const result = {}
  let end: ((value: unknown) => void) | undefined
  let given: unknown
  let runs = false
  const first = () =>
    new Promise(resolve => {
      end = resolve
    })
  const ask = (task: () => unknown, told: (value: unknown) => void) => {
    Promise.resolve(attempt(() => subject.run?.('a', task, {}))).then(told, () => {})
  }
  ask(first, () => {})
  await settle(() => end !== undefined)
  const second = () => {
    runs = true
  }
  ask(second, value => {
    given = value
  })
  end?.(result)
  await settle(() => runs)
  return !runs && given === result
}

/** Whether two locks that were made are one: what a caller holds of the first, another waits for at the second. */
export function shareState(create: () => Subject): Promise<boolean> {
  return inFakeTime(async clock => {
    const [one, other] = [create(), create()]
    const ends: (() => void)[] = []
    const enter = (subject: Subject, then: () => void) => {
      const open = () => {
        then()
        return new Promise<void>(resolve => ends.push(resolve))
      }
      const call = attempt(() =>
        subject.acquire
          ? subject.acquire('a', {}).then(release => {
              ends.push(() => attempt(release))
              then()
            })
          : subject.run?.('a', open, {})
      )
      Promise.resolve(call).then(
        () => {},
        () => {}
      )
    }
    let held = 0
    for (let i = 0; i < one.capacity; i++) enter(one, () => held++)
    await settle(clock, () => held >= one.capacity, REAL_MS)
    let isIn = false
    enter(other, () => {
      isIn = true
    })
    await settle(clock, () => isIn)
    const isApart = isIn || held < one.capacity
    for (let left = 0; left < 4; left++) {
      for (const end of ends.splice(0)) end()
      await microtasks(16)
    }
    return !isApart
  })
}
