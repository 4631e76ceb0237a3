// What a deadlock is told as: its steps, and a text.

import { type DeadlockEdge, DeadlockError } from '../core/errors.js'
import type { Grant, Reason, Resource, Wait } from './graph.js'

/** @param cycle what `cycleOf(wait)` found */
export function deadlockErrorOf(label: string, wait: Wait, cycle: readonly Reason[]): DeadlockError {
  const edges = cycle.map(({ resource, grant, next }, index) =>
    edgeOf(cycle[index - 1]?.next ?? wait, resource, grant, next)
  )
  const steps = edges.map(({ waiter, lock, keys, holder, held }) => {
    const what = keys.length === 0 ? lock : `${lock} key ${keys.map(showKey).join(', ')}`
    return `${waiter} waits for ${what}, ${held ? 'held by' : 'behind'} ${holder}`
  })
  const reason = steps.join('; ') || 'it is behind callers that wait for each other'
  const error = new DeadlockError(`${label}: waiting would never end: ${reason}`)
  return Object.defineProperty(error, 'cycle', { value: edges })
}

function edgeOf(waiting: Wait, resource: Resource, grant: Grant | undefined, next: Wait): DeadlockEdge {
  const { watched, key } = resource
  const holder = (grant?.owner ?? next.scope)?.name ?? 'a caller'
  const heldAt = grant === undefined ? next.origin : grant.origin
  return {
    lock: watched.label,
    keys: watched.keyed ? [key] : [],
    waiter: waiting.scope?.name ?? 'a caller',
    holder,
    held: grant !== undefined,
    ...(waiting.origin === undefined ? {} : { waitingAt: waiting.origin }),
    ...(heldAt === undefined ? {} : { heldAt })
  }
}

const showKey = (key: unknown): string =>
  typeof key === 'string' ? JSON.stringify(key) : typeof key === 'object' ? 'an object' : String(key)
