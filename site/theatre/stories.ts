// The stories that the theatre tells. Each is a pair, as far as there are two sides to it: how it goes wrong, and how it
// goes with latchkey. Tests play all of them to the end that is stated here.

import type { Verdict } from './run.js'
import { type LockName, readSteps, type Schedule } from './schedule.js'

export interface Preset {
  readonly id: string
  readonly label: string
  /** What to look for. */
  readonly watch: string
  readonly schedule: Schedule
  /** How things stand after the last step. */
  readonly end: Verdict
}

export interface Story {
  readonly title: string
  readonly presets: readonly Preset[]
}

const QUEUE = 'A.acquire, B.acquire, C.acquire, A.work, A.release'
const TWICE = 'A.acquire, B.acquire, C.acquire, A.release, A.again, B.work'
const READERS = 'A.read, B.write, C.read, A.release, A.read, C.release, C.read, A.release, A.read'
const LEAVE = 'A.acquire, B.acquire, C.acquire, B.abort, A.release'

export const STORIES: readonly Story[] = [
  {
    title: 'Passing it on',
    presets: [
      preset('hang', 'Buggy mutex', 'buggy', QUEUE, 'stuck', {
        watch:
          'A releases while two wait. The lock is never freed, so B queues again, behind C, and nobody is left to act.'
      }),
      preset('hand-off', 'Mutex', 'mutex', `${QUEUE}, B.work, B.release, C.work, C.release`, 'fine', {
        watch: 'The same steps. Each release makes the first in line the owner before it returns.'
      })
    ]
  },
  {
    title: 'Releasing twice',
    presets: [
      preset('double-release', 'Repaired mutex', 'repaired', `${TWICE}, C.work`, 'crowd', {
        watch: 'A calls its release() twice, and the second call lets C in beside B.'
      }),
      preset('one-shot', 'Mutex', 'mutex', `${TWICE}, B.release, C.work, C.release`, 'fine', {
        watch: 'The second release() of A does nothing. It can never free the lock of somebody else.'
      })
    ]
  },
  {
    title: 'Giving up',
    presets: [
      preset('ghost', 'Repaired mutex', 'repaired', LEAVE, 'stuck', {
        watch: 'B stops waiting and the lock is not told. It is handed to B all the same, and C waits for ever.'
      }),
      preset('ghost-in-chain', 'Promise chain', 'chain', LEAVE.replace('abort', 'timeout'), 'stuck', {
        watch:
          'B runs out of time and stays a link of the chain. Everybody behind it waits for a release that never comes.'
      }),
      preset(
        'leave',
        'Mutex',
        'mutex',
        `A.acquire, B.acquire, C.acquire, D.acquire, B.abort, D.timeout, A.release, C.work, C.release`,
        'fine',
        {
          watch: 'B gives up and D runs out of time. Both leave the line at once, and C is next.',
          clients: 4
        }
      )
    ]
  },
  {
    title: 'A writer among readers',
    presets: [
      preset('starve', 'Readers first', 'readers-first', READERS, 'overtaken', {
        watch: 'Readers come and go, and there is always one inside. B wants to write and never gets its turn.'
      }),
      preset(
        'fair',
        'ReadWriteLock',
        'rw',
        'A.read, B.write, C.read, D.read, A.release, B.work, B.release, C.work, D.work, C.release, D.release',
        'fine',
        {
          watch: 'A waiting writer stops the readers behind it. When it is done, they go in together.',
          clients: 4
        }
      )
    ]
  },
  {
    title: 'Several keys',
    presets: [
      preset('one-by-one', 'One by one', 'keyed', 'A.acquire:a, B.acquire:b, A.acquire:b, B.acquire:a', 'stuck', {
        watch:
          'A holds a and wants b, B holds b and wants a. No lock can help against taking keys one after the other.',
        clients: 2
      }),
      preset(
        'together',
        'All at once',
        'keyed',
        'A.acquire:a+b, B.acquire:b+a, C.acquire:a, A.work, A.release, B.work, B.release, C.work, C.release',
        'fine',
        {
          watch: 'Each asks for both keys in one call. They join both lines in the same instant, in any order of keys.'
        }
      )
    ]
  },
  {
    title: 'A large request leaves',
    presets: [
      preset(
        'heavy',
        'Semaphore',
        'semaphore',
        'A.acquire:1, B.acquire:2, C.acquire:1, B.abort, C.work, A.release, C.release',
        'fine',
        {
          watch: 'B needs both permits, so C waits behind it. When B gives up, C fits and goes in at that very moment.'
        }
      )
    ]
  }
]

export const PRESETS: readonly Preset[] = STORIES.flatMap(({ presets }) => presets)

function preset(
  id: string,
  label: string,
  lock: LockName,
  steps: string,
  end: Verdict,
  { watch, clients = 3 }: { watch: string; clients?: number }
): Preset {
  const schedule = { lock, size: 2, clients, steps: readSteps(steps.replaceAll(' ', '')) ?? [] }
  return { id, label, watch, schedule, end }
}
