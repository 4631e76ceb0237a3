// One of several processes that take keys of one engine in every way there is: shared, alone, one of three permits, several
// together, and as a leader. It tells of each time of holding when it began and until when it surely lasted.

import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { campaign, type DistributedLock, type Lease, type MultiLease } from 'latchkey/distributed'
import { LocalLock } from 'latchkey/local'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'
import { randomFrom } from './local/chaos.js'

export interface FamilySettings {
  readonly engine: 'postgres' | 'redis' | 'local'
  /** Of the engine `'local'`: where its locks are. */
  readonly directory?: string
  readonly server?: undefined | { host: string; port: number; user?: string; password?: string; database?: string }
  readonly lease: number
  readonly capacity: number
  readonly seed: number
}

for (const failure of ['unhandledRejection', 'warning'])
  process.on(failure, (error: Error) => tell('failed', { message: `${failure}: ${error.stack}` }))

const settings = JSON.parse(process.argv[2] ?? '') as FamilySettings
const random = randomFrom(settings.seed)
const enough = new AbortController()

/** Whole lines at once: a process that is killed tells all that it has begun to tell. */
const tell = (event: string, more: object = {}) => void writeSync(1, `${JSON.stringify({ event, ...more })}\n`)
/** The same for all processes of one machine, in µs. */
const clock = () => Number(process.hrtime.bigint() / 1000n)
const turn = () => new Promise<void>(resolve => setTimeout(resolve, 1))

function open(namespace: string, capacity = 1): DistributedLock {
  const { server, lease, directory } = settings
  if (directory !== undefined) return new LocalLock({ directory: join(directory, namespace), capacity })
  const options = { namespace, capacity, lease }
  if (settings.engine === 'postgres')
    return new PostgresLock(() => new pg.Client(server), { ...options, connections: 8 })
  const client = new Redis({ ...server, maxRetriesPerRequest: null })
  const subscriber = client.duplicate()
  for (const each of [client, subscriber]) each.on('error', () => {}) // a server that is down for a moment
  return new RedisLock(client, { subscriber, ...options })
}

const locks = open('family')
const permits = open('permits', settings.capacity)

/**
 * Holds for a while. Each moment that is told was followed by a look at the lease that found it held, so the lease was held
 * at that moment: whatever the process went through in between.
 */
async function visit(kind: string, keys: readonly string[], lease: Lease | MultiLease, waited: number): Promise<void> {
  const from = clock()
  if (!lease.held) return
  const id = `${process.pid}.${from}.${random()}`
  const token = 'token' in lease ? String(lease.token) : undefined
  tell('began', { id, kind, keys, from, waited, token })
  let to = from
  for (let left = Math.floor(random() * 8); left >= 0; left--) {
    await turn()
    const now = clock()
    if (!lease.held) break
    to = now
  }
  tell('ended', { id, to })
}

const ENOUGH = ['ERR_LEASE_LOST', 'ERR_LOCK_TIMEOUT']

async function go(call: (since: number) => Promise<unknown>): Promise<void> {
  while (!enough.signal.aborted) {
    try {
      await call(clock())
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string }
      // An engine that is silent for a while is part of the game: a process that was stopped finds its answers late.
      if (!ENOUGH.includes(code) && !code.startsWith('ERR_ENGINE_')) throw error
      if (code.startsWith('ERR_ENGINE_')) tell('refused', { message })
    }
    await turn()
  }
}

const many = ['m1', 'm2', 'm3']
const wait = () => (random() < 0.2 ? { timeout: Math.floor(random() * 20) } : {})
const share = (since: number) => locks.runShared('rw', lease => visit('shared', ['rw'], lease, clock() - since), wait())
const write = (since: number) =>
  locks.runExclusive('rw', lease => visit('exclusive', ['rw'], lease, clock() - since), wait())
const take = (since: number) =>
  permits.runExclusive('permits', lease => visit('permit', ['permits'], lease, clock() - since), wait())
const together = (since: number) => {
  const keys = many.filter(() => random() < 0.7).sort(() => random() - 0.5)
  return locks.runExclusiveMany(keys, lease => visit('exclusive', keys, lease, clock() - since), wait())
}
const pause = (call: (since: number) => Promise<unknown>, ms: number) => async (since: number) => {
  await call(since)
  await new Promise(resolve => setTimeout(resolve, random() * ms))
}

const callers = [
  go(share),
  go(share),
  go(share),
  go(pause(write, 40)),
  go(take),
  go(take),
  go(pause(together, 10)),
  go(async since => {
    const term = new AbortController()
    setTimeout(() => term.abort(), 50 + random() * 100).unref()
    const { signal } = term
    await campaign(
      locks,
      'leader',
      async ({ lease, isLeader }) => {
        while (isLeader && lease.held && !signal.aborted) await visit('exclusive', ['leader'], lease, clock() - since)
      },
      { signal, pause: 50 }
    )
  })
]
tell('ready')

const commands = createInterface({ input: process.stdin })
// It stays, and holds nothing: what is still taken then is so for nothing.
commands.on('line', async () => {
  enough.abort()
  await Promise.all(callers)
  tell('idle')
})
commands.on('close', async () => {
  enough.abort()
  await Promise.all(callers)
  await Promise.all([locks.close(), permits.close()])
  tell('over')
  process.exit(0)
})
void Promise.all(callers).catch(error => {
  tell('failed', { message: String((error as Error).stack) })
  process.exit(1)
})
