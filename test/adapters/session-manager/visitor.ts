// One of several processes whose session managers share a store and a lock. Reads commands from its input, a line of JSON
// each.

import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import { type Session, SessionManager, type SessionStore } from 'latchkey/adapters/session-manager'
import type { KeyedLock } from 'latchkey/distributed'
import { LocalLock } from 'latchkey/local'
import { RedisLock } from 'latchkey/redis'

export interface VisitorSettings {
  /** Where the sessions are. */
  readonly folder: string
  /** The directory of a `LocalLock`, or else the server of a `RedisLock`. */
  readonly directory?: string
  readonly server?: { readonly host: string; readonly port: number }
}

interface Command {
  readonly do: 'visit' | 'close'
  readonly ids: readonly string[]
  /** So many callers, each with so many visits of each session. */
  readonly callers: number
  readonly times: number
}

const settings = JSON.parse(process.argv[2] ?? '') as VisitorSettings
// At once: what was told before a kill was told.
const tell = (event: string, more: object = {}) => void writeSync(1, `${JSON.stringify({ event, ...more })}\n`)
const turn = () => new Promise(resolve => setImmediate(resolve))

interface Data {
  visits: number
}

/** Sessions in a folder. Nothing here excludes anything, and between a look and a write others have time. */
class FolderStore implements SessionStore<Data> {
  readonly #pathOf = (id: string) => join(settings.folder, `${id}.json`)

  async get(id: string): Promise<Session<Data> | undefined> {
    await turn()
    try {
      return JSON.parse(readFileSync(this.#pathOf(id), 'utf8')) as Session<Data>
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined
      throw error
    }
  }

  async set(session: Session<Data>): Promise<void> {
    await turn()
    const path = `${this.#pathOf(session.id)}.${process.pid}`
    writeFileSync(path, JSON.stringify(session))
    renameSync(path, this.#pathOf(session.id))
  }

  async delete(id: string): Promise<void> {
    await turn()
    rmSync(this.#pathOf(id), { force: true })
  }

  expired(): string[] {
    return []
  }

  count(): number {
    return 0
  }
}

function open({ directory, server }: VisitorSettings): KeyedLock & { close(): Promise<void> } {
  if (directory !== undefined) return new LocalLock({ directory })
  const client = new Redis({ ...server, maxRetriesPerRequest: null })
  return new RedisLock(client, { subscriber: client.duplicate(), lease: 1000 })
}

const lock = open(settings)
const sessions = new SessionManager<Data>({
  store: new FolderStore(),
  lock,
  sweepInterval: Infinity,
  create: async id => {
    await turn()
    appendFileSync(join(settings.folder, 'created'), `${id}\n`)
    return { visits: 0 }
  }
})

const commands: Record<Command['do'], (command: Command) => Promise<void>> = {
  async visit({ ids, callers, times }) {
    const caller = async (number: number) => {
      for (const id of ids) await sessions.createSession(id)
      for (let i = 0; i < times; i++)
        for (const id of ids) {
          if ((i + number) % 2 === 0) await sessions.updateSession(id, ({ visits }) => ({ visits: visits + 1 }))
          else
            await sessions.withSession(id, async session => {
              const { visits } = session.data
              await turn()
              session.data.visits = visits + 1
            })
          appendFileSync(join(settings.folder, 'visits'), `${id}\n`)
          tell('visited', { id })
        }
    }
    await Promise.all(Array.from({ length: callers }, (_, number) => caller(number)))
    tell('done')
  },
  async close() {
    await sessions.close()
    await lock.close()
    tell('closed')
    process.exit()
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line) as Command
  void commands[command.do](command)
})
tell('ready')
