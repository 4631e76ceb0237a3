// One of several processes that share keys of a PostgresLock in several ways. Reads commands, a line of JSON each.

import { appendFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Lease, LockMode } from 'latchkey/distributed'
import { PostgresLock } from 'latchkey/postgres'
import pg from 'pg'
import { randomFrom } from '../fixtures/random.js'

interface Command {
  do: string
  id: string
  key: string
  mode: LockMode
  timeout: number
  /** How many of ten holds share the key. */
  shared: number
  file: string
  times: number
}

const { server, options } = JSON.parse(process.argv[2] ?? '') as { server: pg.ClientConfig; options?: object }
const tell = (event: string, more: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)
const lock = new PostgresLock(() => new pg.Client(server), options)
const leases = new Map<string, Lease>()
/** The same for all processes of one machine. */
const clock = (): string => process.hrtime.bigint().toString()

const commands: Record<string, (command: Command) => unknown> = {
  async acquire({ id, key, mode, timeout }) {
    const lease = await lock.acquire(key, { mode, timeout })
    leases.set(id, lease)
    tell('granted', { id })
  },

  async release({ id }) {
    await leases.get(id)?.release()
    tell('released', { id })
  },

  /** What keeps this process alive: timers that are not unref'd are among it. */
  resources() {
    tell('resources', { timers: process.getActiveResourcesInfo().filter(name => name === 'Timeout').length })
  },

  /** Holds a key again and again, three callers at a time, and writes down when. */
  async hold({ id, key, shared, file, times }) {
    const random = randomFrom(Number(id))
    const caller = async (name: number) => {
      for (let i = 0; i < times; i++) {
        const mode = random() * 10 < shared ? 'shared' : 'exclusive'
        const run = mode === 'shared' ? 'runShared' : 'runExclusive'
        const hold = `${id}.${name}.${i} ${mode}`
        await lock[run](key, async () => {
          appendFileSync(file, `${clock()} + ${hold}\n`)
          const turns = Math.floor(random() * 20)
          for (let turn = 0; turn < turns; turn++) await new Promise(resolve => setImmediate(resolve))
          appendFileSync(file, `${clock()} - ${hold}\n`)
        })
      }
    }
    await Promise.all([0, 1, 2].map(caller))
    tell('held')
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line) as Command
  void commands[command.do]?.(command)
})
process.stdin.on('end', () => process.exit())
tell('ready')
