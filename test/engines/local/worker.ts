// One of several processes that lock on one machine. Reads commands from its input, a line of JSON each.

import { spawn } from 'node:child_process'
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync
} from 'node:fs'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { isMainThread, parentPort, Worker as ThreadWorker, workerData } from 'node:worker_threads'
import type { Lease } from 'latchkey/distributed'
import { LocalLock, type LocalLockOptions, lockFile, type SyncLease } from 'latchkey/local'

interface Command {
  do: string
  id: string
  key: string
  timeout?: number
  file: string
  times: number
  seed: number
  kinds: string[]
}

const settings = JSON.parse(process.argv[2] ?? '{}') as LocalLockOptions
// To a file descriptor, at once: what was told before a kill was told.
const tell = (event: string, more: object = {}) => void writeSync(1, `${JSON.stringify({ event, ...more })}\n`)

const lock = new LocalLock(settings)
const leases = new Map<string, Lease | SyncLease>()
const leaseOf = (id: string): Lease | SyncLease => {
  const lease = leases.get(id)
  if (lease === undefined) throw new Error(`no lease ${id}`)
  return lease
}
const refused = (id: string, error: unknown) =>
  tell('refused', { id, code: (error as { code?: string }).code, message: (error as Error).message })

const pause = (ms = 0): Promise<void> =>
  new Promise(resolve => (ms === 0 ? setImmediate(resolve) : setTimeout(resolve, ms)))

/** Numbers that look random, the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 || 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** Whether a process can still run: one that was killed may be there for a while, without its files. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}

let violations = 0
function violation(what: string): void {
  violations++
  tell('violation', { what })
}

/** What a holder does alone, and what tells it if it is not: a file that must not be there, and a number that must grow. */
function enter(file: string, token: bigint | undefined): void {
  const flag = `${file}.inside`
  for (;;) {
    try {
      const descriptor = openSync(flag, 'wx')
      writeSync(descriptor, String(process.pid))
      closeSync(descriptor)
      break
    } catch (error) {
      if ((error as { code?: string }).code !== 'EEXIST') throw error
    }
    let other = 0
    try {
      other = Number(readFileSync(flag, 'utf8'))
    } catch {
      violation('another holder left while this one came')
      continue
    }
    // One that was killed inside has left its flag; without a pid it was killed between two calls. The kernel closes the
    // files of a process before it says that it is gone.
    for (let left = 2000; other !== 0 && isAlive(other); left--) {
      if (readOr(flag, '') !== String(other)) violation(`process ${other} was inside too`)
      if (left === 0) violation(`process ${other} is inside too`)
      if (left === 0 || readOr(flag, '') !== String(other)) break
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1)
    }
    rmSync(flag, { force: true })
  }
  if (token === undefined) return
  const last = BigInt(readOr(`${file}.token`, '0') || '0')
  if (token <= last) violation(`token ${token} after ${last}`)
  writeFileSync(`${file}.token`, String(token))
}

function leave(file: string): void {
  try {
    if (Number(readFileSync(`${file}.inside`, 'utf8')) !== process.pid) violation('the flag is of another process')
    unlinkSync(`${file}.inside`)
  } catch (error) {
    violation(`the flag is gone: ${(error as Error).message}`)
  }
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return otherwise
  }
}

/** At once: a process that is killed while it writes would leave an empty file, and the count would begin anew. */
function count(file: string, value: number): void {
  writeFileSync(`${file}.count.${process.pid}`, String(value))
  renameSync(`${file}.count.${process.pid}`, `${file}.count`)
}

/** Sections of all kinds until it is told to stop or has had so many. */
async function sections({ id, key, file, times, seed, kinds }: Command): Promise<void> {
  const random = randomFrom(seed)
  const one = async (): Promise<boolean> => {
    const kind = kinds[Math.floor(random() * kinds.length)]
    const isLong = random() < 0.2
    const inside = async (lease: Lease) => {
      enter(file, lease.token)
      const seen = Number(readOr(`${file}.count`, '0'))
      if (isLong) await pause()
      if (!lease.held) violation('a lease was lost')
      count(file, seen + 1)
      leave(file)
    }
    const sync = (lease: SyncLease | undefined): boolean => {
      if (lease === undefined) return false
      enter(file, lease.token)
      count(file, Number(readOr(`${file}.count`, '0')) + 1)
      leave(file)
      lease.release()
      return true
    }
    try {
      if (kind === 'timeout') await lock.runExclusive(key, inside, { timeout: random() * 5 })
      else if (kind === 'abort') {
        const abort = new AbortController()
        setTimeout(() => abort.abort(new Error('enough')), random() * 5)
        await lock.runExclusive(key, inside, { signal: abort.signal })
      } else if (kind === 'try') {
        const lease = await lock.tryAcquire(key)
        if (lease === undefined) return false
        await inside(lease)
        await lease.release()
      } else if (kind === 'sync') return sync(lock.acquireSync(key, { timeout: 2000 }))
      else if (kind === 'trySync') return sync(lock.tryAcquireSync(key))
      else if (kind === 'file') await lockFile(key, inside)
      else if (kind === 'sweep') {
        await lock.sweep()
        await lock.check(key)
        return false
      } else await lock.runExclusive(key, inside)
      return true
    } catch (error) {
      const { code, message } = error as { code?: string; message: string }
      if (code !== 'ERR_LOCK_TIMEOUT' && message !== 'enough' && code !== 'ERR_DEADLOCK')
        violation(`${kind}: ${message}`)
      if (code === 'ERR_DEADLOCK') await pause()
      return false
    }
  }
  let done = 0
  for (let i = 0; i < times && !stopped; i++) {
    if (await one()) done++
    if (random() < 0.3) await pause(random() < 0.1 ? 2 : 0)
  }
  tell('sections', { id, done, violations })
}
let stopped = false

const commands: Record<string, (command: Command) => unknown> = {
  async acquire({ id, key, timeout }) {
    try {
      const lease = await lock.acquire(key, { timeout })
      leases.set(id, lease)
      lease.signal.addEventListener('abort', () => tell('lost', { id, message: lease.signal.reason.message }))
      tell('granted', { id, token: String(lease.token), at: process.hrtime.bigint().toString() })
    } catch (error) {
      refused(id, error)
    }
  },
  acquireSync({ id, key, timeout }) {
    try {
      const lease = lock.acquireSync(key, { timeout })
      leases.set(id, lease)
      tell('granted', { id, token: String(lease.token) })
    } catch (error) {
      refused(id, error)
    }
  },
  async tryAcquire({ id, key }) {
    try {
      const lease = await lock.tryAcquire(key)
      if (lease !== undefined) leases.set(id, lease)
      tell(lease === undefined ? 'taken' : 'granted', { id })
    } catch (error) {
      refused(id, error)
    }
  },
  /** From a hook: how often it met what it waits for. */
  met() {
    tell('met', { met: (globalThis as { met?: number }).met })
  },
  async release({ id }) {
    await leaseOf(id).release()
    tell('released', { id })
  },
  held({ id }) {
    tell('held', { id, held: leaseOf(id).held })
  },
  async check({ key }) {
    tell('checked', { entries: (await lock.check(key)).map(({ pid, here }) => ({ pid, here })) })
  },
  async lockFile({ id, file }) {
    await lockFile(file, () => {
      tell('granted', { id })
      return new Promise<void>(resolve => inside.set(id, resolve))
    })
    tell('released', { id })
  },
  leaveFile({ id }) {
    inside.get(id)?.()
  },
  sections,
  stop() {
    stopped = true
  },
  async close() {
    await lock.close()
    tell('closed')
  },
  residue() {
    tell('residue', { names: readdirSync(lock.directory) })
  },
  /** From the hook: dies at a call from now on. */
  dieAt({ times, kinds }) {
    Object.assign(globalThis, { dieAt: { step: times, after: kinds[0] === 'after' } })
    tell('armed')
  },
  /** Takes the key and gives it back. */
  async cycle({ id, key, kinds }) {
    const section = () => tell('granted', { id })
    if (kinds[0] === 'file') await lockFile(key, section)
    else if (kinds[0] === 'sync') {
      const lease = lock.acquireSync(key)
      section()
      lease.release()
    } else await lock.runExclusive(key, section)
    tell('cycled', { id })
  },
  /** Opens files until there are no more descriptors, and leaves so many. */
  exhaust({ times }) {
    const taken: number[] = []
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'))
    } catch {
      for (const descriptor of taken.splice(0, times)) closeSync(descriptor)
    }
    descriptors.push(...taken)
    tell('exhausted')
  },
  restore() {
    for (const descriptor of descriptors.splice(0)) closeSync(descriptor)
    tell('restored')
  },
  /** A child that outlives this process, and inherits what is not closed. */
  spawn() {
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { stdio: 'ignore', detached: true })
    child.once('spawn', () => tell('spawned', { pid: child.pid }))
    child.unref()
  },
  /** A thread that takes the key; then it ends, by itself or from outside. */
  thread({ id, key, kinds }) {
    const worker = new ThreadWorker(new URL(import.meta.url), {
      argv: [JSON.stringify(settings)],
      workerData: { key, ends: kinds[0] === 'ends' }
    })
    worker.on('message', event => tell(event as string, { id }))
    threads.set(id, worker)
  },
  async endThread({ id }) {
    await threads.get(id)?.terminate()
    tell('ended', { id })
  },
  throw() {
    throw new Error('on purpose')
  },
  exit() {
    process.exit()
  },
  /** Nothing is left to do: it must end by itself, whatever it holds. */
  finish() {
    input.close()
    process.stdin.destroy()
  }
}
const inside = new Map<string, () => void>()

const descriptors: number[] = []
const threads = new Map<string, ThreadWorker>()

const input = createInterface({ input: isMainThread ? process.stdin : Readable.from([]) })
if (isMainThread) {
  input.on('line', line => {
    const command = JSON.parse(line) as Command
    void commands[command.do]?.(command)
  })
  tell('ready')
} else {
  const { key, ends } = workerData as { key: string; ends: boolean }
  await lock.acquire(key)
  parentPort?.postMessage('granted')
  if (ends) process.exit()
  setInterval(() => {}, 1000)
}
