// The benchmark's statistics, with a clock that moves only when a contender works.

import { expect, test } from 'vitest'
import {
  type Contender,
  compare,
  conduct,
  type Effort,
  judge,
  median,
  quantile,
  summarise,
  timeRow,
  timeRows
} from '../../bench/harness.js'

/** Contenders that cost what they are told to, on a clock that they alone move. */
function stage() {
  let clock = 0
  const calls: string[] = []
  return {
    calls,
    now: () => clock,
    /** @param cost in nanoseconds per operation, at a size */
    contender(name: string, role: Contender['role'], cost: (size: number) => number): Contender {
      return {
        name,
        role,
        run: size => {
          calls.push(name)
          clock += (cost(size) * size) / 1e6
        }
      }
    }
  }
}

const effort: Effort = { rounds: 5, budget: 1000, patience: 3000, warmUp: 1000 }
const row = { id: 'row', name: 'a row', size: 1000 }

test('a median is the middle value, or between the two middle ones, and leaves out the rounds that were sat out', () => {
  expect(median([5, 1, 3])).toBe(3)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([Number.NaN, 7, Number.NaN, 9])).toBe(8)
  expect(median([])).toBeNaN()
})

test('a summary says where the middle half of the values lies, and how many they are', () => {
  expect(quantile([10, 20, 30, 40, 50], 0.25)).toBe(20)
  expect(summarise([50, 10, Number.NaN, 40, 20, 30])).toEqual({ median: 30, low: 20, high: 40, rounds: 5 })
})

test('a ratio compares the two times of one round, so a machine that slows down for a round does not change it', () => {
  const floor = [10, 10, 90, 10]
  const own = [20, 20, 180, 20]
  expect(compare(own, floor)).toEqual({ median: 2, low: 2, high: 2, rounds: 4 })
  expect(compare([20, Number.NaN, 30, 20], floor).rounds).toBe(3)
})

test('what a contender costs is what is reported, whoever is slow', async () => {
  const { contender, now } = stage()
  const parties = [
    contender('floor', 'floor', () => 100),
    contender('latchkey', 'latchkey', () => 120),
    contender('quick', 'peer', () => 60),
    contender('slow', 'peer', () => 1200)
  ]
  const barred = { ...row, bar: 1.3, aim: 1.1 }
  const result = judge('Group', barred, parties, await timeRow(barred, parties, { ...effort, now }))

  expect(result.measured.median).toBeCloseTo(1.2)
  expect(result.own.median).toBeCloseTo(120)
  expect(result.floor?.median).toBeCloseTo(100)
  expect(result.peers.map(({ name, factor }) => [name, factor?.median.toFixed(1)])).toEqual([
    ['quick', '0.5'],
    ['slow', '10.0']
  ])
  expect([result.verdict, result.place]).toEqual(['bar', 'behind'])
})

test('a bar is judged by the ratio where there is a floor, else by the time', () => {
  const own = { name: 'latchkey', role: 'latchkey', run: () => {} } as const
  const timing = { samples: new Map([['latchkey', [9, 9, 12]]]), skipped: new Map() }
  const verdict = (bar: number, aim: number) => judge('Group', { ...row, bar, aim }, [own], timing).verdict
  expect([verdict(10, 9), verdict(10, 4), verdict(8, 4)]).toEqual(['aim', 'bar', 'missed'])
  expect(judge('Group', row, [own], timing)).not.toHaveProperty('verdict')
})

test('latchkey is first, level or behind by what the rounds say', () => {
  const place = (factors: number[]) => {
    const parties = [
      { name: 'latchkey', role: 'latchkey', run: () => {} },
      { name: 'peer', role: 'peer', run: () => {} }
    ] as const
    const samples = new Map([
      ['latchkey', factors.map(() => 1)],
      ['peer', factors]
    ])
    return judge('Group', row, [...parties], { samples, skipped: new Map() }).place
  }
  expect(place([1.4, 1.2, 1.3])).toBe('first')
  expect(place([0.9, 1.2, 1.05, 0.95])).toBe('level')
  expect(place([0.9, 0.8, 0.95])).toBe('behind')
  // Less than what two copies of one lock differ by.
  expect([place([1.02, 1.03, 1.04]), place([0.96, 0.97, 0.98])]).toEqual(['level', 'level'])
})

test('everyone runs once in each round, in changing order, and the floor next to latchkey', async () => {
  const { calls, contender, now } = stage()
  const names = ['floor', 'latchkey', 'one', 'two', 'three']
  const roles = ['floor', 'latchkey', 'peer', 'peer', 'peer'] as const
  const parties = names.map((name, i) => contender(name, roles[i]!, () => 100))
  const rounds = 40
  await timeRow(row, parties, { ...effort, rounds, now })

  const orders: string[][] = []
  // The warm-up runs everyone more often.
  const timed = calls.slice(-rounds * names.length)
  for (let i = 0; i < timed.length; i += names.length) orders.push(timed.slice(i, i + names.length))
  for (const order of orders) {
    expect([...order].sort()).toEqual([...names].sort())
    expect(Math.abs(order.indexOf('floor') - order.indexOf('latchkey'))).toBe(1)
  }
  for (const name of names) expect(new Set(orders.map(order => order.indexOf(name))).size).toBe(names.length)
})

test('everyone is warmed up with three rounds of that many operations before the first sample', async () => {
  const { calls, contender, now } = stage()
  const parties = [contender('latchkey', 'latchkey', () => 100), contender('peer', 'peer', () => 100)]
  const { samples } = await timeRow({ ...row, size: 500 }, parties, { ...effort, rounds: 1, warmUp: 2000, now })
  expect(calls.filter(name => name === 'latchkey')).toHaveLength(3 * (2000 / 500) + 1)
  expect(samples.get('latchkey')).toHaveLength(1)
})

test('the rounds end when floor and latchkey have had their time, but not before the least number of them', async () => {
  const { contender, now } = stage()
  const parties = [contender('floor', 'floor', () => 1e6), contender('latchkey', 'latchkey', () => 2e6)]
  const rounds = async (time: number) => {
    const { samples } = await timeRow(row, parties, { ...effort, rounds: 50, leastRounds: 2, time, now })
    return samples.get('latchkey')?.length
  }
  // A round takes one second and two.
  expect(await rounds(3000)).toBe(3)
  expect(await rounds(500)).toBe(2)
  expect(await rounds(50)).toBe(1)
})

test('a slow peer sits out once it had three rounds and spent its budget; the others go on', async () => {
  const { contender, now } = stage()
  const parties = [contender('latchkey', 'latchkey', () => 100), contender('slow', 'peer', () => 500_000)]
  const { samples } = await timeRow(row, parties, { ...effort, rounds: 6, budget: 600, now })
  expect(samples.get('latchkey')).toHaveLength(6)
  expect(samples.get('slow')?.map(Math.round)).toEqual([5e5, 5e5, 5e5, Number.NaN, Number.NaN, Number.NaN])
  expect(summarise(samples.get('slow')!).rounds).toBe(3)
})

const queues = [1e3, 1e4, 1e5, 1e6].map(size => ({ id: `queue-${size}`, name: `queue ${size}`, size }))
const linear = (size: number) => 1000 + 100 * Math.log10(size)
const quadratic = (size: number) => 1000 + size / 5

test('a queue that is found to be quadratic is skipped before it takes too long, a linear one is not', async () => {
  const { contender, now } = stage()
  const parties = [
    contender('latchkey', 'latchkey', () => 500),
    contender('linear', 'peer', linear),
    contender('quadratic', 'peer', quadratic)
  ]
  const timings = await timeRows(
    queues,
    parties,
    queues.map(() => ({ ...effort, now }))
  )
  expect(timings.map(({ skipped }) => [...skipped.keys()])).toEqual([[], [], [], ['quadratic']])
  expect(timings[3]?.skipped.get('quadratic')).toMatchObject({ size: 1e5, quadratic: true })
  expect(timings[3]?.skipped.get('quadratic')?.ns).toBeCloseTo(quadratic(1e5))
  // It would have been two hundred seconds.
  expect(timings[3]?.skipped.get('quadratic')?.seconds).toBeGreaterThan(100)
  expect(timings[3]?.samples.has('linear')).toBe(true)
})

test('a queue that turns quadratic between two sizes is tried on the way, not taken at its word', async () => {
  const { contender, now } = stage()
  const moved = (size: number) => (size > 16_000 ? 1.5 * size : 300)
  const parties = [contender('latchkey', 'latchkey', () => 500), contender('moved', 'peer', moved)]
  const before = now()
  const timings = await timeRows(
    queues.slice(0, 3),
    parties,
    queues.map(() => ({ ...effort, now }))
  )
  expect(timings.map(({ skipped }) => [...skipped.keys()])).toEqual([[], [], ['moved']])
  expect(timings[2]?.skipped.get('moved')).toMatchObject({
    size: 20_000,
    ns: expect.closeTo(30_000),
    quadratic: true
  })
  // One sample at 10^5 would have taken fifteen seconds.
  expect(now() - before).toBeLessThan(2000)
})

test('one bad moment does not get a peer skipped', async () => {
  const { contender, now } = stage()
  let tries = 0
  const unlucky = (size: number) => (size === 20_000 && tries++ === 0 ? 7000 : 1000)
  const parties = [contender('latchkey', 'latchkey', () => 500), contender('unlucky', 'peer', unlucky)]
  const timings = await timeRows(
    queues.slice(0, 3),
    parties,
    queues.map(() => ({ ...effort, now }))
  )
  expect(timings[2]?.skipped.size).toBe(0)
})

test('a single row of a large size finds out by itself who must not run it', async () => {
  const { calls, contender, now } = stage()
  const parties = [contender('latchkey', 'latchkey', () => 500), contender('quadratic', 'peer', quadratic)]
  const only = async (id: string) => conduct(experiment, { ...effort, now }, row => row.id === id)
  const experiment = { group: 'Group', rows: queues, contenders: () => parties }
  const [result] = await only('queue-1000000')
  expect(result?.id).toBe('queue-1000000')
  expect(result).not.toHaveProperty('place')
  expect(result?.peers).toMatchObject([{ name: 'quadratic', skip: { quadratic: true } }])
  expect(calls).toContain('quadratic')
  expect(now()).toBeLessThan(60_000)
})

test('beyond a given size peers stay out', async () => {
  const { calls, contender, now } = stage()
  const parties = [contender('latchkey', 'latchkey', () => 500), contender('peer', 'peer', () => 500)]
  const experiment = { group: 'Group', rows: queues.slice(0, 3), contenders: () => parties }
  const results = await conduct(experiment, { ...effort, peersUpTo: 1e3, now }, ({ size }) => size !== 1e4)
  expect(results.map(({ peers }) => peers.length)).toEqual([1, 0])
  calls.length = 0
  await conduct(experiment, { ...effort, peersUpTo: 0, now }, () => true)
  expect(calls).not.toContain('peer')
})

test('a linear queue that suffers from a full heap is not called quadratic', async () => {
  const { contender, now } = stage()
  const parties = [
    contender('latchkey', 'latchkey', () => 500),
    contender('suffering', 'peer', size => (size > 20_000 ? 5000 : 600))
  ]
  const efforts = queues.map(() => ({ ...effort, patience: 1500, now }))
  const timings = await timeRows(queues, parties, efforts)
  expect(timings.map(({ skipped }) => [...skipped.values()])).toMatchObject([[], [], [], [{ quadratic: false }]])
})
