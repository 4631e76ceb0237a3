// Takes a key and gives it back, very often, and tells what has grown meanwhile. Run it with --expose-gc.
//
//   node --expose-gc cycles.mjs '{ "directory": …, "file": …, "times": 100000, "engine": "sockets" }'

import { readdirSync } from 'node:fs'
import { LocalLock, type LocalLockOptions, lockFile } from 'latchkey/local'

export interface Growth {
  readonly way: string
  readonly cycles: number
  /** Descriptors of this process, bytes of its heap, and names in the folder of the key: more than after a hundredth. */
  readonly descriptors: number
  readonly heap: number
  readonly names: number
}

interface Settings extends LocalLockOptions {
  directory: string
  /** For `lockFile`. */
  file: string
  times: number
}

const { file, times, ...options } = JSON.parse(process.argv[2] ?? '{}') as Settings
const { directory } = options
const lock = new LocalLock(options)
const turn = () => new Promise(resolve => setImmediate(resolve))

const ways: Record<string, () => unknown> = {
  acquire: async () => (await lock.acquire('cycles')).release(),
  tryAcquire: async () => (await lock.tryAcquire('cycles'))?.release(),
  watched: async () => {
    const lease = await lock.acquire('cycles')
    void lease.signal
    await lease.release()
  },
  // The second one waits, and gives up.
  abandoned: async () => {
    const lease = await lock.acquire('cycles')
    await lock.acquire('cycles', { signal: AbortSignal.timeout(0) }).catch(() => {})
    await lease.release()
  },
  acquireSync: () => lock.acquireSync('cycles').release(),
  lockFile: () => lockFile(file, () => {}, { engine: options.engine })
}

/** The first way many times, the others a tenth as often: they differ in a few lines. */
for (const [at, [way, cycle]] of Object.entries(ways).entries()) {
  const cycles = at === 0 ? times : times / 10
  let before: { descriptors: number; heap: number; names: number } | undefined
  const measure = async () => {
    // What was closed in this turn is gone in the next ones.
    for (let i = 0; i < 10; i++) await turn()
    globalThis.gc?.()
    const descriptors = readdirSync('/proc/self/fd').length
    return {
      descriptors,
      heap: process.memoryUsage().heapUsed,
      names: readdirSync(directory, { recursive: true }).length
    }
  }
  for (let i = 1; i <= cycles; i++) {
    await cycle()
    if (i % 100 === 0) await turn()
    if (i === cycles / 100) before = await measure()
  }
  const after = await measure()
  const growth: Growth = {
    way,
    cycles,
    descriptors: after.descriptors - (before?.descriptors ?? 0),
    heap: after.heap - (before?.heap ?? 0),
    names: after.names - (before?.names ?? 0)
  }
  console.log(JSON.stringify(growth))
}
await lock.close()
