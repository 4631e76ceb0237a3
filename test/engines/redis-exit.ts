// A program that has used locks of Redis in every way and has nothing more to do: it should end by itself, although it still
// holds a key, and although times of a minute have begun.

import { Redis } from 'ioredis'
import { RedisLock } from 'latchkey/redis'

const { host, port } = JSON.parse(process.argv[2] ?? '') as { host: string; port: number }
const clients: Redis[] = []
const connect = () => {
  const client = new Redis({ host, port, maxRetriesPerRequest: null })
  clients.push(client)
  return client
}
const MINUTE = 60_000
const open = (options = {}) =>
  new RedisLock(connect(), { subscriber: connect(), lease: MINUTE, tokenMemory: 1, commandTimeout: MINUTE, ...options })
const tell = (event: string, more: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)

tell('ready')
const [one, other] = [open(), open()]
const codes: unknown[] = []
const rejected = (promise: Promise<unknown>) =>
  promise.catch((error: unknown) => {
    codes.push((error as { code?: string }).code ?? error)
  })

// Granted at once, and after a wait, each with a timeout and a signal that are not needed any more.
const waiting = { timeout: MINUTE, signal: new AbortController().signal }
const lease = await one.acquire('key', waiting)
const next = other.acquire('key', waiting)
const abort = new AbortController()
const aborted = rejected(other.acquire('key', { ...waiting, signal: abort.signal }))
await rejected(one.acquire('key', { timeout: 20 }))
abort.abort('enough')
await aborted
await lease.release()
await (await next).release()
// Too few replicas.
await rejected(open({ minReplicas: 1, replicaTimeout: 10 }).acquire('another'))
// In every mode, and released.
await (await one.acquire('shared', { ...waiting, mode: 'shared' })).release()
await (await one.acquireMany(['a', 'b'], waiting)).release()
await (await open({ capacity: 2 }).acquire('permit', waiting)).release()
await Promise.all([one.close(), other.close()])
// Held, until the server thinks otherwise.
const held = await open().acquire('held')
tell('done', { codes, held: held.held, timers: process.getActiveResourcesInfo().filter(name => name === 'Timeout') })
for (const client of clients) client.disconnect()
