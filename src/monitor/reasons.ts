// Why a caller went without the lock.

/** How a wait ended that was not granted. */
export type AbandonReason =
  | 'timeout'
  | 'aborted'
  | 'cancelled'
  | 'closed'
  | 'queue-full'
  | 'deadlock'
  | 'lease-lost'
  | 'barrier-broken'
  | 'other'

const BY_CODE = new Map<unknown, AbandonReason>([
  ['ERR_LOCK_TIMEOUT', 'timeout'],
  ['ERR_LOCK_CANCELLED', 'cancelled'],
  ['ERR_LOCK_CLOSED', 'closed'],
  ['ERR_QUEUE_FULL', 'queue-full'],
  ['ERR_DEADLOCK', 'deadlock'],
  ['ERR_LEASE_LOST', 'lease-lost'],
  ['ERR_BARRIER_BROKEN', 'barrier-broken']
])

/** All of them, each with an index of its own. */
export const REASONS: readonly AbandonReason[] = [...BY_CODE.values(), 'aborted', 'other']

/** By code, so that another copy of the package is understood too. What the user rejects with is `other`. */
export function reasonOf(error: unknown): AbandonReason {
  if (typeof error !== 'object' || error === null) return 'other'
  const { code, name } = error as { code?: unknown; name?: unknown }
  // `AbortSignal.timeout` names its reason TimeoutError as well. It has a number as its code.
  const aborted = name === 'AbortError' || name === 'TimeoutError'
  return BY_CODE.get(code) ?? (aborted ? 'aborted' : 'other')
}
