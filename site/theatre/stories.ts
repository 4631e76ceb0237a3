// The stories that the theatre tells. Where a story has two sides, a faulty lock and a sound one get the same steps at the
// same time. Each side can also be played by itself. Tests play all of them to the end that is stated here.

import type { Verdict } from './run.js'
import { type LockName, readSteps, type Schedule } from './schedule.js'

export interface Preset {
  readonly id: string
  readonly label: string
  /** Before the play: what to look for. */
  readonly watch: string
  /** After the play: what was seen. */
  readonly lesson: string
  readonly schedule: Schedule
  /** The verdict after the last step; in a pair, that of the lock that is named first. */
  readonly end: Verdict
}

export interface Story {
  readonly title: string
  /** Both locks side by side. */
  readonly pair?: Preset
  /** One lock by itself. */
  readonly presets: readonly Preset[]
}

interface Text {
  readonly watch: string
  readonly lesson: string
  readonly clients?: number
}

const QUEUE = 'A.acquire, B.acquire, C.acquire, A.work, A.release'
const TURNS = 'B.work, B.release, C.work, C.release'
const TWICE = 'A.acquire, B.acquire, C.acquire, A.release, A.again, B.work'
const READERS = 'A.read, B.write, C.read, A.release, A.read, C.release, C.read, A.release, A.read'
const LEAVE = 'A.acquire, B.acquire, C.acquire, B.abort, A.release'
const EXPIRE = LEAVE.replace('abort', 'timeout')

export const STORIES: readonly Story[] = [
  {
    title: 'Passing it on',
    pair: pair('pass', ['buggy', 'mutex'], `${QUEUE}, ${TURNS}`, 'stuck', {
      watch: 'A holds the lock, B and C wait. Watch what the release of A does for B.',
      lesson:
        'The buggy release() calls B before it frees the lock, so B queues again. Mutex makes B the owner before release() returns.'
    }),
    presets: [
      preset('hang', 'Buggy mutex', 'buggy', QUEUE, 'stuck', {
        watch: 'A holds the lock, B and C wait. Watch what the release of A does for B.',
        lesson: 'The lock was never freed. B found it taken and queued again, behind C, and no client is left to act.'
      }),
      preset('hand-off', 'Mutex', 'mutex', `${QUEUE}, ${TURNS}`, 'fine', {
        watch: 'The same steps. Watch who owns the lock when A has released it.',
        lesson: 'Each release made the first in the queue the owner before it returned.'
      })
    ]
  },
  {
    title: 'Releasing twice',
    pair: pair('twice', ['repaired', 'mutex'], `${TWICE}, C.work`, 'crowd', {
      watch: 'A calls its release() twice. Watch who holds the lock after the second call.',
      lesson: 'The second call let C in beside B. On Mutex it did nothing: a lock can be released once, by its holder.'
    }),
    presets: [
      preset('double-release', 'Repaired mutex', 'repaired', `${TWICE}, C.work`, 'crowd', {
        watch: 'A calls its release() twice. Watch who holds the lock after the second call.',
        lesson: 'The second call let C in beside B: two clients work on the same thing.'
      }),
      preset('one-shot', 'Mutex', 'mutex', `${TWICE}, B.release, C.work, C.release`, 'fine', {
        watch: 'A calls its release() twice. Watch what the second call does.',
        lesson: 'The second release() did nothing. It can never free the lock of another client.'
      })
    ]
  },
  {
    title: 'Cancelling',
    pair: pair('cancel', ['repaired', 'mutex'], `${LEAVE}, C.work, C.release`, 'stuck', {
      watch: 'B stops waiting. Watch who gets the lock when A releases it.',
      lesson: 'A lock that is not told hands itself to B, which has left. On Mutex the waiter B left the queue at once.'
    }),
    presets: [
      preset('ghost', 'Repaired mutex', 'repaired', LEAVE, 'stuck', {
        watch: 'B stops waiting. Watch who gets the lock when A releases it.',
        lesson: 'The lock was not told. It was handed to B all the same, and C waits forever.'
      }),
      preset(
        'leave',
        'Mutex',
        'mutex',
        'A.acquire, B.acquire, C.acquire, D.acquire, B.abort, D.timeout, A.release, C.work, C.release',
        'fine',
        {
          watch: 'B cancels and D times out. Watch the queue.',
          lesson: 'Both left the queue at once, and C was next.',
          clients: 4
        }
      )
    ]
  },
  {
    title: 'Timing out',
    pair: pair('expire', ['chain', 'mutex'], `${EXPIRE}, C.work, C.release`, 'stuck', {
      watch: 'B runs out of time while it waits. Watch C when A releases.',
      lesson: 'In a promise chain B stays a link, and C waits for a release that never comes. On Mutex C was next.'
    }),
    presets: [
      preset('ghost-in-chain', 'Promise chain', 'chain', EXPIRE, 'stuck', {
        watch: 'B runs out of time while it waits. Watch C when A releases.',
        lesson: 'B stayed a link of the chain. Each client behind it waits for a release that never comes.'
      })
    ]
  },
  {
    title: 'A writer among readers',
    pair: pair(
      'writer',
      ['readers-first', 'rw'],
      'A.read, B.write, C.read, A.release, B.work, B.release, A.read, C.release, C.read, A.release, A.read',
      'overtaken',
      {
        watch: 'Readers come and go. Watch when B gets to write.',
        lesson:
          'With readers first, one reader was always inside. A waiting writer of ReadWriteLock stops the readers behind it.'
      }
    ),
    presets: [
      preset('starve', 'Readers first', 'readers-first', READERS, 'overtaken', {
        watch: 'Readers come and go. Watch when B gets to write.',
        lesson: 'One reader was always inside, so B never got its turn.'
      }),
      preset(
        'fair',
        'ReadWriteLock',
        'rw',
        'A.read, B.write, C.read, D.read, A.release, B.work, B.release, C.work, D.work, C.release, D.release',
        'fine',
        {
          watch: 'C and D want to read while B waits to write. Watch who goes first.',
          lesson: 'A waiting writer stopped the readers behind it. When it was done, they went in together.',
          clients: 4
        }
      )
    ]
  },
  {
    title: 'Several keys',
    presets: [
      preset('one-by-one', 'One by one', 'keyed', 'A.acquire:a, B.acquire:b, A.acquire:b, B.acquire:a', 'stuck', {
        watch: 'A wants the keys a and b, B wants b and a. Each takes one after the other.',
        lesson: 'A holds a and wants b, B holds b and wants a. No lock can help against that.',
        clients: 2
      }),
      preset(
        'together',
        'All at once',
        'keyed',
        'A.acquire:a+b, B.acquire:b+a, C.acquire:a, A.work, A.release, B.work, B.release, C.work, C.release',
        'fine',
        {
          watch: 'Each asks for both keys in one call. Watch the two queues.',
          lesson: 'They joined both queues in the same instant, so the order of the keys does not matter.'
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
          watch: 'B needs both permits, so C waits behind it. Watch C when B cancels.',
          lesson: 'When B left, C fitted and went in at that very moment.'
        }
      )
    ]
  }
]

/** The plays with one lock. */
export const PRESETS: readonly Preset[] = STORIES.flatMap(({ presets }) => presets)

/** The plays with two. */
export const PAIRS: readonly Preset[] = STORIES.flatMap(({ pair }) => pair ?? [])

function preset(
  id: string,
  label: string,
  lock: LockName,
  steps: string,
  end: Verdict,
  { watch, lesson, clients = 3 }: Text
): Preset {
  const schedule = { lock, size: 2, clients, steps: readSteps(steps.replaceAll(' ', '')) ?? [] }
  return { id, label, watch, lesson, schedule, end }
}

function pair(
  id: string,
  [lock, beside]: readonly [LockName, LockName],
  steps: string,
  end: Verdict,
  text: Text
): Preset {
  const alone = preset(id, 'Side by side', lock, steps, end, text)
  return { ...alone, schedule: { ...alone.schedule, beside } }
}
