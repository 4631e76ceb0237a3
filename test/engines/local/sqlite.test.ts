// The same lock on exclusive SQLite databases, which other systems than Linux need. It needs Node 22.13; on an older one
// the tests say so and are skipped.

import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { LockAbility } from 'latchkey/distributed'
import { LocalLock, type LocalLockOptions, lockFile } from 'latchkey/local'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { keyIdOf } from '../../../src/engines/local/local-lock.js'
import { sqlite } from '../../../src/engines/local/sqlite.js'
import { closeAll } from '../../fixtures/closing.js'
import { checkAll } from '../../fixtures/conformance.js'
import { useProcesses, type Worker } from '../../fixtures/processes.js'
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

  test('the rights of its files are those that were asked for', async () => {
    const lock = open({ access: 'everyone' })
    await lock.runExclusive('a', () => {})
    expect((statSync(join(directory, keyIdOf('a'), 'lock.sqlite')).mode & 0o777).toString(8)).toMatch(/^6[64][64]$/)
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

    test('a holder with nothing else to do ends', async () => {
      const [holder, waiter] = await openBoth()
      await holder.ask({ do: 'acquire', id: 'a', key: 'k' }, 'granted')
      holder.say({ do: 'finish' })
      expect(await holder.exit()).toBe(0)
      await waiter.ask({ do: 'acquire', id: 'b', key: 'k' }, 'granted')
      await vi.waitFor(() => expect(holder.alive).toBe(false))
    })

    test('holders never meet, however they come and go', async () => {
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
