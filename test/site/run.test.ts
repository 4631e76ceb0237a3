// The runs of the lock theatre: the stories end as they say, and what the stage shows is what the lock is.

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { actOf, type Moment, play } from '../../site/theatre/run.js'
import { type LockName, readSchedule, type Schedule } from '../../site/theatre/schedule.js'
import { PAIRS, PRESETS } from '../../site/theatre/stories.js'
import { BuggyMutex, type Release, RepairedMutex } from '../fixtures/buggy-mutex.js'
import { flush } from '../fixtures/settle.js'
import { anySchedule } from './any-schedule.js'

const at = (address: string): Schedule => {
  const found = readSchedule(address)
  if (!found) throw new Error(`no schedule: ${address}`)
  return found.schedule
}
const endOf = async (address: string): Promise<Moment> => (await play(at(address))).at(-1) as Moment
const phases = ({ clients }: Moment) => Object.fromEntries(clients.map(({ name, phase }) => [name, phase]))

describe('every story ends as it says', () => {
  test.each(PRESETS.map(preset => [preset.id, preset] as const))('%s', async (_, { schedule, end }) => {
    const moments = await play(schedule)
    expect(moments).toHaveLength(schedule.steps.length + 1)
    expect(schedule.steps.length).toBeGreaterThan(0)
    expect(moments.at(-1)?.verdict).toBe(end)
    expect(moments[0]?.verdict).toBe('fine')
    // No client in a story does what cannot be done.
    for (const [i, { step }] of moments.slice(1).entries()) {
      const { verb, client } = step as NonNullable<typeof step>
      expect(moments[i]?.can.get(client)?.has(actOf(verb))).toBe(true)
    }
  })

  test.each(PAIRS.map(pair => [pair.id, pair] as const))('%s, side by side', async (_, { schedule, end }) => {
    const { beside } = schedule
    expect(beside).toBeDefined()
    const [faulty, sound] = await Promise.all([play(schedule), play({ ...schedule, lock: beside as LockName })])
    expect(faulty.map(({ step }) => step)).toEqual(sound.map(({ step }) => step))
    expect(faulty.at(-1)?.verdict).toBe(end)
    expect(end).not.toBe('fine')
    expect(sound.map(({ verdict }) => verdict)).toEqual(sound.map(() => 'fine'))
  })

  test('and the stories with latchkey end with a free lock, but for the one in which keys are taken one by one', async () => {
    const own = PRESETS.filter(
      ({ schedule, id }) => ['mutex', 'keyed', 'semaphore', 'rw'].includes(schedule.lock) && id !== 'one-by-one'
    )
    expect(own.length).toBeGreaterThan(4)
    for (const { schedule } of own) {
      const { lines } = (await play(schedule)).at(-1) as Moment
      expect(lines.map(({ holders, queue, kept }) => [holders, queue, kept])).toEqual(lines.map(() => [[], [], false]))
    }
  })
})

describe('what is told', () => {
  test('the buggy mutex turns its queue round and serves no client', async () => {
    const end = await endOf('lock=buggy&clients=3&steps=A.acquire,B.acquire,C.acquire,A.release')
    expect(end.lines[0]).toMatchObject({ holders: [], kept: true, queue: [{ client: 'C' }, { client: 'B' }] })
    expect(end.told.join(' ')).toContain('finds the lock still taken and queues again')
    expect(end.because).toBe('B and C wait forever: no client holds the lock, so no client will ever hand it on.')
    expect(end.handovers).toEqual([])
  })

  test('a mutex hands over before release() returns, a promise chain later', async () => {
    const steps = 'clients=2&steps=A.acquire,B.acquire,A.release'
    const handover = { from: 'A', to: 'B' }
    expect((await endOf(`lock=mutex&${steps}`)).handovers).toEqual([{ ...handover, atOnce: true }])
    expect((await endOf(`lock=chain&${steps}`)).handovers).toEqual([{ ...handover, atOnce: false }])
  })

  test('a waiter that gives up leaves latchkey, and stays in a lock by hand', async () => {
    const steps = 'clients=3&steps=A.acquire,B.acquire,C.acquire,B.abort'
    const own = await endOf(`lock=mutex&${steps}`)
    expect(own.lines[0]?.queue).toEqual([{ client: 'C', what: '', ghost: false }])
    expect(phases(own)).toEqual({ A: 'holds', B: 'left', C: 'waits' })
    const byHand = await endOf(`lock=repaired&${steps}`)
    expect(byHand.lines[0]?.queue).toMatchObject([{ client: 'B', ghost: true }, { client: 'C' }])
    expect(phases(byHand)).toEqual({ A: 'holds', B: 'ghost-waits', C: 'waits' })
  })

  test('time runs out when the schedule says so, with the error of the package', async () => {
    const end = await endOf('lock=semaphore&size=1&clients=2&steps=A.acquire:1,B.acquire:1,B.timeout')
    expect(end.told).toEqual(['B has waited long enough and leaves the line at once. Nothing of it stays behind.'])
  })

  test('whoever asks for what it holds waits for itself', async () => {
    const end = await endOf('lock=mutex&clients=2&steps=A.acquire,A.acquire')
    expect([end.verdict, end.because]).toEqual(['stuck', 'A waits for itself. Only giving up can end that.'])
  })

  test('giving up ends a deadlock, and does not repair a lock with a fault', async () => {
    const deadlock = 'lock=keyed&clients=2&steps=A.acquire:a,B.acquire:b,A.acquire:b,B.acquire:a'
    expect((await endOf(deadlock)).because).toBe('A and B wait for each other. Only giving up can end that.')
    expect((await endOf(`${deadlock},A.abort`)).verdict).toBe('fine')
    const buggy = 'lock=buggy&clients=3&steps=A.acquire,B.acquire,C.acquire,A.release,B.abort'
    expect((await endOf(buggy)).verdict).toBe('stuck')
  })

  test('a lock that belongs to a client that has left is lost', async () => {
    const end = await endOf('lock=repaired&clients=2&steps=A.acquire,B.acquire,B.abort,A.release')
    expect(end.verdict).toBe('lost')
    expect(phases(end)).toMatchObject({ B: 'ghost-holds' })
  })

  test('a key is kept for who waits for another as well', async () => {
    const end = await endOf('lock=keyed&clients=3&steps=A.acquire:a,B.acquire:a+b,C.acquire:b')
    expect(end.lines[1]).toMatchObject({ key: 'b', holders: [], kept: true, queue: [{ client: 'B' }, { client: 'C' }] })
    expect(end.verdict).toBe('fine')
  })

  test('what cannot be done is said, and changes nothing', async () => {
    const moments = await play(
      at('lock=mutex&clients=2&steps=A.release,A.again,A.work,A.abort,A.timeout,A.acquire,B.acquire,B.acquire')
    )
    for (const i of [1, 2, 3, 4, 5, 8]) {
      expect(moments[i]?.told).toHaveLength(1)
      expect(moments[i]?.clients).toEqual(moments[i - 1]?.clients)
    }
  })
})

describe('any schedule', () => {
  const own: readonly LockName[] = ['mutex', 'keyed', 'semaphore', 'rw']

  test('latchkey never lets in too many, loses a lock or lets anybody overtake (G1 to G5)', async () => {
    await fc.assert(
      fc.asyncProperty(anySchedule(own), async schedule => {
        for (const { verdict, handovers } of await play(schedule)) {
          expect(['fine', 'stuck']).toContain(verdict)
          expect(handovers.every(({ atOnce }) => atOnce)).toBe(true)
        }
      }),
      { seed: 7, numRuns: 200 }
    )
  })

  test('that takes one thing at a time never gets stuck with latchkey (G3)', async () => {
    await fc.assert(
      fc.asyncProperty(anySchedule(own), async schedule => {
        const holding = new Set<string>()
        const steps = schedule.steps.filter(({ client, verb }) => {
          const asks = verb === 'acquire' || verb === 'read' || verb === 'write'
          if (asks && holding.has(client)) return false
          if (asks) holding.add(client)
          if (verb === 'release' || verb === 'abort' || verb === 'timeout') holding.delete(client)
          return true
        })
        // A client that was told to release while it waited waits on, and may be told to ask once more: not what is meant here.
        const moments = await play({ ...schedule, steps })
        const twice = moments.some(({ clients }) => clients.some(({ phase }) => phase === 'holds-and-waits'))
        if (!twice) expect(moments.map(({ verdict }) => verdict)).not.toContain('stuck')
      }),
      { seed: 8, numRuns: 200 }
    )
  })

  test('is the same whenever it is played', async () => {
    await fc.assert(
      fc.asyncProperty(anySchedule(), async schedule => {
        expect(await play(schedule)).toEqual(await play(schedule))
      }),
      { seed: 9, numRuns: 100 }
    )
  })

  test('shows the line that the lock has', async () => {
    await fc.assert(
      fc.asyncProperty(anySchedule(), async schedule => {
        for (const { waiting, inLine } of await play(schedule)) if (waiting !== undefined) expect(inLine).toBe(waiting)
      }),
      { seed: 10, numRuns: 200 }
    )
  })
})

describe('the locks by hand are those of the tests', () => {
  /** Who was served, in order, by a lock that is used as the schedule says. */
  async function served(lock: { acquire(): Promise<Release> }, schedule: Schedule): Promise<string[]> {
    const served: string[] = []
    const releases = new Map<string, Release>()
    for (const { client, verb } of schedule.steps) {
      if (verb === 'acquire') {
        lock.acquire().then(release => {
          served.push(client)
          releases.set(client, release)
        })
      } else if (verb === 'release' || verb === 'again') releases.get(client)?.()
      await flush()
    }
    return served
  }

  test.each([
    ['buggy', () => new BuggyMutex()],
    ['repaired', () => new RepairedMutex()]
  ] as const)('%s', async (lock, make) => {
    await fc.assert(
      fc.asyncProperty(anySchedule([lock]), async schedule => {
        // What the fixture can be told as well: each client comes once and stays to the end.
        const asked = new Set<string>()
        const kept = schedule.steps.filter(({ client, verb }) => {
          if (verb !== 'acquire') return verb === 'release' || verb === 'again'
          return !asked.has(client) && asked.add(client)
        })
        const moments = await play({ ...schedule, steps: kept })
        const steps = kept.filter(({ client, verb }, i) => moments[i]?.can.get(client)?.has(actOf(verb)))
        const holds = moments.flatMap(({ told }) => told.flatMap(text => /^(\w) (?:has it|owns)/.exec(text)?.[1] ?? []))
        expect(await served(make(), { ...schedule, steps })).toEqual(holds)
      }),
      { seed: 11, numRuns: 300 }
    )
  })
})
