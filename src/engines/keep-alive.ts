// The renewal of a lease, the same for every engine.
//
//   asked ──confirmed──▶ asked again a third of the lease after it was asked
//     ├── failed ──▶ asked again soon
//     ├── no answer for a third of the lease ──▶ asked again beside it; both answers count
//     └── "not yours" ──▶ lost
//
// An attempt that is lost costs a moment and not a whole tick, and an answer that comes late is as good as its question:
// it counts from the moment in which it was asked. So a pause of the engine that is shorter than the lease by a third
// costs no lease. With a fixed tick that was skipped while an attempt was open, a pause of 0.38 leases did.

import { type Timer, unref } from './timers.js'
import { instant, type Validity } from './validity.js'

/** How soon the next attempt follows one that failed, in ms: often enough for a short lease, and no storm. */
const retryDelay = (lease: number): number => Math.min(Math.max(lease / 30, 1), 1000)

/**
 * Keeps a lease alive until it is stopped or lost: calls `renew` a third of `lease` ms after the engine was last asked,
 * and renews `validity` with each answer. Its timers keep no process alive.
 *
 * `validity` must have been renewed once, with the grant. When it is lost, the renewal stops; the deadline itself is the
 * validity's, so an engine that never answers ends the lease in time.
 *
 * @param lease for how long the engine keeps its word, in ms
 * @param renew asks the engine. Resolves to `true` if the lease was renewed, to `false` if it is not ours any more, and
 * rejects if that is not known. It need not limit its time: a late answer counts, and another attempt begins beside one
 * that is open for a third of the lease.
 * @returns how to stop. Answers that come later are ignored.
 *
 * @example
 * ```ts
 * import { instant, keepAlive, Validity } from 'latchkey/distributed'
 *
 * const validity = new Validity(3000)
 * validity.renew(instant())
 * const stop = keepAlive(validity, 3000, async () => true) // asks the engine
 * console.log(validity.isValid) // → true
 * stop()
 * validity.end()
 * ```
 */
export function keepAlive(validity: Validity, lease: number, renew: () => Promise<boolean>): () => void {
  const tick = lease / 3
  let stopped = false
  let timer: Timer | undefined

  const schedule = (ms: number) => {
    clearTimeout(timer)
    timer = unref(setTimeout(ask, ms))
  }
  /** The attempt that the timer belongs to. A failure of an older one brings nothing forward. */
  let latest = 0
  const ask = () => {
    const attempt = ++latest
    const asked = instant()
    schedule(tick)
    const failed = () => {
      if (!stopped && attempt === latest) schedule(retryDelay(lease))
    }
    const answered = (ours: boolean) => {
      if (stopped) return
      if (ours) validity.renew(asked)
      else validity.invalidate({ why: 'the engine has given the key up, or to another holder' })
    }
    try {
      renew().then(answered, failed)
    } catch {
      failed()
    }
  }
  const stop = () => {
    stopped = true
    clearTimeout(timer)
    unlisten()
  }
  let unlisten = () => {}
  schedule(tick)
  unlisten = validity.onLoss(stop)
  return stop
}
