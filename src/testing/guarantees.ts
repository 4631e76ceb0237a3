// The guarantees by number, and what it means for an application when one is broken.

/** The number of a guarantee (docs/guarantees.md). */
export type Guarantee = 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G7' | 'G8' | 'G9' | 'G10' | 'G11' | 'G12'

export const NAMES: Readonly<Record<Guarantee, string>> = {
  G1: 'exclusion',
  G2: 'hand-off',
  G3: 'progress',
  G4: 'ownership',
  G5: 'clean cancellation',
  G6: 'transparency',
  G7: 'waiting only',
  G8: 'context',
  G9: 'scale',
  G10: 'no residue',
  G11: 'loud misuse',
  G12: 'light'
}

export const PRACTICE: Readonly<Record<Guarantee, string>> = {
  G1: 'Two callers are inside at the same time: what the lock protects can be read half-written, or written twice.',
  G2: 'The longest waiter is not the next holder: under load some callers wait far longer than others, or forever.',
  G3: 'A caller waits though the lock is free: requests hang, with no error and nothing in the log.',
  G4: 'A release that comes twice, from a finally block or a retry for example, lets a second caller in while another still works.',
  G5: 'Cancelling does not work as it should: the caller goes on waiting, gets a lock that it no longer wants, or leaves something behind.',
  G6: 'What happens in a task does not reach its caller as it is, or the lock is not free again after it.',
  G7: 'A timer ends the exclusion while the holder still works: a slow holder shares what it believes to have alone.',
  G8: 'A queued task runs in the async context of another caller: its logs, traces and transactions belong to the wrong request.',
  G9: 'A long queue gets disproportionately slow, or ends with a stack that is too deep: the lock fails when the load is highest.',
  G10: 'Something stays in memory for each key that was ever used: a process that runs long enough runs out of memory.',
  G11: 'A wrong argument goes unnoticed, and shows later as something else.',
  G12: 'The lock costs more than what it protects.'
}

/** What was seen. Several of them can break one guarantee. */
export type FaultKind =
  | 'exclusion'
  | 'expired'
  | 'order'
  | 'progress'
  | 'refused'
  | 'dropped'
  | 'late'
  | 'pending'
  | 'reason'
  | 'listener'
  | 'timer'
  | 'ghost'
  | 'result'
  | 'argument'
  | 'started'
  | 'unhandled'
  | 'uncaught'
  | 'spins'

export const BREAKS: Readonly<Record<FaultKind, Guarantee>> = {
  exclusion: 'G1',
  expired: 'G7',
  order: 'G2',
  progress: 'G3',
  refused: 'G3',
  dropped: 'G3',
  spins: 'G3',
  late: 'G5',
  pending: 'G5',
  reason: 'G5',
  listener: 'G5',
  timer: 'G5',
  ghost: 'G5',
  started: 'G5',
  result: 'G6',
  argument: 'G6',
  unhandled: 'G6',
  uncaught: 'G6'
}

/** After these the world is still what the lock takes it for, so a schedule can be judged on. */
export const SOFT: ReadonlySet<FaultKind> = new Set([
  'order',
  'reason',
  'listener',
  'timer',
  'ghost',
  'argument',
  'dropped',
  'started'
])

/** What a lock may decide as it likes: it is told, and fails nothing unless that is asked for. */
export const POLICIES: ReadonlySet<FaultKind> = new Set(['order', 'reason', 'argument', 'dropped', 'started'])

/**
 * Whether a fault is one of any lock, or a policy of its author: in which order it serves, who may release it
 * where no grant has a release of its own, what it rejects with, which waiter it turns away when there
 * are too many, what else it passes to a task, and whether one starts that was granted just before its signal aborted.
 */
export function isPolicy(
  guarantee: Guarantee,
  kind: FaultKind,
  released: 'handle' | 'anyone' | 'by the task'
): boolean {
  return guarantee === 'G4' ? released === 'anyone' : POLICIES.has(kind)
}
