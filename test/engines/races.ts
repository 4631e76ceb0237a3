// A waiter that gives up while it is granted, again and again.
//
// How long a grant takes depends on the engine and on what else the machine does. So the moment of the abort follows it:
// after a grant that came first the next abort comes sooner, after an abort that came first it comes later. Most races are
// close so, whatever the load, and both come about as often.

import type { KeyedLock } from 'latchkey/distributed'
import { expect } from 'vitest'
import { randomFrom } from '../fixtures/random.js'

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await new Promise<void>(resolve => setImmediate(resolve))
}

/** Returns how many of the waiters were granted. What is left at the engine is for the caller to look at. */
export async function raceAbortsWithGrants(holder: KeyedLock, waiter: KeyedLock, races: number): Promise<number> {
  const lanes = 16
  const reason = new Error('gave up')
  let granted = 0
  /** About how many turns of the event loop a grant takes, once the key has been given back. */
  let turnsToGrant = 40
  const lane = async (name: number) => {
    const random = randomFrom(name)
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    const key = `race ${name}`
    for (let i = name; i < races; i += lanes) {
      const lease = await holder.acquire(key)
      const abort = new AbortController()
      let isGranted = false
      const waiting = waiter.acquire(key, { signal: abort.signal }).then(
        async late => {
          granted++
          isGranted = true
          expect(late.held).toBe(true)
          await late.release()
        },
        (error: unknown) => expect(error).toBe(reason)
      )
      await turns(upTo(150))
      if (random() < 0.3) {
        // The abort first: what it sends to the engine races with the grant.
        abort.abort(reason)
        await turns(upTo(80))
        void lease.release()
      } else {
        void lease.release()
        await turns(upTo(2 * turnsToGrant))
        const wasLate = isGranted
        abort.abort(reason)
        turnsToGrant = Math.min(Math.max(turnsToGrant * (wasLate ? 0.9 : 1.1), 4), 2000)
      }
      await waiting
      await lease.release()
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, name) => lane(name)))
  return granted
}
