// npm run bench:threads: what a lock between threads costs, free and between four threads, against a lock by messages and,
// where this Node has them, its Web Locks. Microseconds a section, the median of the rounds; a machine that is busy makes
// them worthless.

import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { SharedMutex } from 'latchkey/threads'
import { fromRoot, manifest } from '../scripts/project.js'
import { median } from './harness.js'

const { values: flags } = parseArgs({ options: { quick: { type: 'boolean' } } })
const rounds = flags.quick ? 3 : 9
const THREADS = 4
const TIMES = flags.quick ? 500 : 2000

/** @param {string} name @param {number[]} samples microseconds @param {string} [note] */
const show = (name, samples, note = '') => console.log(`  ${name.padEnd(44)} ${median(samples).toPrecision(3)} ${note}`)

console.log(`latchkey ${manifest.version}, Node ${process.versions.node}: µs for a section`)

console.log('free')
{
  const mutex = new SharedMutex()
  const size = 50_000
  /** @type {Record<string, () => unknown>} */
  const ways = {
    async 'acquire, release'() {
      for (let i = 0; i < size; i++) (await mutex.acquire()).release()
    },
    'acquireSync, release'() {
      for (let i = 0; i < size; i++) mutex.acquireSync().release()
    },
    'tryAcquire, release'() {
      for (let i = 0; i < size; i++) mutex.tryAcquire()?.release()
    }
  }
  for (const [name, way] of Object.entries(ways)) {
    await way()
    const samples = []
    for (let round = 0; round < rounds; round++) {
      const from = performance.now()
      await way()
      samples.push(((performance.now() - from) * 1000) / size)
    }
    show(name, samples)
  }
}

console.log(`${THREADS} threads, all at once`)
const ways = ['async', 'sync', 'messages', ...('locks' in (globalThis.navigator ?? {}) ? ['weblocks'] : [])]
const names = /** @type {Record<string, string>} */ ({
  async: 'SharedMutex, acquire',
  sync: 'SharedMutex, acquireSync',
  messages: 'a lock by postMessage to the main thread',
  weblocks: 'navigator.locks of Node'
})
for (const way of ways) {
  const mutex = new SharedMutex()
  const cells = new Int32Array(new SharedArrayBuffer(4))
  const workers = Array.from({ length: THREADS }, () => {
    const workerData = { handle: mutex.handle, cells, times: TIMES }
    const worker = new Worker(fromRoot('bench/threads-child.js'), { workerData })
    mutex.watch(worker)
    return worker
  })
  await Promise.all(workers.map(worker => once(worker, 'message')))
  /** @type {Worker[]} */
  const queue = []
  let done = () => {}
  let open = 0
  for (const worker of workers)
    worker.on('message', message => {
      if (message === 'acquire') {
        queue.push(worker)
        if (queue.length === 1) worker.postMessage('granted')
      } else if (message === 'release') {
        queue.shift()
        queue[0]?.postMessage('granted')
      } else if (--open === 0) done()
    })
  const samples = []
  for (let round = 0; round <= rounds; round++) {
    const from = performance.now()
    open = THREADS
    const all = new Promise(resolve => {
      done = () => resolve(undefined)
    })
    for (const worker of workers) worker.postMessage(way)
    await all
    // The first round warms up.
    if (round > 0) samples.push(((performance.now() - from) * 1000) / (THREADS * TIMES))
  }
  const expected = THREADS * TIMES * (rounds + 1)
  show(names[way] ?? way, samples, cells[0] === expected ? '' : `LOST ${expected - Number(cells[0])} of ${expected}`)
  await Promise.all(workers.map(worker => worker.terminate()))
}
