// The loops that are timed, written as a user of a lock writes them.
//
// Every contender runs its own copy of this file (`import('./loops.js?name')`): V8 collects types per function, so in a
// shared loop the calls of one contender would slow down the next.

/** @typedef {import('./peers.js').Subject} Subject with what the loop takes of it: the rows see to that */

export const workers = 100

/**
 * @param {Required<Subject>} subject
 * @param {any} lock
 * @param {number} size
 */
export async function acquireFree({ acquire, release }, lock, size) {
  for (let i = 0; i < size; i++) {
    const held = await acquire(lock)
    release(lock, held)
  }
}

export async function runFree({ run }, lock, size, task) {
  for (let i = 0; i < size; i++) await run(lock, task)
}

/** Synchronous from beginning to end: no promise is made. */
export function tryAcquireFree({ tryAcquire, release }, lock, size) {
  for (let i = 0; i < size; i++) {
    const held = tryAcquire(lock)
    if (!held) throw new Error('a free lock was refused')
    release(lock, held)
  }
}

export async function acquireContended({ acquire, release }, lock, size) {
  let count = 0
  const work = async () => {
    for (let i = 0; i < size / workers; i++) {
      const held = await acquire(lock)
      count++
      release(lock, held)
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  if (count !== size) throw new Error(`${count} of ${size} were let in`)
}

export async function runContended({ run }, lock, size, task) {
  const work = async () => {
    for (let i = 0; i < size / workers; i++) await run(lock, task)
  }
  await Promise.all(Array.from({ length: workers }, work))
}

/** `size` tasks queue while the lock is held; then it is released, and the last of them awaited. */
export async function runQueued(subject, lock, size, task) {
  const { run } = subject
  const letGo = await hold(subject, lock)
  let last
  for (let i = 0; i < size; i++) last = run(lock, task)
  letGo()
  await last
}

export async function acquireQueued(subject, lock, size) {
  const { acquire, release } = subject
  const letGo = await hold(subject, lock)
  let count = 0
  const pass = held => {
    count++
    release(lock, held)
  }
  let last
  for (let i = 0; i < size; i++) last = acquire(lock).then(pass)
  letGo()
  await last
  if (count !== size) throw new Error(`${count} of ${size} were let in`)
}

/** `size` waiters join on one signal, which then aborts. */
export async function abortTogether(subject, lock, size) {
  const { acquireWith } = subject
  const letGo = await hold(subject, lock)
  const controller = new AbortController()
  let left = 0
  const leave = () => {
    left++
  }
  let last
  for (let i = 0; i < size; i++) last = acquireWith(lock, controller.signal).catch(leave)
  controller.abort()
  await last
  if (left !== size) throw new Error(`${left} of ${size} left`)
  letGo()
}

export async function acquireKeys({ acquire, release }, lock, size, keys) {
  for (let i = 0; i < size; i++) {
    const key = keys[i]
    const held = await acquire(lock, key)
    release(lock, key, held)
  }
}

export async function runKeys({ run }, lock, size, keys, task) {
  for (let i = 0; i < size; i++) await run(lock, keys[i], task)
}

/** Holds every key at once, then lets go of all of them. */
export async function acquireKeysTogether({ acquire, release }, lock, size, keys) {
  const waiting = []
  for (let i = 0; i < size; i++) waiting.push(acquire(lock, keys[i]))
  const held = await Promise.all(waiting)
  for (let i = 0; i < size; i++) release(lock, keys[i], held[i])
}

/**
 * Takes the lock, with a task that does not end where a package offers no other way, and gives what lets go of it.
 *
 * @param {Subject} subject
 * @param {any} lock
 * @returns {Promise<() => void>}
 */
export async function hold({ acquire, release, run }, lock) {
  if (acquire) {
    const held = await acquire(lock)
    return () => release?.(lock, held)
  }
  let end = () => {}
  const gate = new Promise(resolve => {
    end = () => resolve(undefined)
  })
  run?.(lock, () => gate)
  return end
}
