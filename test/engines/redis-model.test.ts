// The scripts against a model of them: whatever is asked, by any number of callers in any order, the server grants what a
// list of holders and a list of waiters grant, and notifies a waiter at the step that makes it the next.

import fc from 'fast-check'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RedisCommands } from '../../src/engines/redis/commands.js'
import { type Answer, ExclusiveRequests, GroupRequests, type Requests } from '../../src/engines/redis/requests.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'

const LEASE = 60_000
const CALLERS = 6

interface Step {
  readonly do: 'try' | 'ask' | 'askOnce' | 'release' | 'renew' | 'die' | 'evict'
  readonly caller: number
}

/** One that holds or waits, under a name that is used once. */
interface Party {
  readonly name: string
  readonly shared: boolean
  token?: bigint
}

/** What the scripts keep, without time. */
class Model {
  holders: Party[] = []
  queue: Party[] = []
  readonly limit: number

  /** @param limit of holders that share */
  constructor(limit: number) {
    this.limit = limit
  }

  fits({ shared }: Party): boolean {
    if (this.holders.length === 0) return true
    return shared && this.holders.every(holder => holder.shared) && this.holders.length < this.limit
  }

  /** Whether it may have the key now. */
  mayTake(party: Party): boolean {
    return this.fits(party) && (this.queue.length === 0 || this.queue[0] === party)
  }

  grant(party: Party): void {
    this.queue = this.queue.filter(other => other !== party)
    this.holders.push(party)
  }

  drop(party: Party): void {
    this.queue = this.queue.filter(other => other !== party)
    this.holders = this.holders.filter(other => other !== party)
  }
}

const steps = fc.array(
  fc.record<Step>({
    do: fc.constantFrom('try', 'try', 'ask', 'ask', 'ask', 'askOnce', 'release', 'release', 'release', 'renew', 'die'),
    caller: fc.nat(CALLERS - 1)
  }),
  { minLength: 10, maxLength: 60 }
)
/** Which of the callers share; the others want the key alone. */
const modes = fc.array(fc.boolean(), { minLength: CALLERS, maxLength: CALLERS })

describeRedis('the scripts', () => {
  const server = useRedis()
  let admin: Redis
  let listener: Redis
  let commands: RedisCommands
  const heard: string[] = []
  let synced = () => {}
  beforeAll(async () => {
    admin = server.connect()
    listener = server.connect()
    commands = new RedisCommands('model', admin, 10_000)
    await listener.psubscribe('latchkey:*', 'sync')
    listener.on('pmessage', (_, channel: string, message: string) => {
      if (channel === 'sync') synced()
      else heard.push(message)
    })
  })
  afterAll(() => Promise.all([admin.quit(), listener.quit()]))

  /** Who was notified since the last time. */
  const notified = async (): Promise<string[]> => {
    const arrived = new Promise<void>(resolve => {
      synced = resolve
    })
    await admin.publish('sync', '')
    await arrived
    return heard.splice(0)
  }

  let runs = 0
  const run = async (limit: number, sharing: boolean[], list: readonly Step[]): Promise<void> => {
    const id = `latchkey:{model:${runs++}}`
    // What is left of a key that is free: as good as nothing, or its last token.
    const memory = runs % 2 === 0 ? 1 : 6000
    const durations = { lease: LEASE, memory }
    const alone = new ExclusiveRequests(commands, durations)
    const group = new GroupRequests(commands, durations, limit === Infinity ? 0 : limit)
    const requestsOf = ({ shared }: Party): Requests => (shared ? group : alone)
    const model = new Model(limit)
    const parties: (Party | undefined)[] = []
    let count = 0
    let last = 0n
    /** The first waiter that may take the key was notified when it became that. */
    let told = new Set<string>()
    const read = (answer: Answer) => answer

    const granted = (party: Party, { token }: { token: bigint }) => {
      expect(token).toBeGreaterThan(last)
      last = token
      party.token = token
      model.grant(party)
    }
    /** Asks, and holds the answer against the model. */
    const ask = async (party: Party, ttl: number) => {
      const again = model.holders.includes(party)
      const may = model.mayTake(party)
      const answer = await requestsOf(party).ask(id, party.name, ttl, read)
      if (again) expect(answer).toEqual({ token: party.token })
      else if ('token' in answer) {
        expect(may).toBe(true)
        granted(party, answer)
      } else {
        expect(may).toBe(false)
        if (ttl > 0 && !model.queue.includes(party)) model.queue.push(party)
      }
    }

    for (const { do: what, caller } of list) {
      // As a caller does it, that has left: with a new name.
      parties[caller] ??= { name: `caller-${caller}:${count++}`, shared: sharing[caller] ?? true }
      const party = parties[caller]
      const isHolder = model.holders.includes(party)
      const isWaiter = model.queue.includes(party)
      if (what === 'try' && !isHolder && !isWaiter) {
        const may = model.queue.length === 0 && model.fits(party)
        const answer = await requestsOf(party).try(id, party.name, read)
        // It need not find out whether a key is free that was waited for.
        if ('token' in answer) {
          expect(may).toBe(true)
          granted(party, answer)
        } else if (model.holders.length === 0 && model.queue.length === 0) await ask(party, 0)
      } else if (what === 'ask') await ask(party, 3000)
      else if (what === 'askOnce' && !isWaiter) await ask(party, 0)
      else if (what === 'release') {
        expect(await requestsOf(party).release(id, party.name)).toBe(isHolder)
        // Sent again, as if the answer had been lost, for as long as that is remembered.
        if (isHolder && memory > 1) expect(await requestsOf(party).release(id, party.name)).toBe(true)
        model.drop(party)
        parties[caller] = undefined
      } else if (what === 'renew') expect(await requestsOf(party).renew(id, party.name)).toBe(isHolder)
      else if (what === 'die') {
        // Its time is over. Others find out when they ask.
        if (isWaiter) await admin.hset(`${id}:expiry`, party.name, 1)
        else if (isHolder && party.shared) await admin.zadd(`${id}:holders`, 1, party.name)
        else if (isHolder) await admin.pexpire(id, 1)
        model.drop(party)
        parties[caller] = undefined
        // No script ran, so no waiter was notified: it asks by itself, when the time is over for which it was told to wait.
        const [first] = model.queue
        if (first !== undefined) told.add(first.name)
      }

      for (const name of await notified()) told.add(name)
      const [first] = model.queue
      if (first !== undefined && model.fits(first)) expect([...told]).toContain(first.name)
      else told = new Set()
    }

    for (const party of [...model.holders, ...model.queue]) await requestsOf(party).release(id, party.name)
    for (const party of parties) if (party) expect(await requestsOf(party).renew(id, party.name)).toBe(false)
    // Nothing is left for longer than a lease and the memory, and less if all have released.
    const longest = list.some(({ do: what }) => what === 'die') ? LEASE + memory : memory
    for (const name of [id, ...['queue', 'expiry', 'holders', 'since'].map(part => `${id}:${part}`)]) {
      const left = await admin.pttl(name) // -2: it is gone
      expect(left === -2 || left >= 0).toBe(true)
      expect(left).toBeLessThanOrEqual(longest)
    }
  }

  test.each([
    ['of a key that is shared or not', Infinity],
    ['of a key with two permits', 2],
    ['of a key with three permits', 3]
  ])(
    'grant what their model grants: %s',
    async (_, limit) => {
      const property = fc.asyncProperty(modes, steps, (sharing, list) =>
        run(limit, limit === Infinity ? sharing : sharing.map(() => true), list)
      )
      await fc.assert(property, { numRuns: 150, seed: 17, endOnFailure: true })
    },
    60_000
  )

  test('know who holds a key together though its string was evicted, when they are asked in full', async () => {
    const id = 'latchkey:{model:evicted}'
    const durations = { lease: LEASE, memory: 1 }
    const [alone, group] = [new ExclusiveRequests(commands, durations), new GroupRequests(commands, durations, 0)]
    const read = (answer: Answer) => answer
    await group.try(id, 'a:1', read)
    await admin.del(id)
    expect(await alone.ask(id, 'b:1', 0, read)).toEqual({ left: expect.any(Number) })
    expect(await group.ask(id, 'c:1', 0, read)).toEqual({ token: expect.any(BigInt) })
    expect(await group.release(id, 'a:1')).toBe(true)
    expect(await group.release(id, 'c:1')).toBe(true)
    expect(await alone.ask(id, 'b:1', 0, read)).toEqual({ token: expect.any(BigInt) })
    await alone.release(id, 'b:1')

    // One whose group ended while it was not seen does not renew what is not there.
    await group.try(id, 'd:1', read)
    await admin.setrange(id, 16, '0')
    expect(await group.renew(id, 'd:1')).toBe(false)
    await admin.del(id, `${id}:holders`, `${id}:since`)
  })

  test('know with which capacity a key is waited for that no caller holds', async () => {
    const id = 'latchkey:{model:waited}'
    const durations = { lease: LEASE, memory: 6000 }
    const alone = new ExclusiveRequests(commands, durations)
    const [two, three] = [new GroupRequests(commands, durations, 2), new GroupRequests(commands, durations, 3)]
    const read = (answer: Answer) => answer
    for (const holder of ['a:1', 'b:1']) await two.try(id, holder, read)
    await two.ask(id, 'c:1', 3000, read)
    for (const holder of ['a:1', 'b:1']) await two.release(id, holder)
    expect(await three.ask(id, 'd:1', 0, read)).toEqual({ limit: 2 })
    expect(await alone.ask(id, 'd:1', 0, read)).toEqual({ limit: 2 })
    expect(await two.ask(id, 'c:1', 0, read)).toEqual({ token: expect.any(BigInt) })
    await two.release(id, 'c:1')

    await alone.try(id, 'a:2', read)
    await alone.ask(id, 'b:2', 3000, read)
    await alone.release(id, 'a:2')
    expect(await two.ask(id, 'd:2', 0, read)).toEqual({ limit: 0 })
    await alone.release(id, 'b:2')
    expect(await two.ask(id, 'd:2', 0, read)).toEqual({ token: expect.any(BigInt) })
    await two.release(id, 'd:2')
  })
})
