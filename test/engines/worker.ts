// One of several processes that share an engine. Reads commands from its input, a line of JSON each.

import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { type Session, SessionManager, type SessionStore } from 'latchkey/adapters/session-manager'
import type { KeyedLock, Lease } from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import { RedisLock } from 'latchkey/redis'
import pg from 'pg'

export interface Settings {
  engine: 'postgres' | 'redis'
  server: { host: string; port: number; user?: string; password?: string; database?: string }
  options?: object
}

interface Command {
  do: string
  id: string
  key: string
  timeout?: number
  file: string
  times: number
}

const settings = JSON.parse(process.argv[2] ?? '') as Settings
const tell = (event: string, more: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)

const lock = open(settings)
const leases = new Map<string, Lease>()

function open({ engine, server, options }: Settings): KeyedLock {
  if (engine === 'postgres') return new PostgresLock(() => new pg.Client(server), options)
  const client = new Redis({ ...server, maxRetriesPerRequest: null })
  const subscriber = client.duplicate()
  return new RedisLock(client, { subscriber, ...options })
}

const leaseOf = (id: string): Lease => {
  const lease = leases.get(id)
  if (lease === undefined) throw new Error(`no lease ${id}`)
  return lease
}
/** The same for all processes of one machine. */
const clock = (): string => process.hrtime.bigint().toString()

const commands: Record<string, (command: Command) => unknown> = {
  async acquire({ id, key, timeout }) {
    try {
      const lease = await lock.acquire(key, { timeout })
      leases.set(id, lease)
      lease.signal.addEventListener('abort', () => tell('lost', { id, message: lease.signal.reason.message }))
      tell('granted', { id, token: String(lease.token), owner: lease.owner, at: clock() })
    } catch (error) {
      tell('refused', { id, code: (error as { code?: string }).code, message: (error as Error).message })
    }
  },

  async release({ id }) {
    await leaseOf(id).release()
    tell('released', { id })
  },

  held({ id }) {
    tell('held', { id, held: leaseOf(id).held })
  },

  /** Looks at the lease at every turn, and tells what it says first after the process was stopped for a while. */
  watchForPause({ id, times: ms }) {
    let before = performance.now()
    const turn = () => {
      const now = performance.now()
      const { held } = leaseOf(id)
      if (now - before > ms) {
        tell('afterPause', { held })
        return
      }
      before = now
      setImmediate(turn)
    }
    turn()
    tell('watching')
  },

  /** Reads, waits and writes: what happens in between is lost unless somebody excludes it. */
  async count({ key, file, times }) {
    const intervals: [string, string][] = []
    for (let i = 0; i < times; i++) {
      await lock.runExclusive(key, async () => {
        const from = clock()
        const seen = Number(readFileSync(file, 'utf8'))
        await new Promise(resolve => setImmediate(resolve))
        writeFileSync(file, String(seen + 1))
        intervals.push([from, clock()])
      })
    }
    tell('counted', { intervals })
  },

  async visit({ id, file, times }) {
    const manager = new SessionManager<{ visits: number }>({
      store: new FileStore(file),
      lock,
      create: () => {
        appendFileSync(join(file, 'created'), `${id}\n`)
        return { visits: 0 }
      }
    })
    await manager.createSession(id)
    for (let i = 0; i < times; i++) await manager.updateSession(id, ({ visits }) => ({ visits: visits + 1 }))
    const session = await manager.getSession(id)
    await manager.close()
    tell('visited', { visits: session?.data.visits, createdAt: session?.createdAt })
  }
}

/** Sessions in a folder. Nothing here excludes anything. */
class FileStore<Data> implements SessionStore<Data> {
  readonly #folder: string
  constructor(folder: string) {
    this.#folder = folder
  }
  get(id: string) {
    try {
      return JSON.parse(readFileSync(this.#fileOf(id), 'utf8')) as Session<Data>
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined
      throw error
    }
  }
  async set(session: Session<Data>) {
    await new Promise(resolve => setImmediate(resolve))
    writeFileSync(this.#fileOf(session.id), JSON.stringify(session))
  }
  delete(id: string) {
    rmSync(this.#fileOf(id), { force: true })
  }
  expired() {
    return []
  }
  count() {
    return 0
  }
  #fileOf(id: string) {
    return join(this.#folder, `${id}.json`)
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line) as Command
  void commands[command.do]?.(command)
})
process.stdin.on('end', () => process.exit())
tell('ready')
