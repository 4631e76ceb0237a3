// The same lock on exclusive SQLite databases, which other systems than Linux need. It needs Node 22.13; on an older one
// the tests say so and are skipped.

import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LockAbility } from 'latchkey/distributed'
import { LocalLock, type LocalLockOptions, lockFile } from 'latchkey/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { sqlite } from '../../../src/engines/local/sqlite.js'
import { closeAll } from '../../fixtures/closing.js'
import { checkAll } from '../../fixtures/conformance.js'
import { useProcesses, Worker } from '../../fixtures/processes.js'
import { bundleTo } from './bundle.js'
import { chaos } from './chaos.js'

const isThere = sqlite() !== undefined
if (!isThere) console.log('Tests of the SQLite engine are skipped: this runtime has no node:sqlite (Node 22.13 has).')

let folder = ''
let directory = ''
const opened: LocalLock[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-sqlite-'))
  directory = join(folder, 'locks')
})
afterEach(async context => {
  await closeAll(context, opened)
  rmSync(folder, { recursive: true, force: true })
})
function open(options?: LocalLockOptions): LocalLock {
  const lock = new LocalLock({ directory, engine: 'sqlite', ...options })
  opened.push(lock)
  return lock
}

describe.runIf(!isThere)('without node:sqlite', () => {
  test('it is refused, with what to do', async () => {
    const refusal = expect.objectContaining({
      code: 'ERR_ENGINE_UNSUPPORTED',
      message: expect.stringContaining('22.13')
    })
    expect(() => open()).toThrow(refusal)
    expect(() => lockFile(join(folder, 'a'), () => {}, { engine: 'sqlite' })).toThrow(refusal)
  })
})

const LACKS: LockAbility[] = ['shared', 'capacity', 'fifo']

describe.runIf(isThere)('a lock on SQLite', () => {
  checkAll(open, LACKS)

  test('says what it promises', () => {
    expect(open().guarantees).toEqual({ fifo: false, fencing: true, survives: ['crash', 'pause'] })
  })

  test('takes keys synchronously', async () => {
    const [one, other] = [open(), open()]
    const lease = one.acquireSync('a')
    expect(other.tryAcquireSync('a')).toBeUndefined()
    expect(() => other.acquireSync('a', { timeout: 30 })).toThrow(expect.objectContaining({ code: 'ERR_LOCK_TIMEOUT' }))
    expect(lease.held).toBe(true)
    lease.release()
    const next = other.acquireSync('a')
    expect(next.token).toBeGreaterThan(lease.token)
    next.release()
  })

  test('check shows the holder', async () => {
    const [one, other] = [open(), open()]
    expect(await other.check('a')).toEqual([])
    const lease = await one.acquire('a')
    expect(await other.check('a')).toEqual([
      { pid: process.pid, here: true, since: expect.any(Number), token: lease.token }
    ])
    await lease.release()
  })

  test('says who holds now, and not who held before, and its tokens grow whatever the clock says', async () => {
    const [one, other] = [open({ owner: 'a long name of the first' }), open({ owner: 'ö' })]
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_900_000_000_000)
    try {
      let last = 0n
      for (const lock of [one, other, one, other]) {
        const lease = await lock.acquire('a')
        expect(lease.token).toBeGreaterThan(last)
        last = lease.token as bigint
        expect(await one.inspect('a')).toMatchObject({ owner: lease.owner, token: lease.token })
        await lease.release()
      }
      now.mockReturnValue(1_800_000_000_000) // set back
      const lease = await one.acquire('a')
      expect(lease.token).toBeGreaterThan(last)
      await lease.release()
      expect(statSync(join(directory, keyIdOf('a'), 'lock.holder')).size).toBe(512)
    } finally {
      now.mockRestore()
    }
  })

  test('check of a free key does not lock it, not even for a moment', async () => {
    const Database = sqlite() as unknown as { prototype: { exec(sql: string): void } }
    const [one, other] = [open(), open()]
    expect(await other.check('new')).toEqual([])
    const first = await one.acquire('a')
    await first.release()
    const exec = vi.spyOn(Database.prototype, 'exec')
    try {
      expect(await other.check('a')).toEqual([])
      expect(await other.inspect('a')).toBeUndefined()
      expect(exec).not.toHaveBeenCalled()
    } finally {
      exec.mockRestore()
    }
    const second = await other.acquire('a')
    expect(second.token).toBeGreaterThan(first.token as bigint)
    await second.release()
  })

  test('a holder is told that its file was removed, and one that was removed excludes no one', async () => {
    const [one, other] = [open(), open()]
    await one.runExclusive('a', () => {})
    rmSync(join(directory, keyIdOf('a')), { recursive: true })
    const lease = await one.acquire('a')
    expect(await other.tryAcquire('a')).toBeUndefined()
    const told = new Promise(resolve => lease.signal.addEventListener('abort', () => resolve(lease.signal.reason)))
    rmSync(directory, { recursive: true })
    expect(lease.held).toBe(false)
    expect(await told).toMatchObject({ code: 'ERR_LEASE_LOST' })
    await lease.release()
  })

  test('keeps few databases open, and closes them', async () => {
    const lock = open()
    const descriptors = () => readdirSync('/proc/self/fd').length
    const before = descriptors()
    for (let i = 0; i < 200; i++) await lock.runExclusive(`key ${i}`, () => {})
    expect(descriptors() - before).toBeLessThan(80)
    await lock.close()
    expect(descriptors()).toBeLessThanOrEqual(before)
  })

  test.each([
    ['private', '600'],
    ['group', '660'],
    ['everyone', '666']
  ] as const)('the rights of its files are those that were asked for, whatever the umask: %s', async (access, mode) => {
    const before = process.umask(0o077)
    const [holder, waiter] = [open({ access }), open({ access })]
    try {
      await holder.runExclusive('a', () => expect(waiter.acquire('a', { timeout: 20 })).rejects.toThrow())
    } finally {
      process.umask(before)
    }
    const path = join(directory, keyIdOf('a'))
    expect(readdirSync(path).sort()).toEqual(['lock.holder', 'lock.sqlite', 'lock.waiting'])
    for (const name of readdirSync(path)) expect((statSync(join(path, name)).mode & 0o777).toString(8)).toBe(mode)
  })

  test('lockFile excludes, and leaves nothing beside the file', async () => {
    const file = join(folder, 'app.json')
    let inside = 0
    const section = async () => {
      expect(++inside).toBe(1)
      await new Promise(resolve => setImmediate(resolve))
      inside--
    }
    await Promise.all([1, 2, 3].map(() => lockFile(file, section, { engine: 'sqlite' })))
    expect(existsSync(join(folder, '.app.json.latchkey'))).toBe(false)
    rmSync(join(new LocalLock({ engine: 'sqlite' }).directory, keyIdOf(file)), { recursive: true, force: true })
  })

  describe('between processes', () => {
    const start = useProcesses('test/engines/local/worker.ts')
    let shared = ''
    let worker = ''
    beforeAll(async () => {
      shared = mkdtempSync(join(tmpdir(), 'latchkey-worker-'))
      chmodSync(shared, 0o755)
      worker = await bundleTo(join(shared, 'worker.mjs'))
    })
    afterAll(() => rmSync(shared, { recursive: true, force: true }))
    const openBoth = () =>
      Promise.all([1, 2].map(() => start({ directory, engine: 'sqlite' }))) as Promise<[Worker, Worker]>

    test('a holder that is killed is followed by the next; one that is stopped is not', async () => {
      const [holder, waiter] = await openBoth()
      await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      holder.signal('SIGSTOP')
      expect(await waiter.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 200 }, 'refused')).toMatchObject({
        code: 'ERR_LOCK_TIMEOUT'
      })
      waiter.say({ do: 'acquire', id: 'c', key: 'k' })
      holder.signal('SIGKILL')
      await waiter.hear('granted')
    })

    const isRoot = process.getuid?.() === 0
    test.runIf(isRoot).each([
      ['group', 65_001, 65_002],
      ['everyone', 0, 65_001],
      ['everyone', 65_001, 65_002]
    ] as const)('users that share are excluded by each other: %s, %i and %i', async (access, ...users) => {
      chmodSync(folder, 0o777)
      const as = (uid: number) => new Worker(worker, { directory, access, engine: 'sqlite' }, { uid, gid: 65_100 })
      const [one, other] = (users as readonly number[]).map(as) as [Worker, Worker]
      try {
        await Promise.all([one.hear('ready'), other.hear('ready')])
        for (const [holder, waiter] of [
          [one, other],
          [other, one]
        ] as [Worker, Worker][]) {
          await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
          expect(await waiter.ask({ do: 'acquire', id: 'b', key: 'k', timeout: 50 }, 'refused')).toMatchObject({
            code: 'ERR_LOCK_TIMEOUT'
          })
          await holder.ask({ do: 'release', id: 'a' }, 'released')
          await waiter.ask({ do: 'acquire', id: 'c', key: 'k' }, 'granted')
          await waiter.ask({ do: 'release', id: 'c' }, 'released')
        }
        await one.ask({ do: 'acquire', id: 'd', key: 'k' }, 'granted')
        await one.end()
        await other.ask({ do: 'acquire', id: 'e', key: 'k' }, 'granted')
      } finally {
        await Promise.all([one.end(), other.end()])
      }
    })

    test('a holder with nothing else to do ends', async () => {
      const [holder, waiter] = await openBoth()
      await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      holder.say({ do: 'finish' })
      expect(await holder.exit()).toBe(0)
      await waiter.ask({ do: 'acquire', id: 'b', key: 'k' }, 'granted')
      await vi.waitFor(() => expect(holder.alive).toBe(false))
    })

    test('holders never meet, however they come and go', async () => {
      chmodSync(folder, 0o755)
      const result = await chaos({
        program: worker,
        runtimes: [process.execPath],
        folder,
        processes: 4,
        times: 40,
        kinds: ['run', 'timeout', 'abort', 'try', 'sync', 'trySync'],
        kills: 15,
        stops: 15,
        seed: 11,
        lock: { engine: 'sqlite' }
      })
      expect(result.violations).toEqual([])
      expect(result.counted).toBeGreaterThanOrEqual(result.done)
      expect(result.done).toBeGreaterThan(20)
    }, 120_000)
  })
})
