// What a thread of the tests does: it attaches, and then what it is told to.

import { parentPort, Worker, workerData } from 'node:worker_threads'
import { type SharedLock, SharedMutex, type SharedMutexHandle } from 'latchkey/threads'

export interface Start {
  readonly handle: SharedMutexHandle
  readonly cells: Int32Array
  readonly program?: string
}

export type Command =
  | { do: 'acquire' | 'acquireSync'; timeout?: number }
  | { do: 'release' | 'try' | 'close' | 'exit' | 'end' }
  | { do: 'count'; times: number; how: 'async' | 'sync' | 'mixed' }
  | { do: 'nested' }

const { handle, cells, program } = workerData as Start
const mutex = SharedMutex.attach(handle)
const port = parentPort!
let lock: SharedLock | undefined

/** Adds one, in several steps, none of them atomic. */
function add(): void {
  const seen = cells[0]!
  for (let i = 0; i < 50; i++) cells[1] = i
  cells[0] = seen + 1
}

async function obey(command: Command): Promise<unknown> {
  switch (command.do) {
    case 'acquire':
      lock = await mutex.acquire({ timeout: command.timeout })
      return { abandoned: lock.abandoned, thread: mutex.thread }
    case 'acquireSync':
      lock = mutex.acquireSync({ timeout: command.timeout })
      return { abandoned: lock.abandoned, thread: mutex.thread }
    case 'release':
      lock?.release()
      return true
    case 'try':
      lock = mutex.tryAcquire()
      return lock !== undefined
    case 'close':
      return mutex.close()
    case 'exit':
      return process.exit(0)
    case 'end':
      port.close()
      return true
    case 'count': {
      const one = async (sync: boolean) => {
        if (sync) {
          const held = mutex.acquireSync()
          add()
          held.release()
        } else await mutex.runExclusive(add)
      }
      for (let i = 0; i < command.times; i++) {
        if (command.how !== 'mixed') {
          await one(command.how === 'sync')
          continue
        }
        const waits = mutex.runExclusive(add)
        try {
          await one(true)
        } catch (error) {
          // The first holds by now: to block would never end.
          if ((error as { code?: string }).code !== 'ERR_DEADLOCK') throw error
          await waits
          await one(true)
        }
        await waits
      }
      return true
    }
    case 'nested': {
      const worker = new Worker(program!, { workerData })
      mutex.watch(worker)
      await new Promise(resolve => worker.once('message', resolve))
      const answer = new Promise(resolve => worker.once('message', resolve))
      worker.postMessage([0, { do: 'acquire' }])
      return answer
    }
  }
}

port.on('message', ([id, command]: [number, Command]) => {
  obey(command).then(
    value => port.postMessage([id, value]),
    (error: Error) =>
      port.postMessage([id, { error: error.name, code: (error as { code?: string }).code, message: error.message }])
  )
})
port.postMessage([-1, mutex.thread])
