// The names of the suites, as the command line uses them. The suites themselves take the place of this file.

import type { Hints } from './shapes.js'
import type { Timeline } from './timeline.js'

export type { Moment, Timeline } from './timeline.js'

export interface Verdict {
  readonly guarantee: string
  readonly name: string
  readonly verdict: 'holds' | 'broken' | 'not offered' | 'not tried'
  readonly why?: string
  readonly practice?: string
  readonly schedule?: readonly string[]
  readonly timeline?: Timeline
}

export interface Report {
  readonly shape: string
  readonly kind: string
  readonly schedules: number
  readonly verdicts: readonly Verdict[]
}

export interface CheckOptions {
  readonly hints?: Hints
  readonly depth?: number
  readonly clients?: number
  readonly seed?: number
  readonly onProgress?: (text: string) => void
}

type Check = (create: () => unknown, options?: CheckOptions) => Promise<Report>

const notYet: Check = () => Promise.reject(new Error('the suites are not part of this build'))

export const checkMutex = notYet
export const checkKeyedMutex = notYet
export const checkSemaphore = notYet
export const checkReadWriteLock = notYet
