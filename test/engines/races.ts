// A waiter that gives up while it is granted, again and again, at moments that are spread over the whole way.

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
  const lane = async (name: number) => {
    const random = randomFrom(name)
    const upTo = (most: number) => Math.floor(random() * (most + 1))
    const key = `race ${name}`
    for (let i = name; i < races; i += lanes) {
      const lease = await holder.acquire(key)
      const abort = new AbortController()
      const waiting = waiter.acquire(key, { signal: abort.signal }).then(
        async late => {
          granted++
          expect(late.held).toBe(true)
          await late.release()
        },
        (error: unknown) => expect(error).toBe(reason)
      )
      await turns(upTo(150))
      const steps = [() => void lease.release(), () => abort.abort(reason)]
      if (random() < 0.3) steps.reverse()
      for (const step of steps) {
        step()
        await turns(upTo(80))
      }
      await waiting
      await lease.release()
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, name) => lane(name)))
  return granted
}
