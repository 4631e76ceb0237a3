// What a page and its workers do in browser.test.ts. One script for both.

import { type SharedLock, SharedMutex, type SharedMutexHandle } from 'latchkey/threads'

interface Start {
  readonly handle: SharedMutexHandle
  readonly cells: Int32Array
}
type Command = 'acquire' | 'acquireSync' | 'release' | 'count' | 'countSync' | 'close'

const isPage = typeof document !== 'undefined'
let mutex: SharedMutex
let cells: Int32Array
let lock: SharedLock | undefined

/** Not atomic. */
function add(): void {
  const seen = cells[0]!
  for (let i = 0; i < 100; i++) cells[1] = i
  cells[0] = seen + 1
}

async function obey(command: Command): Promise<unknown> {
  if (command === 'acquire') lock = await mutex.acquire()
  else if (command === 'acquireSync') lock = mutex.acquireSync()
  else if (command === 'release') lock?.release()
  else if (command === 'close') await mutex.close()
  else
    for (let i = 0; i < 300; i++)
      if (command === 'count') await mutex.runExclusive(add)
      else {
        const held = mutex.acquireSync()
        add()
        held.release()
      }
  return lock?.abandoned ?? false
}

if (!isPage)
  addEventListener('message', async ({ data }: MessageEvent<Start | Command>) => {
    if (typeof data === 'object') {
      cells = data.cells
      mutex = SharedMutex.attach(data.handle)
      await mutex.ready
      postMessage(mutex.thread)
    } else postMessage(await obey(data))
  })

const workers: Worker[] = []
const answer = (worker: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
  })

export const api = {
  /** What the constructor says. */
  make(): string {
    try {
      mutex = new SharedMutex({ name: 'page' })
      cells = new Int32Array(new SharedArrayBuffer(8))
      return String(mutex)
    } catch (error) {
      return (error as Error).message
    }
  },
  async start(): Promise<unknown> {
    const worker = new Worker('/page.js')
    workers.push(worker)
    mutex.watch(worker)
    worker.postMessage({ handle: mutex.handle, cells })
    return answer(worker)
  },
  tell(index: number, command: Command): Promise<unknown> {
    const told = answer(workers[index]!)
    workers[index]!.postMessage(command)
    return told
  },
  /** Sends a command that is not to be answered soon. */
  send: (index: number, command: Command): void => workers[index]!.postMessage(command),
  terminate: (index: number): void => workers[index]!.terminate(),
  state: (): string => String(mutex),
  count: (): number => cells[0]!,
  own: (command: Command): Promise<unknown> =>
    obey(command).catch((error: { code?: string }) => error.code ?? String(error))
}
export type Api = typeof api
if (isPage) Object.assign(globalThis, { api })
