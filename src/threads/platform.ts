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
    getBuiltinModule?(name: string): { threadId: number } | undefined
  }
  navigator?: { locks?: Locks }
  Deno?: unknown
  WorkerGlobalScope?: unknown
  SharedArrayBuffer?: unknown
  crossOriginIsolated?: boolean
}

const platform = globalThis as Platform

const runsNode = (): boolean => platform.process?.versions?.node !== undefined

export function unsupported(label: string, why: string): Error {
  return Object.assign(new Error(`${label}: ${why}`), { code: 'ERR_THREADS_UNSUPPORTED' })
}

/** Throws where threads share no memory. */
export function checkSharing(label: string): void {
  if (platform.SharedArrayBuffer === undefined || platform.crossOriginIsolated === false)
    throw unsupported(
      label,
      'needs a cross-origin isolated page: Cross-Origin-Opener-Policy: same-origin, Cross-Origin-Embedder-Policy: require-corp'
    )
}

/** The token of this thread: the number of the runtime and one; 0: it has none. */
export function tokenOfThread(label: string): number {
  if (!runsNode()) return 0
  const threadId = platform.process?.getBuiltinModule?.('node:worker_threads')?.threadId
  if (threadId === undefined) throw unsupported(label, 'needs Node 20.16 or 22.3')
  // All web workers of Deno call themselves thread 0.
  return threadId || platform.WorkerGlobalScope === undefined ? threadId + 1 : 0
}

/** The Web Locks, where they exclude: those of Node were seen to let two threads hold one lock. */
export const webLocks = (): Locks | undefined => (runsNode() && !platform.Deno ? undefined : platform.navigator?.locks)

/** Asks for the Web Lock of a thread, which that thread holds for life. An opaque origin has none. */
export const lifeOf = (memory: bigint, token: number, granted: () => unknown): Promise<unknown> | undefined =>
  webLocks()
    ?.request(`latchkey/threads/${memory}/${token | 1}`, granted)
    .catch(() => {})

/** Calls `ended` when a thread has ended: Deno says so up to this many ms before it has. */
export const afterGrace = (ended: () => void): unknown => (platform.Deno ? setTimeout(ended, 500) : ended())

let blocks: boolean | undefined

/** Whether this thread may block, which it may always or never. */
export function canBlock(): boolean {
  if (blocks === undefined)
    try {
      // The value is not the one in memory, so this blocks no thread.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1)
      blocks = true
    } catch {
      blocks = false
    }
  return blocks
}
