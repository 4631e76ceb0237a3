// Locks that wait by asking again in every microtask, as in `while (locked) await undefined`.
//
// While a caller waits for such a lock nothing else ever runs: no timer, no I/O. It cannot be seen by waiting for something
// else to run, since that never comes; but where the engine can tell how many promises are made, a quiet lock makes none.

import { microtasks } from './clock.js'

interface Hooks {
  onInit(called: () => void): () => void
}

function promiseHooks(): Hooks | undefined {
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => { promiseHooks?: Hooks } | undefined }
  }
  try {
    const hooks = process?.getBuiltinModule?.('node:v8')?.promiseHooks
    if (typeof hooks?.onInit !== 'function') return undefined
    hooks.onInit(() => {})() // Bun has the function, and throws in it
    return hooks
  } catch {
    return undefined
  }
}

const hooks = promiseHooks()
const ROUNDS = 40
/** A lock that takes so many rounds of microtasks to come to rest is given them. */
const ENOUGH = 600

/** How many promises are made in so many rounds of microtasks; `undefined` where the engine does not tell. */
async function made(): Promise<number> {
  let count = 0
  const stop = hooks!.onInit(() => {
    count++
  })
  await microtasks(ROUNDS)
  stop()
  return count
}

let alone: Promise<number> | undefined

/** Finds out what a quiet process makes. To be called before any lock is tried. */
export async function calibrate(): Promise<void> {
  if (hooks) alone ??= microtasks(ROUNDS).then(made)
  await alone
}

/** Whether something goes on asking in microtasks, so that no timer and no I/O would ever come. */
export async function isChurning(): Promise<boolean> {
  if (!hooks) return false
  const quiet = alone ? await alone : 2 * ROUNDS
  for (let spent = 0; spent < ENOUGH; spent += ROUNDS) if ((await made()) <= quiet + ROUNDS / 4) return false
  return true
}
