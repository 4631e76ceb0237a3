// A waiter keeps its process alive, and nothing else does.

import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundled, cleanUp } from './workers.js'

let folder = ''
beforeAll(async () => {
  folder = dirname(await bundled('entry'))
})
afterAll(cleanUp)

/** Runs a program to its end, at most ten seconds. */
function outcome(code: string): Promise<{ said: string; code: number | null }> {
  const file = join(folder, 'lives.mjs')
  const head = `import { SharedMutex } from ${JSON.stringify(pathToFileURL(join(folder, 'entry.mjs')).href)}
import { isMainThread, Worker, workerData } from 'node:worker_threads'
`
  writeFileSync(file, head + code)
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], timeout: 10_000 })
  let said = ''
  child.stdout.on('data', data => {
    said += data
  })
  return new Promise(resolve => child.on('close', code => resolve({ said: said.trim(), code })))
}

test('a lock that is held, watched, or was waited for keeps no process alive', async () => {
  const code = `
const mutex = new SharedMutex()
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: mutex.handle })
  mutex.watch(worker)
  const lock = await mutex.acquire()
  await mutex.acquire({ timeout: 5 }).catch(error => console.log(error.code))
  worker.on('exit', () => console.log('worker ended', mutex.locked))
} else {
  const shared = SharedMutex.attach(workerData)
  await shared.acquire({ timeout: 5 }).catch(error => console.log(error.code))
}`
  expect(await outcome(code)).toEqual({ said: expect.stringMatching(/worker ended true$/), code: 0 })
})

test('a waiter keeps its worker alive until it is granted', async () => {
  const code = `
if (isMainThread) {
  const mutex = new SharedMutex()
  const lock = await mutex.acquire()
  const worker = new Worker(new URL(import.meta.url), { workerData: mutex.handle })
  worker.unref()
  worker.on('message', () => console.log('granted'))
  // The main thread waits for the worker to stand in the queue, then lets it go on.
  const timer = setInterval(() => {
    if (!String(mutex).includes('then 2')) return
    clearInterval(timer)
    lock.release()
    const again = setInterval(() => mutex.locked || clearInterval(again), 1)
    worker.ref()
  }, 1)
} else {
  const { parentPort } = await import('node:worker_threads')
  const lock = await SharedMutex.attach(workerData).acquire()
  parentPort.postMessage('granted')
  lock.release()
}`
  expect(await outcome(code)).toEqual({ said: 'granted', code: 0 })
})

test('a waiter keeps its process alive, though no worker does', async () => {
  const code = `
const mutex = new SharedMutex()
if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: mutex.handle })
  mutex.watch(worker)
  worker.unref()
  await new Promise(resolve => {
    const timer = setInterval(() => mutex.locked && resolve(clearInterval(timer)), 1)
  })
  const lock = await mutex.acquire()
  console.log('granted')
} else {
  const lock = SharedMutex.attach(workerData).acquireSync()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
  lock.release()
}`
  expect(await outcome(code)).toEqual({ said: 'granted', code: 0 })
})
