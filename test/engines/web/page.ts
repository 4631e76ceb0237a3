// What a tab or a worker of the tests runs: the lock, and what the tests call by name.

import { checkKeyedLock, type Lease } from 'latchkey/distributed'
import { WebLock } from 'latchkey/web'

const leases = new Map<string, Lease>()
let lock: WebLock | undefined
const open = () => {
  lock ??= new WebLock()
  return lock
}

const indexed = (): Promise<IDBDatabase> =>
  new Promise((resolve, reject) => {
    const request = indexedDB.open('count', 1)
    request.onupgradeneeded = () => request.result.createObjectStore('values')
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })
const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error)
  })

const api = {
  async contract() {
    return checkKeyedLock(options => new WebLock(options))
  },
  async acquire(key: string, timeout?: number) {
    try {
      leases.set(key, await open().acquire(key, { timeout }))
      return 'granted'
    } catch (error) {
      return (error as { code?: string }).code ?? String(error)
    }
  },
  async abortAfter(key: string, ms: number) {
    return open()
      .acquire(key, { signal: AbortSignal.timeout(ms) })
      .then(
        () => 'granted',
        (error: Error) => error.name
      )
  },
  async tryAcquire(key: string) {
    return (await open().tryAcquire(key)) !== undefined
  },
  async release(key: string) {
    await leases.get(key)?.release()
  },
  held(key: string) {
    return leases.get(key)?.held
  },
  reason(key: string) {
    const { signal } = leases.get(key) as Lease
    return signal.aborted ? (signal.reason as Error).message : 'not aborted'
  },
  refusal() {
    try {
      new WebLock()
      return 'none'
    } catch (error) {
      return `${(error as { code: string }).code} ${(error as Error).message}`
    }
  },
  /** Reads and writes with a turn of the event loop between them, each time under the lock. */
  async count(where: string, times: number) {
    for (let i = 0; i < times; i++)
      await open().runExclusive('count', async () => {
        if (where === 'localStorage') {
          const seen = Number(localStorage.getItem('count'))
          await new Promise(resolve => setTimeout(resolve, 0))
          localStorage.setItem('count', String(seen + 1))
          return
        }
        const database = await indexed()
        const seen = (await done(database.transaction('values').objectStore('values').get('count'))) ?? 0
        await new Promise(resolve => setTimeout(resolve, 0))
        const transaction = database.transaction('values', 'readwrite')
        const written = new Promise(resolve => {
          transaction.oncomplete = resolve
        })
        transaction.objectStore('values').put(seen + 1, 'count')
        await written
        database.close()
      })
  },
  async counted() {
    const database = await indexed()
    return (await done(database.transaction('values').objectStore('values').get('count'))) ?? 0
  },
  async pairs(times: number) {
    const start = performance.now()
    for (let i = 0; i < times; i++) await (await open().acquire('pairs')).release()
    return (performance.now() - start) / times
  }
}
export type Api = typeof api

Object.assign(globalThis, { api })
if (typeof document === 'undefined')
  globalThis.onmessage = async ({ data: [id, name, ...rest] }) => {
    const call = api[name as keyof Api] as (...parameters: unknown[]) => unknown
    postMessage([id, await call(...rest)])
  }
