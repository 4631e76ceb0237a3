// Who uses a lock, and how things stand between them and the lock.
//
// The state follows what the lock does rather than foretelling it: a caller that is granted holds from then on, whether it
// was its turn or not, and each observation is judged as it comes.

import { Client, type Request, type WatchedSignal } from './client.js'
import type { Clock } from './clock.js'
import { type FaultKind, SOFT } from './guarantees.js'
import { nameOf } from './steps.js'
import type { Release, Subject } from './subject.js'
import type { Timeline } from './timeline.js'
import type { UnhandledErrors } from './unhandled.js'

export interface Fault {
  readonly kind: FaultKind
  /** In one sentence. */
  readonly text: string
  readonly expected: Timeline['expected']
}

/** What has come of all schedules so far. */
interface Seen {
  /** Whether a caller was ever kept waiting. */
  waited: boolean
  /** Whether a lock took real time to let a waiter in, and how often that was waited for and did not come. */
  slow: boolean
  futile: number
}

/** What every world of an exploration shares. */
export interface Environment {
  readonly clock: Clock
  readonly clients: number
  readonly unhandled: UnhandledErrors
  /** Whether to look after each schedule for rejections that no caller can handle. It takes much longer. */
  readonly awaitsRejections: boolean
  /** What has come of all schedules so far. */
  readonly seen: Seen
  /** What has been seen already, and would only hide what comes after it. */
  readonly ignored: ReadonlySet<FaultKind>
}

export class WorldState {
  readonly subject: Subject
  readonly clients: readonly Client[]
  /** Waiters, in order of arrival. */
  readonly queue: Request[] = []
  readonly holders: Request[] = []
  /** Tasks that have ended and whose callers have not been told. */
  readonly unreported = new Set<Request>()
  /** `tryAcquire` that answers later. */
  readonly trying = new Set<Request>()
  /** What has happened, as far as a lock could be marked by it. */
  readonly marks = new Set<string>()
  readonly environment: Environment
  closed = false
  /** The release that was used last, and is at hand to be used once more. */
  stale:
    | { readonly release: Release; readonly client: Client; readonly key: string; readonly queued: boolean }
    | undefined
  fault: Fault | undefined
  /** Whether nothing has happened since everything was quiet. */
  quiet = true
  /** Whether time has had to pass since the last step. */
  patient = false
  readonly unhandledBefore: { readonly exceptions: number; readonly rejections: number }
  /** Whether the lock counts its waiters as the world does; `undefined` until it could be compared. */
  countsAlike: boolean | undefined
  /** Grants out of turn since everything was quiet. */
  overtaken: { readonly by: Request; readonly other: Request }[] = []
  readonly signals: { watched: WatchedSignal; request: Request }[] = []

  constructor(subject: Subject, environment: Environment) {
    this.subject = subject
    this.environment = environment
    const { exceptions, rejections } = environment.unhandled
    this.unhandledBefore = { exceptions, rejections }
    this.clients = Array.from({ length: environment.clients }, (_, id) => new Client(id))
  }

  /** Whether there is room for it now. */
  fits(request: Request): boolean {
    const { kind, capacity } = this.subject
    const others = this.holders.filter(other => other.key === request.key)
    if (kind === 'read-write-lock') return !others.some(other => other.writes || request.writes)
    return others.reduce((sum, { permits }) => sum + permits, request.permits) <= capacity
  }

  before(request: Request): Request[] {
    const found: Request[] = []
    for (const other of this.queue) {
      if (other === request) break
      if (other.key === request.key) found.push(other)
    }
    return found
  }

  nameFor(request: Request): string {
    return nameOf(request.client.id)
  }

  fail(kind: FaultKind, text: string, ...expected: [Request, 'idle' | 'waiting' | 'holding'][]): void {
    if (this.fault || (SOFT.has(kind) && this.environment.ignored.has(kind))) return
    this.fault = fault(kind, text, ...expected)
  }
}

export function fault(kind: FaultKind, text: string, ...expected: [Request, 'idle' | 'waiting' | 'holding'][]): Fault {
  return { kind, text, expected: expected.map(([request, state]) => ({ client: request.client.id, state })) }
}

export function remove<T>(from: T[], item: T): void {
  const at = from.indexOf(item)
  if (at >= 0) from.splice(at, 1)
}

/** Calls what may throw, now or later: a release that refuses to be used twice is as good as one that does nothing. */
export function call(act: () => unknown): void {
  try {
    const result = act() as PromiseLike<unknown> | undefined
    if (typeof result?.then === 'function')
      result.then(
        () => {},
        () => {}
      )
  } catch {}
}
