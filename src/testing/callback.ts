// G6 of a lock that calls back: a callback that throws is its own caller's affair, and the lock goes on.

import type { Verdict } from './report.js'
import { inFakeTime, settle } from './settling.js'
import type { Release, Subject } from './subject.js'

const ERROR = new Error('of the callback')
/** So many timers may throw, one after the other. */
const MOST_TIMERS = 8

/**
 * Queues a callback that throws, and then releases as it should. Nothing for a lock that does not call back.
 *
 * Where the error comes out is a policy: mostly the code that calls a callback hears of it, which is the release before.
 */
export function checkCallback(create: () => Subject): Promise<Pick<Verdict, 'verdict' | 'why'> | undefined> {
  return inFakeTime(async clock => {
    const subject = create()
    const { acquire } = subject
    if (!acquire || !subject.callsBack) return undefined
    const releases: Release[] = []
    let isLast = false
    const enter = (throws: boolean, then = () => {}) => {
      acquire('a', throws ? { throws: ERROR } : {}).then(
        release => {
          releases.push(release)
          then()
        },
        () => {}
      )
      return settle(clock, () => false, 0)
    }
    for (let i = 0; i < subject.capacity; i++) await enter(false)
    if (releases.length < subject.capacity) return undefined
    await enter(true)
    await enter(false, () => {
      isLast = true
    })
    if (releases.length > subject.capacity) return undefined
    let comesOut = false
    let isUncaught = false
    /** A callback that a timer calls throws out of that timer: elsewhere this would end the process. */
    const goOn = async () => {
      for (let timers = 0; timers < MOST_TIMERS; timers++) {
        try {
          await settle(clock, () => isLast)
          return
        } catch (error) {
          isUncaught ||= error === ERROR
        }
      }
    }
    for (let release = releases.shift(); release; release = releases.shift()) {
      try {
        await release()
      } catch (error) {
        comesOut ||= error === ERROR
      }
      await goOn()
    }
    if (!isLast) return { verdict: 'broken', why: 'after a callback that throws, and releases, no other is called' }
    if (isUncaught) return { verdict: 'policy', why: 'what a callback throws is uncaught, since a timer calls it' }
    if (!comesOut) return undefined
    return { verdict: 'policy', why: 'what a callback throws comes out of the release of the caller before it' }
  })
}
