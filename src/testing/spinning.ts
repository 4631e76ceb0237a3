// Whether a lock spins: see churn.ts.

import { attempt } from './calls.js'
import { isChurning } from './churn.js'
import { microtasks } from './clock.js'
import type { Subject } from './subject.js'

const ROUNDS = 100

/** Lets one caller hold and another wait, and looks whether the lock comes to rest. False where that cannot be told. */
export async function isSpinning(subject: Subject): Promise<boolean> {
  const ends: (() => void)[] = []
  const ignore = () => {}
  const ask = () => {
    if (subject.acquire) subject.acquire('a', {}).then(release => ends.push(() => release()), ignore)
    else subject.run?.('a', () => new Promise<void>(resolve => ends.push(resolve)), {}).then(ignore, ignore)
  }
  for (let i = 0; i <= subject.capacity; i++) ask()
  await microtasks(ROUNDS)
  const spins = await isChurning()
  // The waiters are let through, so that nothing goes on spinning.
  for (let i = 0; i <= subject.capacity; i++) {
    Promise.resolve(attempt(() => ends.shift()?.())).then(ignore, ignore)
    await microtasks(ROUNDS)
  }
  return spins
}
