// What the runtimes call a thread, and how they tell that one has ended.
//
//   Node, Bun, Deno's node:worker_threads   a number, which is the same inside and outside, and an event when it ends
//   browsers, the web workers of Deno       neither. The thread holds a Web Lock for life: when another gets it, it has ended

/** The part of a worker that `watch` uses: one of `node:worker_threads`, or of the web. */
export interface WatchableWorker {
  /** What the runtime calls the thread, where it does. */
  readonly threadId?: number | undefined
  /** How `node:worker_threads` tells of the end. */
  once?(event: 'exit', listener: () => void): unknown
  /** How the web workers of Bun do. */
  addEventListener?(event: never, listener: () => void): unknown
}

/** What this uses of the Web Locks. */
interface Locks {
  request(name: string, callback: () => unknown): Promise<unknown>
}

interface Platform {
  process?: {
    versions?: { node?: string }
    getBuiltinModule?(name: string): { threadId: number; isMainThread: boolean } | undefined
  }
  navigator?: { locks?: Locks }
  Deno?: unknown
  WorkerGlobalScope?: unknown
  SharedArrayBuffer?: unknown
  crossOriginIsolated?: boolean
}

const platform = globalThis as unknown as Platform

/** Deno says that a worker has ended up to this many ms before it has. */
const graceMs = (): number => (platform.Deno === undefined ? 0 : 500)

export function unsupported(label: string, why: string): Error {
  return Object.assign(new Error(`${label}: ${why}`), { code: 'ERR_THREADS_UNSUPPORTED' })
}

/** Throws where threads share no memory. */
export function checkSharing(label: string): void {
  if (platform.SharedArrayBuffer !== undefined && platform.crossOriginIsolated !== false) return
  throw unsupported(
    label,
    'threads share no memory here. A page has to be cross-origin isolated: send it with the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp'
  )
}

/** The token of this thread: the number of the runtime and one; 0: it has none. */
export function tokenOfThread(label: string): number {
  const { process, WorkerGlobalScope } = platform
  if (process?.versions?.node === undefined) return 0
  const threads = process.getBuiltinModule?.('node:worker_threads')
  if (threads === undefined) throw unsupported(label, 'needs Node 20.16, or 22.3, or newer')
  // All web workers of Deno call themselves thread 0.
  return threads.threadId > 0 || WorkerGlobalScope === undefined ? threads.threadId + 1 : 0
}

/** The Web Locks, where they exclude: those of Node were seen to let two threads hold one lock. */
const webLocks = (): Locks | undefined =>
  platform.process?.versions?.node !== undefined && platform.Deno === undefined ? undefined : platform.navigator?.locks

const lockName = (memory: string, token: number): string => `latchkey/threads/${memory}/${token}`

/** Holds the Web Lock of this thread until the result is called, or the thread ends. `undefined`: there are none. */
export function liveAs(memory: string, token: number, held: () => void): (() => void) | undefined {
  let end = () => {}
  const life = new Promise<void>(resolve => {
    end = resolve
  })
  const request = webLocks()?.request(lockName(memory, token), () => {
    held()
    return life
  })
  request?.catch(() => {}) // an opaque origin has none
  return request && end
}

/** Calls `ended` once the thread that holds this Web Lock has ended, or has let it go. */
export function awaitEndOf(memory: string, token: number, ended: () => void): void {
  webLocks()
    ?.request(lockName(memory, token), () => afterGrace(ended))
    .catch(() => {})
}

/**
 * Calls `ended` when a worker has. Returns its token; 0: it is to be watched by its Web Lock.
 *
 * @throws Error if it has ended, or cannot be watched here
 */
export function onEnd(label: string, worker: WatchableWorker, ended: () => void): number {
  const { threadId } = worker
  if (typeof threadId !== 'number') {
    if (webLocks() !== undefined) return 0
    throw unsupported(label, 'cannot tell here when this worker ends. Take a Worker of node:worker_threads')
  }
  if (threadId < 0) throw new RangeError(`${label}: the worker has ended already; watch it when it is made`)
  const listener = () => afterGrace(ended)
  if (typeof worker.once === 'function') worker.once('exit', listener)
  else worker.addEventListener?.('close' as never, listener)
  return threadId + 1
}

function afterGrace(callback: () => void): void {
  const ms = graceMs()
  if (ms === 0) callback()
  else setTimeout(callback, ms)
}

/** Whether this is a worker, whose own workers end with it. */
export const isWorker = (token: number): boolean => token !== 1
