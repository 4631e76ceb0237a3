// A thread of bench/threads.js: adds to a counter under a lock, a number of times, when it is told to.

import { parentPort, workerData } from 'node:worker_threads'
import { SharedMutex } from 'latchkey/threads'

const { handle, cells, times } = workerData
const port = /** @type {import('node:worker_threads').MessagePort} */ (parentPort)
const mutex = SharedMutex.attach(handle)

/** What a lock by messages does: asks the main thread, waits, and tells it in the end. */
let granted = () => {}
function ask() {
  return new Promise(resolve => {
    granted = () => resolve(undefined)
    port.postMessage('acquire')
  })
}

const add = () => {
  cells[0] = cells[0] + 1
}

/** @type {Record<string, () => unknown>} */
const ways = {
  async async() {
    for (let i = 0; i < times; i++) {
      const lock = await mutex.acquire()
      add()
      lock.release()
    }
  },
  sync() {
    for (let i = 0; i < times; i++) {
      const lock = mutex.acquireSync()
      add()
      lock.release()
    }
  },
  async messages() {
    for (let i = 0; i < times; i++) {
      await ask()
      add()
      port.postMessage('release')
    }
  },
  async weblocks() {
    const { locks } = /** @type {{ locks: LockManager }} */ (navigator)
    for (let i = 0; i < times; i++) await locks.request('bench', add)
  }
}

port.on('message', async message => {
  if (message === 'granted') return granted()
  await ways[message]?.()
  port.postMessage('done')
})
port.postMessage('ready')
