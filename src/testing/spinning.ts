// Locks that wait by asking again in every microtask, as in `while (locked) await undefined`.
//
// While a caller waits for such a lock nothing else ever runs: no timer, no I/O, and so perhaps not the very thing that
// the holder waits for. It cannot be seen by waiting for something else to run, since that never comes; but where the
// engine can tell how many promises are made, a quiet lock makes none.

import { microtasks } from './clock.js'
import type { Subject } from './subject.js'

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

const ROUNDS = 100

/** How many promises are made in so many rounds of microtasks in which no caller does anything. */
async function made(hooks: Hooks): Promise<number> {
  let count = 0
  const stop = hooks.onInit(() => {
    count++
  })
  await microtasks(ROUNDS)
  stop()
  return count
}

/** Lets one hold and another wait, and looks whether the lock comes to rest. False where that cannot be told. */
export async function isSpinning(subject: Subject): Promise<boolean> {
  const hooks = promiseHooks()
  if (!hooks) return false
  await microtasks(ROUNDS)
  const alone = await made(hooks)
  let end = () => {}
  const ignore = () => {}
  const ask = (task: () => unknown) => {
    if (subject.acquire)
      subject.acquire('a', {}).then(release => {
        end = () => release()
        task()
      }, ignore)
    else
      subject
        .run?.(
          'a',
          () => {
            task()
            return new Promise<void>(resolve => {
              end = resolve
            })
          },
          {}
        )
        .then(ignore, ignore)
  }
  for (let i = 0; i <= subject.capacity; i++) ask(ignore)
  await microtasks(ROUNDS)
  const spins = (await made(hooks)) > alone + ROUNDS / 4
  // The waiters are let through, so that nothing goes on spinning.
  for (let i = 0; i <= subject.capacity; i++) {
    end()
    await microtasks(ROUNDS)
  }
  return spins
}
