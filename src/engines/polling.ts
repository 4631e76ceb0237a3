// How often a waiter asks an engine that cannot notify it.
//
// One waiter asks often. Many share what one process may send: a thousand waiters that each ask every few ms would be a
// load on the engine that helps no waiter. So the time between two polls of a waiter grows with the number of those that
// poll, in all locks of the process.

/** How many polls of this process together are sent in a second. */
const POLLS_PER_SECOND = 200

let polling = 0

/** Counts a waiter that polls, until what is returned is called. */
export function startPolling(): () => void {
  polling++
  let stopped = false
  return () => {
    if (!stopped) polling--
    stopped = true
  }
}

/**
 * How long a waiter that polls should wait before it asks again, in ms: `shortest` where it is alone, and never more than
 * `longest`. With jitter, so that processes do not ask in step.
 */
export function pollInterval(shortest: number, longest: number): number {
  const share = (polling * 1000) / POLLS_PER_SECOND
  return Math.min(Math.max(shortest, share), longest) * (0.75 + Math.random() / 2)
}
