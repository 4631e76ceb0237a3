// One of several processes that share keys of Redis, in any mode. Reads commands from its input, a line of JSON each.

import { createInterface } from 'node:readline'
import { Redis } from 'ioredis'
import type { Lease, LockMode } from 'latchkey/distributed'
import { RedisLock, type RedisLockOptions } from 'latchkey/redis'
import { randomFrom } from '../fixtures/random.js'

/** How a process holds a key: from when to when, on a clock that is the same for all processes of one machine. */
export interface Interval {
  readonly mode: LockMode
  readonly from: string
  readonly to: string
}

interface Command {
  do: string
  id: string
  key: string
  mode?: LockMode
  times: number
  seed: number
  /** Of a hundred, so many calls share the key. */
  sharing: number
}

const tell = (event: string, more: object = {}) => process.stdout.write(`${JSON.stringify({ event, ...more })}\n`)

/** Which server to ask, and how. */
interface Connection {
  host: string
  port: number
  options?: RedisLockOptions
}

let lock: RedisLock
let leave = () => {}
const leases = new Map<string, Lease>()
const leaseOf = (id: string): Lease => {
  const lease = leases.get(id)
  if (lease === undefined) throw new Error(`no lease ${id}`)
  return lease
}
const clock = (): string => process.hrtime.bigint().toString()

const commands: Record<string, (command: Command & Connection) => unknown> = {
  /** Begins anew: the next test has another lock, and a process is too dear to be made for each. */
  open({ host, port, options }) {
    leave()
    leases.clear()
    const client = new Redis({ host, port, maxRetriesPerRequest: null, retryStrategy: () => 5 })
    const subscriber = client.duplicate()
    for (const each of [client, subscriber]) each.on('error', () => {})
    lock = new RedisLock(client, { subscriber, ...options })
    const left = lock
    leave = () => {
      void left.close()
      for (const each of [client, subscriber]) each.disconnect()
    }
    tell('opened')
  },

  async acquire({ id, key, mode }) {
    const lease = await lock.acquire(key, { mode })
    leases.set(id, lease)
    tell('granted', { id, token: String(lease.token), at: clock() })
  },

  async release({ id }) {
    await leaseOf(id).release()
    tell('released', { id })
  },

  held({ id }) {
    tell('held', { held: leaseOf(id).held })
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

  /** Takes the key and gives it back again and again, several callers at once. */
  async churn({ key, times, seed, sharing }) {
    const intervals: Interval[] = []
    let lost = 0
    const caller = async (number: number) => {
      const random = randomFrom(seed * 100 + number)
      for (let i = 0; i < times; i++) {
        const mode: LockMode = random() * 100 < sharing ? 'shared' : 'exclusive'
        const lease = await lock.acquire(key, { mode })
        const from = clock()
        if (number === 0 && i === 2) tell('holding')
        await new Promise(resolve => setTimeout(resolve, random() * 4)) // what it holds the key for
        // What is not held any more is not held to anything.
        if (lease.held) intervals.push({ mode, from, to: clock() })
        else lost++
        await lease.release()
      }
    }
    await Promise.all([0, 1, 2].map(caller))
    tell('churned', { intervals, lost })
  }
}

createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line) as Command & Connection
  void commands[command.do]?.(command)
})
process.stdin.on('end', () => process.exit())
tell('ready')
