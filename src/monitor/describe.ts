// What is told of a request: plain data and text.

import { show } from '../core/arguments.js'
import { callerOf } from '../core/stack.js'
import type { Remembered } from './ring.js'
import type { Track } from './track.js'
import type { LockCaller, LockSpan } from './types.js'

/** Objects that were shown, by number. */
const numbers = new WeakMap<object, number>()
let objects = 0

/** A key as text, as a person would write it. An object has a number, by which it can be told from others. */
export function showKey(key: unknown): string {
  if (typeof key === 'string') return key
  if ((typeof key !== 'object' || key === null) && typeof key !== 'function') return show(key)
  const number = numbers.get(key) ?? ++objects
  numbers.set(key, number)
  return `${typeof key} #${number}`
}

/** A name may have line breaks, which would end the line of a table or of a log. */
export const oneLine = (text: string): string =>
  text.replace(/[\p{Cc}\u2028\u2029]/gu, char => {
    const code = char.charCodeAt(0).toString(16).padStart(4, '0')
    return { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[char] ?? `\\u${code}`
  })

export function describeCaller(track: Track, now: number): LockCaller {
  const { id, keys, mode, origin } = track
  const about = { id, keys: keys.map(showKey), ms: now - track.since }
  const caller: LockCaller = mode === undefined ? about : { ...about, mode }
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
