// What can happen to a lock, a step at a time. A schedule is a list of these: plain data, which can be kept and played
// again.

import type { RequestOptions } from './subject.js'

/** What a step does. `run` starts a task that stays open until `finish` or `fail`; `run throwing` one that throws. */
export type Action =
  | 'acquire'
  | 'try'
  | 'run'
  | 'run throwing'
  | 'release'
  | 'release again'
  | 'finish'
  | 'fail'
  | 'abort'
  | 'time'
  | 'close'
  | 'cancel'

/** One step of a schedule. */
export interface Step {
  readonly does: Action
  /** Who does it, as an index. Absent for `time`, `close` and `cancel`. */
  readonly client?: number
  /** What limits the waiting, if anything. */
  readonly with?: 'signal' | 'aborted signal' | 'timeout'
  readonly key?: string
  readonly permits?: number
  readonly mode?: RequestOptions['mode']
  /** No microtask runs between the step before and this one, unless {@link after} says how many. */
  readonly sameTurn?: boolean
  /** The step follows the one before after so many rounds of microtasks, before everything is quiet. */
  readonly after?: number
}

/** Steps in order. */
export type Schedule = readonly Step[]

/** The timeout of a request, and more than it: both long, since polling may take some time of its own. In ms. */
export const TIMEOUT = 3_600_000
export const LONG = 2 * TIMEOUT

export const nameOf = (client: number): string => String.fromCharCode(65 + client)

const WORDS: Record<Action, string> = {
  acquire: 'acquires',
  try: 'tries',
  run: 'runs a task',
  'run throwing': 'runs a task that throws',
  release: 'releases',
  'release again': 'releases again',
  finish: 'ends its task',
  fail: 'fails in its task',
  abort: 'aborts',
  time: 'time passes',
  close: 'the lock is closed',
  cancel: 'all waiters are cancelled'
}

const LIMITS = { signal: ' with a signal', 'aborted signal': ' with an aborted signal', timeout: ' with a timeout' }

/** A step in words, without what came of it: `B acquires with a signal`. */
export function wordsOf(step: Step, keyed = false): string {
  const who = step.client === undefined ? '' : `${nameOf(step.client)} `
  const mode = step.mode && step.does !== 'release' ? ` to ${step.mode}` : ''
  const permits = step.permits && step.permits > 1 ? ` ${step.permits} permits` : ''
  const key = keyed && step.key !== undefined ? ` key ${step.key}` : ''
  const limit = step.with ? LIMITS[step.with] : ''
  const soon = step.after
    ? `, ${step.after} microtask${step.after > 1 ? 's' : ''} later`
    : step.sameTurn
      ? ', in the same turn'
      : ''
  return `${who}${WORDS[step.does]}${mode}${permits}${key}${limit}${soon}`
}
