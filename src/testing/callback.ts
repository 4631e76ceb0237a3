// G6 of a lock that calls back: a callback that throws is its own caller's affair, and the lock goes on.

import type { Verdict } from './report.js'
import { inFakeTime, settle } from './settling.js'
import type { Release, Subject } from './subject.js'

const ERROR = new Error('of the callback')

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
    for (let release = releases.shift(); release; release = releases.shift()) {
      try {
        await release()
      } catch (error) {
        comesOut ||= error === ERROR
      }
      await settle(clock, () => isLast)
    }
    if (!isLast) return { verdict: 'broken', why: 'after a callback that throws, and releases, no other is called' }
    if (!comesOut) return undefined
    return { verdict: 'policy', why: 'what a callback throws comes out of the release of the caller before it' }
  })
}
