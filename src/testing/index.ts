// latchkey/testing: what a lock of any make does, and which of the guarantees it keeps.

export { type CheckOptions, check, checkKeyedMutex, checkMutex, checkReadWriteLock, checkSemaphore } from './check.js'
export { expectConformance } from './expect.js'
export type { Breach, Exploration, ExploreOptions } from './exploration.js'
export { explore } from './explore.js'
export type { FaultKind, Guarantee } from './guarantees.js'
export { type Hints, UnrecognisedError } from './hints.js'
export { recogniseAll } from './recognise.js'
export type { Cause, Report, Verdict } from './report.js'
export type { Action, Schedule, Step } from './steps.js'
export type { Release, RequestOptions, Subject, SubjectFactory, Use } from './subject.js'
export type { Moment, Timeline } from './timeline.js'
