// What is told of a request: plain data and text.

import { show } from '../core/errors.js'
import { callerOf } from '../core/stack.js'
import type { Remembered } from './ring.js'
import type { Track } from './track.js'
import type { LockCaller, LockSpan } from './types.js'

/** A key as text, as a person would write it. */
export const showKey = (key: unknown): string => (typeof key === 'string' ? key : show(key))

export function describeCaller(track: Track, now: number): LockCaller {
  const { id, keys, origin } = track
  const caller: LockCaller = { id, keys: keys.map(showKey), ms: now - track.since }
  return origin === undefined ? caller : { ...caller, stack: callerOf(origin) }
}

/** The wait and the hold of a request, as far as it came. */
export function spansOf(track: Remembered, now: number): LockSpan[] {
  const { id, lock, queuedAt, grantedAt, endedAt, reason } = track
  const common = { id, lock: lock.label, keys: track.keys.map(showKey) }
  const spans: LockSpan[] = []
  if (queuedAt !== undefined) {
    const outcome = grantedAt === undefined ? (reason ?? 'ongoing') : 'granted'
    spans.push({ ...common, kind: 'wait', from: queuedAt, to: grantedAt ?? endedAt ?? now, outcome })
  }
  if (grantedAt !== undefined && lock.holdable) {
    const outcome = endedAt === undefined ? 'ongoing' : 'released'
    spans.push({ ...common, kind: 'hold', from: grantedAt, to: endedAt ?? now, outcome })
  }
  return spans
}
