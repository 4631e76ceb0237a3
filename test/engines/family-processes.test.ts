// Six processes, in the suite four, that share keys, count them, take several and lead, while they are killed, stopped and continued. What they
// tell of when they held is held against what each mode and each capacity allows.
//
// Here for some seconds; `npm run chaos:distributed` does the same for longer, and there the servers restart and replies are lost
// too; and `npm run chaos:local -- --only modes`.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { build } from 'esbuild'
import type { DistributedLock } from 'latchkey/distributed'
import { LocalLock } from 'latchkey/local'
import { PostgresLock, type PostgresLockOptions } from 'latchkey/postgres'
import { RedisLock, type RedisLockOptions } from 'latchkey/redis'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { entryPoints, fromRoot } from '../../scripts/project.js'
import { LossyProxy } from '../fixtures/lossy-proxy.js'
import { usePostgres } from '../fixtures/postgres.js'
import { describeRedis, useRedis } from '../fixtures/redis.js'
import type { FamilySettings } from './family-worker.js'
import { randomFrom } from './local/chaos.js'

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 2)
const SEED = Number(process.env.CHAOS_SEED ?? 1)
const LEASE = process.env.CHAOS_SECONDS === undefined ? 1000 : 1500
const CAPACITY = 3
/** What happens beside processes that are killed and stopped. */
const FAULTS = (process.env.CHAOS_FAULTS ?? '').split(',')
const HAS_FAULTS = FAULTS.includes('restarts') || FAULTS.includes('replies')
/** Fewer in the suite, which has to be quick. */
const PROCESSES = process.env.CHAOS_SECONDS === undefined ? 4 : 6
/** For so long more a run goes on that has too little to tell. */
const LONGEST_MS = 40_000

let folder = ''
let program = ''
beforeAll(async () => {
  // Inside the project: the program finds the installed packages from here.
  mkdirSync(fromRoot('node_modules/.cache'), { recursive: true })
  folder = mkdtempSync(fromRoot('node_modules/.cache/latchkey-family-'))
  program = join(folder, 'program.mjs')
  const sources = entryPoints.map(({ name, source }) => ({ filter: new RegExp(`^${name}$`), source }))
  await build({
    entryPoints: [fromRoot('test/engines/family-worker.ts')],
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    plugins: [
      {
        name: 'sources',
        setup({ onResolve }) {
          for (const { filter, source } of sources) onResolve({ filter }, () => ({ path: source }))
        }
      }
    ]
  })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A time of holding, in µs of a clock that all processes share. */
interface Interval {
  readonly kind: 'shared' | 'exclusive' | 'permit'
  readonly keys: readonly string[]
  readonly from: number
  to: number
  readonly waited: number
  readonly token?: string
}

/** What overlaps and must not, and tokens that do not grow; unless it began when that is excused. */
function violationsOf(
  intervals: readonly Interval[],
  capacity: number,
  isExcused: (at: number) => boolean = () => false
): string[] {
  const found: string[] = []
  const byKey = new Map<string, Interval[]>()
  for (const interval of intervals)
    for (const key of interval.keys) byKey.set(key, [...(byKey.get(key) ?? []), interval])
  for (const [key, all] of byKey) {
    let inside: Interval[] = []
    let last = 0n
    for (const interval of all.sort((a, b) => a.from - b.from)) {
      const { kind, from, token } = interval
      inside = inside.filter(({ to }) => to > from)
      const isAlone = kind === 'exclusive' || inside.some(other => other.kind === 'exclusive')
      if (isAlone && inside.length > 0 && !isExcused(from))
        found.push(`${key}: ${kind} at ${from}, while ${inside[0]?.kind} holds it`)
      if (kind === 'permit' && inside.length >= capacity && !isExcused(from))
        found.push(`${key}: ${inside.length + 1} hold it at ${from}`)
      if (kind === 'exclusive' && token !== undefined && token !== 'undefined') {
        if (BigInt(token) < last && !isExcused(from)) found.push(`${key}: token ${token} after ${last}`)
        last = BigInt(token)
      }
      inside.push(interval)
    }
  }
  return found
}

const ofKind = (intervals: readonly Interval[], kind: string) => intervals.filter(interval => interval.kind === kind)
const KINDS = ['shared', 'exclusive', 'permit']
const isTelling = (intervals: readonly Interval[]) =>
  KINDS.every(kind => ofKind(intervals, kind).length > 30) &&
  ['rw', 'm1', 'leader'].every(
    key => ofKind(intervals, 'exclusive').filter(({ keys }) => keys.includes(key)).length > 5
  )

interface Outcome {
  readonly intervals: Interval[]
  readonly refused: string[]
  readonly failures: string[]
  readonly kills: number
  readonly stops: number
  /** What was done to the server and to the network, in words. */
  readonly faults: string
  /** Whether two may have held at this moment, for the server forgot one of them. */
  readonly isExcused: (at: number) => boolean
}

/** The same for all processes of one machine, in µs. */
const clock = () => Number(process.hrtime.bigint() / 1000n)
const sleep = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

interface Engine {
  /** Takes all there is to take, within so many ms, and gives it back. */
  takeAll(ms: number): Promise<void>
  /** Restarts the server. */
  restart?(): Promise<void>
  /** Whether it forgets then who held what: the old holder is told at the latest when its lease would have ended. */
  readonly forgets?: boolean
}

/** `takeAll` of two locks. */
async function takeFrom(locks: DistributedLock, permits: DistributedLock, timeout: number): Promise<void> {
  const lease = await locks.acquireMany(['rw', 'm1', 'm2', 'm3', 'leader'], { timeout })
  await lease.release()
  const all = await Promise.all(Array.from({ length: CAPACITY }, () => permits.acquire('permits', { timeout })))
  await Promise.all([...all.map(permit => permit.release()), locks.close(), permits.close()])
}

async function attack(engine: Engine, own: Omit<FamilySettings, 'seed'>): Promise<Outcome> {
  let settings = own
  let proxy: LossyProxy | undefined
  if (FAULTS.includes('replies') && own.server !== undefined) {
    const chances = randomFrom(SEED + 1)
    const onAnswer = () => {
      const chance = chances()
      return chance < 0.004 ? 'cut' : chance < 0.006 ? chances() * LEASE : 0
    }
    proxy = new LossyProxy({ port: own.server.port, onAnswer, linger: LEASE })
    await proxy.listen()
    settings = { ...own, server: { ...own.server, port: proxy.port } }
  }
  const restarts: { from: number; to: number }[] = []
  const random = randomFrom(SEED)
  // Long enough for something to happen between two attacks.
  const pause = process.env.CHAOS_SECONDS === undefined ? 150 : HAS_FAULTS ? 1000 : 300
  const open = new Map<string, Interval>()
  const intervals: Interval[] = []
  const refused: string[] = []
  const failures: string[] = []
  const running = new Set<ChildProcess>()
  /** Those that have held something: to kill others shows nothing. */
  const atWork = new Set<ChildProcess>()
  const idle = new Set<ChildProcess>()
  let seeds = SEED * 1000
  let isOver = false
  let kills = 0
  let stops = 0

  const start = async (): Promise<void> => {
    const own = JSON.stringify({ ...settings, seed: ++seeds })
    const child = spawn(process.execPath, [program, own], { stdio: ['pipe', 'pipe', 'pipe'] })
    running.add(child)
    child.stdin.on('error', () => {})
    let errors = ''
    child.stderr.on('data', text => {
      errors += text
    })
    createInterface({ input: child.stdout }).on('line', line => {
      const { event, id, to, message, ...interval } = JSON.parse(line)
      if (event === 'began') {
        atWork.add(child)
        open.set(id, { ...interval, to: interval.from })
        intervals.push(open.get(id) as Interval)
      } else if (event === 'ended') {
        const ended = open.get(id)
        if (ended !== undefined) ended.to = to
        open.delete(id)
      } else if (event === 'idle') idle.add(child)
      else if (event === 'refused') refused.push(message)
      else if (event === 'failed') failures.push(message)
    })
    const [code, signal] = await once(child, 'close')
    running.delete(child)
    atWork.delete(child)
    if (signal === null && code !== 0) failures.push(`a process ended with ${code}: ${errors}`)
    // One that was killed is followed by another.
    if (signal !== null && !isOver) await start()
  }

  const all = Promise.all(Array.from({ length: PROCESSES }, start))
  const began = performance.now()
  /** On a busy machine it takes longer until there is something to be judged. */
  const isEnough = () => {
    const ms = performance.now() - began
    return ms > SECONDS * 1000 && ((kills > 1 && stops > 1 && isTelling(intervals)) || ms > SECONDS * 1000 + LONGEST_MS)
  }
  const isHarmed = async () => {
    const chance = randomFrom(SEED + 2)
    while (!isOver && HAS_FAULTS) {
      await sleep(2000 + chance() * 3000)
      if (isOver) return
      if (FAULTS.includes('restarts') && engine.restart !== undefined) {
        const from = clock()
        await engine.restart()
        restarts.push({ from, to: clock() })
      }
      // Now and then for longer than a lease.
      if (chance() < 0.4) await proxy?.silence(chance() < 0.25 ? LEASE * 1.3 : chance() * 600)
    }
  }
  const harmed = isHarmed()
  const resumed: Promise<void>[] = []
  while (!isEnough() && failures.length === 0) {
    await new Promise(resolve => setTimeout(resolve, pause * (0.5 + random())))
    const child = [...atWork][Math.floor(random() * atWork.size)]
    if (child === undefined) continue
    if (random() < 0.25) {
      if (child.kill('SIGKILL')) kills++
    } else if (child.kill('SIGSTOP')) {
      stops++
      // Now and then for longer than a lease.
      const ms = random() < 0.15 ? LEASE * 1.5 : random() * 200
      resumed.push(
        new Promise(resolve => setTimeout(resolve, ms)).then(() => {
          child.kill('SIGCONT')
        })
      )
    }
  }
  isOver = true
  await Promise.all([harmed, ...resumed])
  if (proxy !== undefined) proxy.harms = false
  for (const child of running) child.stdin?.write('idle\n')
  for (const patient = performance.now(); [...running].some(child => !idle.has(child)); await sleep(20)) {
    if (failures.length > 0) break
    if (performance.now() - patient > 20_000) failures.push('waiters do not get on')
  }
  // They still run. What was killed is free after its lease, and nothing else is taken.
  await engine.takeAll(LEASE + 1000).catch(error => failures.push(`something is taken for nothing: ${error.stack}`))
  for (const child of running) child.stdin?.end()
  const patience = setTimeout(() => {
    failures.push(`${running.size} processes do not end`)
    for (const child of running) child.kill('SIGKILL')
  }, 30_000)
  await all
  clearTimeout(patience)
  await proxy?.close()
  const isExcused = (at: number) =>
    engine.forgets === true && restarts.some(({ from, to }) => at >= from && at <= to + LEASE * 1000)
  const lost = proxy && `${proxy.cuts} replies lost, ${proxy.delays} late, ${proxy.silences} silences`
  const faults = [...(restarts.length > 0 ? [`${restarts.length} restarts`] : []), ...(lost ? [lost] : [])].join(', ')
  return { intervals, refused, failures, kills, stops, faults, isExcused }
}

function expectSound(name: string, outcome: Outcome): void {
  const { intervals, refused, failures, kills, stops, faults, isExcused } = outcome
  const count = (kind: string) => ofKind(intervals, kind).length
  const waits = intervals
    .filter(({ kind, keys }) => kind === 'exclusive' && keys[0] === 'rw')
    .map(({ waited }) => waited)
  const longest = Math.round(Math.max(0, ...waits) / 1000)
  const middle = Math.round((waits.sort((a, b) => a - b)[waits.length >> 1] ?? 0) / 1000)
  if (process.env.CHAOS_SECONDS)
    console.log(
      `${name}: ${count('shared')} shared, ${count('exclusive')} alone, ${count('permit')} permits; ${kills} killed, ${stops} stopped${faults && `, ${faults}`}; a writer waited ${middle} ms (median), ${longest} ms at most; refused ${refused.length}: ${[...new Set(refused)].slice(0, 3)}`
    )
  expect(failures).toEqual([])
  expect(violationsOf(intervals, CAPACITY, isExcused).slice(0, 5)).toEqual([])
  expect(isTelling(intervals)).toBe(true)
  expect(kills).toBeGreaterThan(0)
  expect(stops).toBeGreaterThan(0)
}

describe('the checker of intervals', () => {
  const at = (kind: Interval['kind'], from: number, to: number, token?: string): Interval => ({
    kind,
    keys: ['k'],
    from,
    to,
    waited: 0,
    ...(token !== undefined && { token })
  })
  test.each([
    ['sharing', [at('shared', 0, 9), at('shared', 1, 5), at('exclusive', 9, 12)], 0],
    ['one that is alone beside one that shares', [at('shared', 0, 9), at('exclusive', 8, 12)], 1],
    ['one that shares beside one that is alone', [at('exclusive', 0, 9), at('shared', 8, 12)], 1],
    ['two that are alone', [at('exclusive', 0, 9), at('exclusive', 8, 12)], 1],
    ['as many as there may be', [at('permit', 0, 9), at('permit', 1, 9), at('permit', 2, 9)], 0],
    ['one too many', [at('permit', 0, 9), at('permit', 1, 9), at('permit', 2, 9), at('permit', 3, 4)], 1],
    ['a token that shrinks', [at('exclusive', 0, 1, '7'), at('exclusive', 2, 3, '6')], 1]
  ])('%s', (_, intervals, count) => {
    expect(violationsOf(intervals, 3)).toHaveLength(count)
  })
})

const timeout = (SECONDS + 60) * 1000 + LONGEST_MS

describe.runIf(process.platform === 'linux')('LocalLock', () => {
  test(
    'keeps every mode while processes are killed and stopped',
    async () => {
      const directory = mkdtempSync(join(tmpdir(), 'latchkey-family-'))
      try {
        const engine = {
          takeAll: (ms: number) => {
            const locks = new LocalLock({ directory: join(directory, 'family') })
            const permits = new LocalLock({ directory: join(directory, 'permits'), capacity: CAPACITY })
            return takeFrom(locks, permits, ms)
          }
        }
        expectSound('LocalLock', await attack(engine, { engine: 'local', directory, lease: LEASE, capacity: CAPACITY }))
      } finally {
        rmSync(directory, { recursive: true, force: true })
      }
    },
    timeout
  )
})

describe('PostgresLock', () => {
  const server = usePostgres()
  test(
    'keeps every mode while processes are killed and stopped',
    async () => {
      const { host, port, user, password, database } = server
      const own = { host, port, user, password, database } as FamilySettings['server']
      const settings = { engine: 'postgres', server: own, lease: LEASE, capacity: CAPACITY } as const
      const open = (options: PostgresLockOptions) => new PostgresLock(() => new pg.Client(own), options)
      const engine = {
        takeAll: (ms: number) =>
          takeFrom(open({ namespace: 'family' }), open({ namespace: 'permits', capacity: CAPACITY }), ms),
        restart: () => server.crash(),
        forgets: true
      }
      expectSound('PostgresLock', await attack(engine, settings))
    },
    timeout
  )
})

describeRedis('RedisLock', () => {
  // What was acknowledged is there after a restart.
  const server = useRedis(...(FAULTS.includes('restarts') ? ['--appendonly', 'yes', '--appendfsync', 'always'] : []))
  test(
    'keeps every mode while processes are killed and stopped',
    async () => {
      const own = { host: server.host, port: server.port }
      const settings = { engine: 'redis', server: own, lease: LEASE, capacity: CAPACITY } as const
      const client = server.connect()
      client.on('error', () => {})
      const open = (options: RedisLockOptions) => new RedisLock(client, { lease: LEASE, ...options })
      const engine = {
        takeAll: (ms: number) =>
          takeFrom(open({ namespace: 'family' }), open({ namespace: 'permits', capacity: CAPACITY }), ms),
        restart: () => server.crash()
      }
      expectSound('RedisLock', await attack(engine, settings))
      await client.quit()
    },
    timeout
  )
})
