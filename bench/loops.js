// The loops that are timed, as templates: each contender has its own, with its own calls written into it.
//
// One loop that calls `acquire` and `release` of whoever it is given would cost 10 to 20 ns for each of these calls (a
// tenth of a free acquire), and V8 collects types per function, so whoever came first would slow down the next.

/**
 * How a lock is used, in pieces of code. In scope are `lock`, `task`, `key`, `signal`, and whatever `scope` brings.
 *
 * @typedef {object} Subject
 * @property {string} name as the package is called
 * @property {() => any} create makes the `lock`
 * @property {string} [acquire] a promise of `held`
 * @property {string} [release] gives `held` back
 * @property {string} [tryAcquire] true-ish, and `held`, when the lock was free
 * @property {string} [run] a promise of what `task` returns
 * @property {boolean} [byHand] the package has no `run` of its own: it is `acquire`, `try`, `finally`, `release`
 * @property {Record<string, unknown>} [scope]
 */

export const workers = 100

export const acquireFree = (/** @type {Subject} */ { acquire, release }) => `async (lock, size) => {
  for (let i = 0; i < size; i++) {
    const held = await ${acquire}
    ${release}
  }
}`

export const runFree = (/** @type {Subject} */ { run }) => `async (lock, size, task) => {
  for (let i = 0; i < size; i++) await ${run}
}`

/** Synchronous from beginning to end: no promise is made. */
export const tryAcquireFree = (/** @type {Subject} */ { tryAcquire, release }) => `(lock, size) => {
  for (let i = 0; i < size; i++) {
    const held = ${tryAcquire}
    if (!held) throw new Error('a free lock was refused')
    ${release}
  }
}`

export const acquireContended = (/** @type {Subject} */ { acquire, release }) => `async (lock, size) => {
  let count = 0
  const work = async () => {
    for (let i = 0; i < size / ${workers}; i++) {
      const held = await ${acquire}
      count++
      ${release}
    }
  }
  await Promise.all(Array.from({ length: ${workers} }, work))
  if (count !== size) throw new Error(count + ' of ' + size + ' were let in')
}`

export const runContended = (/** @type {Subject} */ { run }) => `async (lock, size, task) => {
  const work = async () => {
    for (let i = 0; i < size / ${workers}; i++) await ${run}
  }
  await Promise.all(Array.from({ length: ${workers} }, work))
}`

/** Takes the lock, with a task that does not end where a package offers no other way, and gives what lets go of it. */
export const hold = (/** @type {Subject} */ { acquire, release, run }) =>
  acquire
    ? `async lock => {
  const held = await ${acquire}
  return () => { ${release} }
}`
    : `async lock => {
  let end
  const ended = new Promise(resolve => { end = resolve })
  const task = () => ended
  ${run}
  return end
}`

/** `size` tasks queue while the lock is held; then it is released, and the last of them awaited. */
export const runQueued = (/** @type {Subject} */ subject) => `async (lock, size, task) => {
  const letGo = await (${hold(subject)})(lock)
  let last
  for (let i = 0; i < size; i++) last = ${subject.run}
  letGo()
  await last
}`

/** 100 tasks at once on a lock that is new each time, and the last of them awaited. */
export const runBurst = (/** @type {Subject} */ { run }) => `async (_, size, task, create) => {
  for (let round = 0; round < size / ${workers}; round++) {
    const lock = create()
    let last
    for (let i = 0; i < ${workers}; i++) last = ${run}
    await last
  }
}`

export const acquireQueued = (/** @type {Subject} */ subject) => `async (lock, size) => {
  const letGo = await (${hold(subject)})(lock)
  let count = 0
  const pass = held => {
    count++
    ${subject.release}
  }
  let last
  for (let i = 0; i < size; i++) last = ${subject.acquire}.then(pass)
  letGo()
  await last
  if (count !== size) throw new Error(count + ' of ' + size + ' were let in')
}`

/** `size` waiters join on one signal, which then aborts. */
export const abortTogether = (/** @type {Subject} */ subject) => `async (lock, size) => {
  const letGo = await (async () => { const held = lock.tryAcquire(); return () => { ${subject.release} } })()
  const controller = new AbortController()
  const { signal } = controller
  let left = 0
  const leave = () => { left++ }
  let last
  for (let i = 0; i < size; i++) last = ${subject.acquire}.catch(leave)
  controller.abort()
  await last
  if (left !== size) throw new Error(left + ' of ' + size + ' left')
  letGo()
}`

export const acquireKeys = (/** @type {Subject} */ { acquire, release }) => `async (lock, size, keys) => {
  for (let i = 0; i < size; i++) {
    const key = keys[i]
    const held = await ${acquire}
    ${release}
  }
}`

export const runKeys = (/** @type {Subject} */ { run }) => `async (lock, size, keys, task) => {
  for (let i = 0; i < size; i++) {
    const key = keys[i]
    await ${run}
  }
}`

/** Holds every key at once, then lets go of all of them. */
export const acquireKeysTogether = (/** @type {Subject} */ { acquire, release }) => `async (lock, size, keys) => {
  const waiting = []
  for (let i = 0; i < size; i++) {
    const key = keys[i]
    waiting.push(${acquire})
  }
  const all = await Promise.all(waiting)
  for (let i = 0; i < size; i++) {
    const key = keys[i]
    const held = all[i]
    ${release}
  }
}`

let compiled = 0

/**
 * @template {Partial<Subject>} S
 * @param {(subject: S) => string} template
 * @param {S} [subject]
 * @returns {(...args: any[]) => any}
 */
export function compile(template, subject = /** @type {S} */ ({})) {
  const scope = subject.scope ?? {}
  // The number makes the text unique: V8 would give equal texts one function.
  const code = `'use strict'; /* ${compiled++} */ return ${template(subject)}`
  return new Function(...Object.keys(scope), code)(...Object.values(scope))
}

/**
 * Puts a subject on the starting line, with one lock for the whole run.
 *
 * @param {'floor' | 'latchkey' | 'peer'} role
 * @param {Subject} subject
 * @param {(subject: Subject) => string} loop
 * @param {...any} rest what the loop takes after the size
 * @returns {import('./harness.js').Contender}
 */
export function enter(role, subject, loop, ...rest) {
  const run = compile(loop, subject)
  const lock = subject.create()
  const byHand = subject.byHand === true && [runFree, runContended, runQueued].includes(loop)
  return { name: subject.name, role, byHand, run: size => run(lock, size, ...rest, subject.create) }
}
